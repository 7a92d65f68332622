import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { encodeAnyBlock } from "@counterpart/core/chain/any-block";
import { createForeignChain } from "@counterpart/core/consensus/foreign-chain.test-support";
import { parseForeignGenesis } from "@counterpart/core/consensus/foreign-genesis";
import { createChainImport } from "../../packages/node/src/engine/chain-import.ts";
import { createMemoryStore } from "../../packages/node/src/store/memory-store.ts";
import { runSuite, type SuiteResult } from "../suite.ts";
import { blockchainTests } from "./blockchain-tests.ts";

const folder = mkdtempSync(join(tmpdir(), "counterpart-blockchain-tests-"));
after(() => rmSync(folder, { recursive: true }));

const HEADER = { number: "0x00", gasLimit: "0x1c9c380", difficulty: "0x020000", timestamp: "0x00", nonce: "0x00" };
const CONFIG = { chainId: 1, homesteadBlock: 0, eip150Block: 2 };
const file = (header: object): string => JSON.stringify({ ...header, config: CONFIG, alloc: {} });

async function chainOf(count: number) {
  const genesis = parseForeignGenesis(file(HEADER));
  const sealer = createForeignChain(genesis);
  const sealed = [];
  for (let n = 0; n < count; n++) sealed.push(await sealer.seal({}));
  const { hash } = createChainImport({ store: createMemoryStore(), genesis, clock: { now: () => 0 } }).head();
  const blocks = sealed.map((block) => ({
    rlp: bytesToHex(encodeAnyBlock(block)),
    blockHeader: { parentHash: block.header.parentHash, timestamp: `0x${block.header.timestamp.toString(16)}` },
  }));
  return { hash, blocks, last: sealed.at(-1)?.header.hash as Hex };
}

const { hash, blocks, last } = await chainOf(3);
const VECTOR = {
  network: "HomesteadToEIP150At2",
  genesisBlockHeader: { ...HEADER, hash, stateRoot: "0x", bloom: "0x" },
  pre: {},
  blocks,
  lastblockhash: last,
};

function run(vector: object): Promise<SuiteResult> {
  writeFileSync(join(folder, "chain.json"), JSON.stringify({ chain: vector }));
  return runSuite(blockchainTests, folder);
}

test("passes a chain that an import takes whole", async () => {
  const { passed, failed, skipped } = await run(VECTOR);
  assert.deepEqual({ passed, failed, skipped }, { passed: 1, failed: [], skipped: [] });
});

test("passes where what must be refused is, whether it is a block or none", async () => {
  const [first, ...rest] = blocks;
  const refused = [
    { rlp: "0xc0", expectException: "no block" },
    { ...rest[1], expectException: "of another parent" },
  ];
  const { passed, failed } = await run({ ...VECTOR, blocks: [first, ...refused, ...rest] });
  assert.deepEqual({ passed, failed }, { passed: 1, failed: [] });
});

test("fails where a block is taken or refused that must not be, or the chain ends elsewhere", async () => {
  const [first, ...rest] = blocks;
  const reasonOf = async (vector: object): Promise<string> => (await run(vector)).failed[0]?.reason ?? "none";
  assert.match(
    await reasonOf({ ...VECTOR, blocks: [{ ...first, expectExceptionALL: "why" }, ...rest] }),
    /^block 0 was taken, though it must be refused$/,
  );
  assert.match(
    await reasonOf({ ...VECTOR, blocks: [{ rlp: first?.rlp }, ...rest] }),
    /^block 0 was taken, though it must be refused$/,
  );
  assert.match(await reasonOf({ ...VECTOR, blocks: rest }), /^block 0 was refused: /);
  assert.match(await reasonOf({ ...VECTOR, lastblockhash: hash }), /^the last block is 0x/);
  const other = { ...VECTOR.genesisBlockHeader, timestamp: "0x01" };
  assert.match(await reasonOf({ ...VECTOR, genesisBlockHeader: other }), /^the genesis is 0x/);
  assert.match(await reasonOf({ ...VECTOR, blocks: [] }), /^it has no blocks$/);
});

test("skips what an import is not made for, with the reason", async () => {
  const reasonOf = async (vector: object): Promise<string> => (await run(vector)).skipped[0]?.reason ?? "none";
  assert.match(await reasonOf({ ...VECTOR, blocks: [blocks[0], ...blocks] }), /branches/);
  const far = { ...blocks[0], blockHeader: { ...blocks[0]?.blockHeader, timestamp: "0xffffffffffffffff" } };
  assert.match(await reasonOf({ ...VECTOR, blocks: [far] }), /timestamp above/);
  assert.match(await reasonOf({ ...VECTOR, network: "HomesteadToDaoAt5" }), /no network HomesteadToDaoAt5/);
});
