import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { concatBytes } from "@counterpart/core/base/bytes";
import { headerOfAnyBlock } from "@counterpart/core/chain/any-block";
import { ZERO_HASH } from "@counterpart/core/chain/header";
import { BLOCKS, GENESIS } from "../packages/node/src/engine/imported.test-support.ts";
import { runSuite } from "./suite.ts";
import { executionApis } from "./suites/execution-apis.ts";

const WHOLE = concatBytes(...BLOCKS);
const { hash: HEAD } = headerOfAnyBlock(BLOCKS.at(-1) as Uint8Array);

/** What the suite makes of a folder with these files. */
async function resultOf(chain: Uint8Array, headBlockHash: string) {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-imported-"));
  try {
    writeFileSync(join(folder, "genesis.json"), GENESIS);
    writeFileSync(join(folder, "chain.rlp"), chain);
    writeFileSync(join(folder, "headfcu.json"), JSON.stringify({ params: [{ headBlockHash }, null] }));
    const { passed, failed } = await runSuite(executionApis, folder);
    return { passed, failed: failed.map(({ id, reason }) => `${id}: ${reason}`) };
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
