import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { openDataDir } from "./data-dir.ts";

const here = new URL("./data-dir.ts", import.meta.url).href;

function inFolder(run: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "counterpart-data-"));
    try {
      await run(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

test(
  "a directory is made for its owner alone, and has one holder at a time",
  inFolder(async (folder) => {
    const path = join(folder, "deep", "data");
    const first = await openDataDir(path);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    await assert.rejects(openDataDir(path), { code: "DATA_DIR_LOCKED" });
    await first.release();
    const second = await openDataDir(path);
    await second.release();
    assert.equal(existsSync(join(path, "lock")), false);
  }),
);

test(
  "the lock of a killed process is taken over at once, that of a living one is not",
  inFolder(async (path) => {
    const script = `const { openDataDir } = await import(${JSON.stringify(here)});
      await openDataDir(${JSON.stringify(path)}); console.log("held"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    await assert.rejects(openDataDir(path), { code: "DATA_DIR_LOCKED", message: new RegExp(`process ${child.pid}`) });
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    const taken = await openDataDir(path);
    await taken.release();
  }),
);

test(
  "the lock of a dead process is taken over though another process has its id now, unless somebody refreshes it",
  inFolder(async (path) => {
    const [holder, lock] = [join(path, "holder-7"), join(path, "lock")];
    mkdirSync(holder);
    mkdirSync(lock);
    writeFileSync(join(holder, String(process.ppid)), "");
    await assert.rejects(openDataDir(path), {
      code: "DATA_DIR_LOCKED",
      message: new RegExp(`process ${process.ppid}`),
    });
    utimesSync(holder, 1, 1);
    await assert.rejects(openDataDir(path), { code: "DATA_DIR_LOCKED" });
    utimesSync(lock, 1, 1);
    const taken = await openDataDir(path);
    await taken.release();
    const names = readdirSync(path).toSorted();
    assert.deepEqual(names, ["holder-7", "holder-8"]);
  }),
);

test(
  "holders of long ago leave nothing behind",
  inFolder(async (path) => {
    for (let times = 0; times < 30; times++) await (await openDataDir(path)).release();
    assert.ok(readdirSync(path).length < 15, readdirSync(path).join(" "));
  }),
);

test(
  "a path that cannot be a directory is a clear error",
  inFolder(async (folder) => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    await assert.rejects(openDataDir(file), { code: "DATA_DIR_UNUSABLE" });
    await assert.rejects(openDataDir(join(file, "below")), { code: "DATA_DIR_UNUSABLE" });
    if (existsSync("/proc/self")) await assert.rejects(openDataDir("/proc/nope/data"), { code: "DATA_DIR_UNUSABLE" });
  }),
);

test(
  "nodes that start at the same moment make their common parent folder together",
  inFolder(async (folder) => {
    const script = (name: string): string => `const { openDataDir } = await import(${JSON.stringify(here)});
      const dir = await openDataDir(${JSON.stringify(join(folder, "data", "deep"))} + "/${name}"); await dir.release();`;
    const codes = await Promise.all(
      ["a", "b", "c", "d"].map((name) => {
        const child = spawn(process.execPath, ["--input-type=module", "-e", script(name)], { stdio: "inherit" });
        return new Promise((resolve) => child.once("exit", resolve));
      }),
    );
    assert.deepEqual(codes, [0, 0, 0, 0]);
  }),
);

/** A process that opens each directory it is told of when told to, says how that went, and gives it back when told. */
function opener(openerModule: string) {
  const script = `const { openDataDir } = await import(${JSON.stringify(openerModule)});
    const { createInterface } = await import("node:readline");
    let held;
    console.log("ready");
    for await (const line of createInterface({ input: process.stdin })) {
      if (line === "release") { await held?.release(); held = undefined; console.log("released"); continue; }
      try { held = await openDataDir(line); console.log("held"); } catch (error) { console.log(error.code); }
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const hear = async (): Promise<unknown> => (await lines.next()).value;
  return {
    hear,
    ask(line: string): Promise<unknown> {
      child.stdin.write(`${line}\n`);
      return hear();
    },
    async kill(): Promise<void> {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    },
  };
}

test(
  "of processes that find the lock of a killed one at the same moment, one takes it over",
  inFolder(async (folder) => {
    const openers = Array.from({ length: 4 }, () => opener(here));
    try {
      for (const { hear } of openers) assert.equal(await hear(), "ready");
      const paths = Array.from({ length: 100 }, (_, round) => join(folder, String(round)));
      const victim = opener(here);
      assert.equal(await victim.hear(), "ready");
      for (const path of paths) assert.equal(await victim.ask(path), "held");
      await victim.kill();
      for (const path of paths) {
        const said = await Promise.all(openers.map(({ ask }) => ask(path)));
        assert.deepEqual(said.toSorted(), ["DATA_DIR_LOCKED", "DATA_DIR_LOCKED", "DATA_DIR_LOCKED", "held"], path);
        for (const { ask } of openers) assert.equal(await ask("release"), "released");
      }
    } finally {
      await Promise.all(openers.map(({ kill }) => kill()));
    }
  }),
);
