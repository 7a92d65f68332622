import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { concatBytes } from "@counterpart/core/base/bytes";
import { headerOfAnyBlock } from "@counterpart/core/chain/any-block";
import { ZERO_HASH } from "@counterpart/core/chain/header";
import { BLOCKS, GENESIS } from "../packages/node/src/engine/imported.test-support.ts";
import { runSuite } from "./suite.ts";
import { executionApis } from "./suites/execution-apis.ts";

const WHOLE = concatBytes(...BLOCKS);
const { hash: HEAD } = headerOfAnyBlock(BLOCKS.at(-1) as Uint8Array);

const lines = (...texts: readonly string[]): string => `${texts.join("\n")}\n`;
const requestOf = (method: string, ...params: unknown[]): string =>
  `>> ${JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })}`;
const answerOf = (answer: object): string => `<< ${JSON.stringify({ jsonrpc: "2.0", id: 1, ...answer })}`;

/** What the suite makes of a folder with these files, and with these cases by `method/case.io`. */
async function resultOf(chain: Uint8Array, headBlockHash: string, cases: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-imported-"));
  try {
    writeFileSync(join(folder, "genesis.json"), GENESIS);
    writeFileSync(join(folder, "chain.rlp"), chain);
    writeFileSync(join(folder, "headfcu.json"), JSON.stringify({ params: [{ headBlockHash }, null] }));
    for (const [id, text] of Object.entries(cases)) {
      mkdirSync(dirname(join(folder, id)), { recursive: true });
      writeFileSync(join(folder, id), text);
    }
    const { passed, skipped, failed } = await runSuite(executionApis, folder);
    return { passed, skipped, failed: failed.map(({ id, reason }) => `${id}: ${reason}`) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a chain of execution-apis passes with a case for each block, its head, its export and each check", async () => {
  const { passed, failed } = await resultOf(WHOLE, HEAD);
  assert.deepEqual(failed, []);
  assert.ok(passed > BLOCKS.length + 2);
});

test("another head, and a block that is not right, are failures", async () => {
  assert.deepEqual((await resultOf(WHOLE, ZERO_HASH)).failed, [`import: head: the head is ${HEAD}, not ${ZERO_HASH}`]);
  const { failed } = await resultOf(WHOLE.subarray(0, WHOLE.length - 1), HEAD);
  assert.match(failed[0] ?? "", /^import: block 6: invalid RLP: an item of \d+ bytes ends after \d+$/);
  assert.match(failed[1] ?? "", /^import: head: /);
  assert.match(failed[2] ?? "", /^import: export: it is not the file that came/);
  assert.equal(failed.length, 3);
});

test("a node on the imported chain is asked what was recorded, and each answer is held to it", async () => {
  const number = requestOf("eth_blockNumber");
  const unknown = requestOf("eth_nothing");
  const raw = requestOf("eth_sendRawTransaction", "0x01");
  const refusal = answerOf({ error: { code: -32_000, message: "in other words" } });
  const { passed } = await resultOf(WHOLE, HEAD);
  const result = await resultOf(WHOLE, HEAD, {
    "eth_blockNumber/right.io": lines("// the number of the head", number, answerOf({ result: "0x6" })),
    "eth_blockNumber/twice.io": lines(number, answerOf({ result: "0x6" }), number, answerOf({ result: "0x7" })),
    "eth_blockNumber/form.io": lines("// speconly: any number", number, answerOf({ result: "0x123" })),
    "eth_blockNumber/other-form.io": lines("// speconly: a list", number, answerOf({ result: [] })),
    "eth_blockNumber/empty.io": lines("// nothing"),
    "eth_blockNumber/notes.txt": "no case",
    "eth_nothing/words.io": lines(unknown, answerOf({ error: { code: -32_601, message: "in other words" } })),
    "eth_nothing/code.io": lines(unknown, refusal),
    "eth_nothing/form.io": lines("// speconly: an error has no form", unknown, answerOf({ result: "0x0" })),
    "eth_sendRawTransaction/send-access-list-transaction.io": lines(raw, answerOf({ result: "0x00" })),
    "eth_sendRawTransaction/send-dynamic-fee-transaction.io": lines(raw, refusal),
  });
  assert.equal(result.passed, passed + 3);
  assert.deepEqual(
    result.skipped.map(({ id }) => id),
    ["eth_sendRawTransaction/send-access-list-transaction.io"],
  );
  const beginnings = [
    "eth_blockNumber/empty.io: a request has no answer",
    'eth_blockNumber/other-form.io: result: "0x6" has not the form of []',
    'eth_blockNumber/twice.io: result: "0x6", wanted "0x7"',
    "eth_nothing/code.io: error.code: -32601, wanted -32000",
    "eth_nothing/form.io: error: {",
    "eth_sendRawTransaction/send-dynamic-fee-transaction.io: it passes, and is excused: ",
  ];
  assert.equal(result.failed.length, beginnings.length, result.failed.join("\n"));
  for (const [at, beginning] of beginnings.entries()) {
    assert.ok(result.failed[at]?.startsWith(beginning), `${result.failed[at]}, wanted ${beginning}`);
  }
});
