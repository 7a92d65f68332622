import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { decodeAnyBlock } from "@counterpart/core/chain/any-block";
import { encodeBlock } from "@counterpart/core/chain/block";
import { encodeHeader } from "@counterpart/core/chain/header";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { orderedTrieRoot } from "@counterpart/core/trie/ordered";
import {
  chainOf,
  createFaultyExecutor,
  openTestEngine,
  sealAll,
  transactionOf,
} from "../../engine/engine.test-support.ts";
import { BLOCKS } from "../../engine/imported.test-support.ts";
import { createFakeBackend, hash32, openTestApi } from "../fake-backend.test-support.ts";
import { openImportedApi } from "../imported-api.test-support.ts";
import { ask, fails, openLogs } from "./asking.test-support.ts";

test("encodings are those that the hashes and roots are made of", async () => {
  const { api, engine } = await openLogs([5, 6]);
  const block = engine.block(2) ?? assert.fail();
  const { hash, receiptsRoot, transactionsRoot } = block.header;
  for (const name of ["0x2", "latest", hash, { blockHash: hash }]) {
    assert.equal(await ask(api, "debug_getRawHeader", name), bytesToHex(encodeHeader(block.header)));
    assert.equal(await ask(api, "debug_getRawBlock", name), bytesToHex(encodeBlock(block)));
    const receipts = await ask<Hex[]>(api, "debug_getRawReceipts", name);
    assert.equal(orderedTrieRoot(receipts.map(hexToBytes)), receiptsRoot);
  }
  const raws = await Promise.all(
    block.transactions.map(({ hash: each }) => ask<Hex>(api, "debug_getRawTransaction", each)),
  );
  assert.equal(orderedTrieRoot(raws.map(hexToBytes)), transactionsRoot);
  for (const [index, raw] of raws.entries()) {
    const at = `0x${index}`;
    assert.equal(await ask(api, "eth_getRawTransactionByHash", block.transactions[index]?.hash), raw);
    assert.equal(await ask(api, "eth_getRawTransactionByBlockHashAndIndex", hash, at), raw);
    assert.equal(await ask(api, "eth_getRawTransactionByBlockNumberAndIndex", "latest", at), raw);
  }
});

test("blocks of every fork are encoded as they came", async () => {
  const { api } = await openImportedApi(BLOCKS);
  for (const [index, encoded] of BLOCKS.entries()) {
    const number = `0x${index + 1}`;
    assert.equal(await ask(api, "debug_getRawBlock", number), bytesToHex(encoded));
    const { header } = decodeAnyBlock(encoded);
    assert.equal(keccak256Hex(hexToBytes(await ask<Hex>(api, "debug_getRawHeader", number))), header.hash);
    const receipts = await ask<Hex[]>(api, "debug_getRawReceipts", number);
    assert.equal(orderedTrieRoot(receipts.map(hexToBytes)), header.receiptsRoot);
  }
});

test("what there is not has no encoding", async () => {
  const engine = openTestEngine();
  const api = await openTestApi({}, createFakeBackend(engine));
  await fails(api, -32000, /^header #7 not found$/, "debug_getRawHeader", "0x7");
  await fails(api, -32000, /^block #7 not found$/, "debug_getRawBlock", "0x7");
  await fails(api, -32000, /^block #0x1{64} not found$/, "debug_getRawReceipts", hash32("1"));
  await fails(api, -32000, /^block #pending not found$/, "debug_getRawBlock", "pending");
  await fails(api, -32602, /^invalid argument 0: hex string without 0x prefix$/, "debug_getRawBlock", "2");
  await fails(api, -32602, /^invalid argument 0/, "debug_getRawTransaction", "1".repeat(64));
  for (const method of ["debug_getRawTransaction", "eth_getRawTransactionByHash"]) {
    assert.equal(await ask(api, method, hash32("1")), "0x");
  }
  assert.equal(await ask(api, "eth_getRawTransactionByBlockNumberAndIndex", "0x7", "0x0"), "0x");
  assert.equal(await ask(api, "eth_getRawTransactionByBlockHashAndIndex", engine.genesisHash, "0x0"), "0x");
});

test("a pending transaction has its encoding, one that lost its nonce is on no chain", async () => {
  const engine = openTestEngine();
  const api = await openTestApi({}, createFakeBackend(engine));
  const better = transactionOf(1, 0, { maxFeePerGas: 100n, maxPriorityFeePerGas: 100n });
  for (const { raw } of [transactionOf(1, 0), better]) await ask(api, "eth_sendRawTransaction", bytesToHex(raw));
  assert.equal(await ask(api, "debug_getRawTransaction", better.hash), bytesToHex(better.raw));
  assert.equal(await ask(api, "debug_getRawTransaction", transactionOf(1, 0).hash), "0x");
});

test("blocks that execution contradicted are shown with their encodings", async () => {
  const sealing = openTestEngine({ sealer: 9 });
  for (const nonce of [0, 1]) await sealAll(sealing, [transactionOf(1, nonce)]);
  const engine = openTestEngine({ executor: createFaultyExecutor((number) => number === 2) });
  const api = await openTestApi({}, createFakeBackend(engine));
  assert.deepEqual(await ask(api, "debug_getBadBlocks"), []);
  const blocks = chainOf(sealing);
  await engine.import(blocks);
  const bad = blocks[1] ?? assert.fail();
  const [shown] = await ask<{ hash: string; rlp: string; block: Record<string, unknown> }[]>(api, "debug_getBadBlocks");
  assert.deepEqual([shown?.hash, shown?.rlp], [bad.header.hash, bytesToHex(encodeBlock(bad))]);
  const there = await openTestApi({}, createFakeBackend(sealing));
  assert.deepEqual(shown?.block, await ask(there, "eth_getBlockByNumber", "0x2", false));
});
