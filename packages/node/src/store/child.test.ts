import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { firstChildOf, isRunning, untilEnded } from "./processes.test-support.ts";

const childUrl = new URL("./child.ts", import.meta.url);
const RUN = `
  import { runModule } from "${childUrl}";
  await runModule("busy-child.test-support", "${childUrl}", [], () => {});
`;

test("a process that works for another ends with it, whatever it is in the middle of", async () => {
  const parent = spawn(process.execPath, ["--input-type=module", "--eval", RUN], { stdio: "inherit" });
  const busy = await firstChildOf(parent.pid as number);
  // Until it is busy.
  await delay(1_000);
  assert.ok(isRunning(busy));
  parent.kill("SIGKILL");
  await untilEnded(busy);
});
