/** The launcher, on a Node without type stripping, before a program that only reports what happens to it. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";

const LAUNCHER = resolve(import.meta.dirname, "../../bin/counterpart.mjs");
const NODE_MODULES = resolve(import.meta.dirname, "../../../../node_modules");
const WITHOUT_TYPES = "--no-experimental-strip-types";

const PROGRAM = `
const [mode, ...rest]: string[] = process.argv.slice(2);
const say = (text: string): void => console.log(text);
process.on("disconnect", () => { say("alone"); process.exit(0); });
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => { say(signal); process.exit(signal === "SIGINT" ? 7 : 0); });
}
say([process.pid, process.ppid, ...rest].join(" "));
if (mode === "exit") process.exit(Number(rest[0]));
if (mode === "abort") process.kill(process.pid, "SIGKILL");
setInterval(() => {}, 1000);
`;

/** A package as the launcher finds it around itself. */
function installed(t: TestContext, options: { readonly node: boolean }): string {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-launcher-"));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "src/cli"), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  writeFileSync(join(folder, "src/cli/main.ts"), PROGRAM);
  cpSync(LAUNCHER, join(folder, "bin/counterpart.mjs"));
  if (options.node) symlinkSync(NODE_MODULES, join(folder, "node_modules"));
  return join(folder, "bin/counterpart.mjs");
}

interface Launched {
  readonly process: ChildProcess;
  /** The next line of standard output. */
  line(): Promise<string>;
  readonly errors: () => string;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

function launch(t: TestContext, launcher: string, nodeFlags: string[], ...args: string[]): Launched {
  // The program is in another folder each time, so that what is kept of it would only pile up.
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" };
  const child = spawn(process.execPath, [...nodeFlags, launcher, ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  t.after(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  return {
    process: child,
    line: async () => {
      const next = await lines.next();
      return next.done === true ? assert.fail("standard output has ended") : next.value;
    },
    errors: () => errors,
    ended: new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal }))),
  };
}

test("a Node with type stripping runs the program itself", async (t) => {
  const { process: child, line, ended } = launch(t, installed(t, { node: false }), [], "exit", "5");
  assert.match(await line(), new RegExp(`^${child.pid} ${process.pid} 5$`));
  assert.deepEqual(await ended, { code: 5, signal: null });
});

test("an older Node hands arguments to the bundled one and its exit code back", async (t) => {
  const { process: child, line, ended } = launch(t, installed(t, { node: true }), [WITHOUT_TYPES], "exit", "5", "a b");
  assert.match(await line(), new RegExp(`^\\d+ ${child.pid} 5 a b$`));
  assert.deepEqual(await ended, { code: 5, signal: null });
});

test("an older Node without a bundled one says which Node it needs", async (t) => {
  const launched = launch(t, installed(t, { node: false }), [WITHOUT_TYPES], "exit", "0");
  assert.deepEqual(await launched.ended, { code: 1, signal: null });
  assert.match(
    launched.errors(),
    /^counterpart: Node 24 or later is needed, this is v[\d.]+ \(https:\/\/nodejs.org\)\n$/,
  );
});

for (const [signal, code] of [["SIGINT", 7] as const, ["SIGTERM", 0] as const]) {
  test(`${signal} to the launcher reaches the program, whose exit code counts`, async (t) => {
    const { process: child, line, ended } = launch(t, installed(t, { node: true }), [WITHOUT_TYPES], "wait");
    await line();
    child.kill(signal);
    assert.equal(await line(), signal);
    assert.deepEqual(await ended, { code, signal: null });
  });
}

test("a launcher killed without warning leaves no program behind", async (t) => {
  const { process: child, line, ended } = launch(t, installed(t, { node: true }), [WITHOUT_TYPES], "wait");
  await line();
  child.kill("SIGKILL");
  assert.equal(await line(), "alone");
  await ended;
});

test("a program ended by a signal ends the launcher by the same one", async (t) => {
  const { line, ended } = launch(t, installed(t, { node: true }), [WITHOUT_TYPES], "abort");
  await line();
  assert.deepEqual(await ended, { code: null, signal: "SIGKILL" });
});

for (const [what, nodeFlags, npm] of [
  ["npx runs itself", [], { npm_command: "exec" }],
  ["npx runs by the bundled Node", [WITHOUT_TYPES], { npm_command: "exec" }],
  ["npm start runs by the bundled Node", [WITHOUT_TYPES], { npm_command: "start", npm_lifecycle_event: "start" }],
] as const) {
  test(`a program that ${what} stops when its parent is killed`, async (t) => {
    const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1", ...npm };
    // With something after it, so that the shell stays.
    const command = ["-c", '"$0" "$@"; true', process.execPath, ...nodeFlags, installed(t, { node: true }), "wait"];
    const shell = spawn("sh", command, { stdio: ["ignore", "pipe", "inherit"], env });
    t.after(() => shell.kill("SIGKILL"));
    const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
    const pid = Number(String((await lines.next()).value).split(" ")[0]);
    t.after(() => {
      try {
        process.kill(pid, "SIGKILL");
      } catch {}
    });
    shell.kill("SIGKILL");
    assert.equal((await lines.next()).value, "SIGTERM");
  });
}
