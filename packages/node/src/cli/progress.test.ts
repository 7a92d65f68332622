import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { concatBytes } from "@counterpart/core/base/bytes";
import { BLOCKS, GENESIS } from "../engine/imported.test-support.ts";
import { createTestTerminal, type Ran, runCommand } from "./context.test-support.ts";
import { watchCopy } from "./copy-progress.ts";
import { EXIT } from "./exit-code.ts";

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-progress-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs a command for which every look at the clock takes longer than progress waits. */
function run(isErrorTerminal: boolean, ...words: string[]): Promise<Ran> {
  let ms = 0;
  return runCommand(words, createTestTerminal({ isErrorTerminal, now: () => (ms += 1_100) }));
}

/** Before a carriage return, so that the next one is written over it. */
const PACE = /\d (blocks|MiB)\/s [^\n]*\d %, [\d.]+ \w+ left\r/;

test("long work shows rate and what is left on a terminal, and nothing to programs and in files", async (t) => {
  const folder = folderOf(t);
  const at = (name: string): string => join(folder, name);
  writeFileSync(at("genesis.json"), GENESIS);
  writeFileSync(at("chain.rlp"), concatBytes(...BLOCKS));
  let made = 0;
  const commands: readonly ((dataDir: string) => string[])[] = [
    (dataDir) => ["import", at("genesis.json"), at("chain.rlp"), "--data-dir", dataDir],
    (dataDir) => ["export", at(`export-${++made}`), "--data-dir", dataDir],
    (dataDir) => ["db", "prune", "--history", "2", "--data-dir", dataDir],
  ];
  for (const command of commands) {
    const shown = await run(true, ...command(at("shown")));
    assert.equal(shown.code, EXIT.ok, shown.errors);
    assert.match(shown.errors, PACE);
    assert.ok(shown.errors.endsWith("\r\x1b[K"), "the line is taken away");
    const hidden = await run(false, ...command(at("hidden")));
    assert.deepEqual([hidden.code, hidden.errors], [EXIT.ok, ""]);
    assert.doesNotMatch(hidden.out, / left/);
  }
  const [importing, , pruning] = commands as [(typeof commands)[0], unknown, (typeof commands)[0]];
  for (const words of [importing(at("json")), pruning(at("json"))]) {
    const { code, errors } = await run(true, ...words, "--json");
    assert.deepEqual([code, errors], [EXIT.ok, ""]);
  }
});

test("a copy is watched by its size until it ends, however it ends", async (t) => {
  const folder = folderOf(t);
  const [from, to] = [join(folder, "from"), join(folder, "to")];
  writeFileSync(from, new Uint8Array(4_194_304));
  writeFileSync(to, new Uint8Array(1_048_576));
  const { promise, resolve } = Promise.withResolvers<string>();
  let ms = 0;
  const output = { progress: resolve, now: () => (ms += 1_000) };
  assert.match(
    await watchCopy(from, to, output, () => promise),
    /copying, 1\.0 MiB of at most 4\.0 MiB: 1 MiB\/s {2}25 %, 3\.0 s left/,
  );
  await assert.rejects(
    watchCopy(from, to, output, () => Promise.reject(new Error("full"))),
    /full/,
  );
});
