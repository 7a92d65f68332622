import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { firstChildOf, isRunning, untilEnded } from "./processes.test-support.ts";

const childUrl = new URL("./child.ts", import.meta.url);
/** Runs the busy child, and says when it is busy. */
const RUN = `
  import { runModule } from "${childUrl}";
  await runModule("busy-child.test-support", "${childUrl}", [], (line) => console.log(line));
`;

async function begin(t: TestContext) {
  const parent = spawn(process.execPath, ["--input-type=module", "--eval", RUN], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const child = await firstChildOf(parent.pid as number);
  t.after(() => {
    parent.kill("SIGKILL");
    if (isRunning(child)) process.kill(child, "SIGKILL");
  });
  return { parent, child };
}

test("a process that works for another ends with it, whatever it is in the middle of", async (t) => {
  const { parent, child } = await begin(t);
  await once(parent.stdout, "data");
  assert.ok(isRunning(child));
  parent.kill("SIGKILL");
  await untilEnded(child);
});

test("a process that works for another ends with it, also when it has hardly begun", async (t) => {
  const { parent, child } = await begin(t);
  parent.kill("SIGKILL");
  await untilEnded(child);
});
