/** The tour of README.md, typed as it stands: every command works, and answers what is shown. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { concatBytes } from "@counterpart/core/base/bytes";
import { BLOCKS, GENESIS } from "../../packages/node/src/engine/imported.test-support.ts";
import { Shell } from "./shell.ts";
import { assertPrinted, assertShown, stepsOf, untakenIn } from "./tour.ts";
import { plainEnvironment, ROOT, takeTour } from "./tour-walk.ts";

const README = readFileSync(join(ROOT, "README.md"), "utf8");

test("the tour works as it is written", async () => {
  const steps = await takeTour(README, { files: { "genesis.json": GENESIS, "chain.rlp": concatBytes(...BLOCKS) } });
  assert.ok(steps.length >= 18, "the tour is there");
  assert.deepEqual(untakenIn(README), ["npm ci && npm start\nnpm ci && npm test\n"]);
});

describe("what is shown", () => {
  test("is every member that a document names, as it is there", () => {
    const actual = { a: "0x12", b: [{ c: 1 }, { c: 2 }], duration_ms: 3, more: null };
    assertShown(actual, { a: "0x…", b: [{ c: 1 }], duration_ms: 99 });
    assertShown(actual, { b: ["…"], more: null });
    const wrong = [{ d: 1 }, { a: "0x1" }, { a: "1…" }, { b: [{ c: 2 }] }, { b: [{}, {}, {}] }, { duration_ms: "3" }];
    for (const shown of wrong) assert.throws(() => assertShown(actual, shown), assert.AssertionError);
  });

  test("is as many answers as there are, and lines of text anywhere", () => {
    assertPrinted('noise\n{"a":1}\n{"a":2}\n', { kind: "json", content: '{"a":1}\n{"a":2}\n' });
    assert.throws(() => assertPrinted('{"a":1}', { kind: "json", content: '{"a":1}\n{"a":1}\n' }));
    assertPrinted("one\n  two 3\nfour", { kind: "text", content: "  two …\n" });
    assert.throws(() => assertPrinted("one\ntwo 3", { kind: "text", content: "  two …\n" }));
  });

  test("belongs to the commands before it; a comment without commands is a mistake", () => {
    const document = "<!-- tour: stop 1 -->\n```sh\nls\n```\n\n```json\n{}\n```\n<!-- tour -->\n```sh\npwd\n```\n";
    assert.deepEqual(stepsOf(document), [
      { stop: "1", repeat: false, commands: "ls\n", shown: { kind: "json", content: "{}\n" } },
      { repeat: false, commands: "pwd\n" },
    ]);
    assert.throws(() => stepsOf(`${document}<!-- tour: wait -->\n`));
  });

  test("is also what another terminal prints, and the text of files", () => {
    const document =
      "<!-- tour: printed 1 -->\n```text\nhead …\n```\n\n<!-- tour: file a/B.sol -->\n```solidity\nb\n```\n";
    assert.deepEqual(stepsOf(document), [
      { printed: "1", repeat: false, commands: "", shown: { kind: "text", content: "head …\n" } },
      { file: "a/B.sol", repeat: false, commands: "b\n" },
    ]);
    const spoilt = [document.replace("```text", "```json"), document.replace(": file a/B.sol", "")];
    for (const text of spoilt) assert.throws(() => stepsOf(text), assert.AssertionError);
  });
});

test("a command that fails ends the tour with what it said", async () => {
  await using shell = new Shell({ cwd: ROOT, env: plainEnvironment() });
  assert.equal((await shell.run("word=kept; echo first")).trim(), "first");
  assert.equal((await shell.run('echo "$word"')).trim(), "kept");
  await assert.rejects(shell.run("ls /no-such-folder | cat"), /no-such-folder/);
});
