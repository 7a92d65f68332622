import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { accountOf, openTestEngine, sealAll, transactionOf } from "../../engine/engine.test-support.ts";
import { BLOCKS, signed } from "../../engine/imported.test-support.ts";
import { createFakeBackend, hash32, openTestApi } from "../fake-backend.test-support.ts";
import { openImportedApi, sealedWithOmmer } from "../imported-api.test-support.ts";
import { ask, fails, OWN, openLogs, type ShownLog } from "./asking.test-support.ts";

interface ShownReceipt {
  readonly transactionHash: string;
  readonly transactionIndex: string;
  readonly blobGasPrice?: string;
  readonly logs: readonly ShownLog[];
}

test("transactions of a block are counted and found by its number, its hash or a tag", async () => {
  const { api, engine } = await openLogs([5, 6, 7]);
  const { hash } = engine.head();
  const { transactions = [] } = engine.block(2) ?? {};
  assert.equal(await ask(api, "eth_getBlockTransactionCountByHash", hash), "0x3");
  for (const number of ["0x2", "latest"]) {
    assert.equal(await ask(api, "eth_getBlockTransactionCountByNumber", number), "0x3");
    for (const [index, { hash: wanted }] of transactions.entries()) {
      const found = await ask(api, "eth_getTransactionByHash", wanted);
      const at = `0x${index}`;
      assert.deepEqual(await ask(api, "eth_getTransactionByBlockNumberAndIndex", number, at), found);
      assert.deepEqual(await ask(api, "eth_getTransactionByBlockHashAndIndex", hash, at), found);
    }
  }
  for (const tag of ["earliest", "safe", "finalized", "pending"]) {
    assert.equal(await ask(api, "eth_getBlockTransactionCountByNumber", tag), "0x0");
  }
});

test("what is not there is null, and what names nothing is an error", async () => {
  const { api, engine } = await openLogs([5]);
  const { hash } = engine.head();
  for (const [method, ...params] of [
    ["eth_getBlockTransactionCountByHash", hash32("1")],
    ["eth_getBlockTransactionCountByNumber", "0x9"],
    ["eth_getTransactionByBlockHashAndIndex", hash, "0x1"],
    ["eth_getTransactionByBlockHashAndIndex", hash32("1"), "0x0"],
    ["eth_getTransactionByBlockNumberAndIndex", "0x2", "0x1fffffffffffff"],
    ["eth_getTransactionByBlockNumberAndIndex", "pending", "0x0"],
    ["eth_getUncleCountByBlockHash", hash32("1")],
    ["eth_getUncleCountByBlockNumber", "0x9"],
    ["eth_getUncleByBlockHashAndIndex", hash, "0x0"],
    ["eth_getUncleByBlockNumberAndIndex", "0x9", "0x0"],
    ["eth_getBlockReceipts", "0x9"],
    ["eth_getBlockReceipts", hash32("1")],
  ] as const) {
    assert.equal(await ask(api, method, ...params), null, method);
  }
  assert.equal(await ask(api, "eth_getUncleCountByBlockHash", hash), "0x0");
  await fails(api, -32602, /missing value for required argument 1/, "eth_getTransactionByBlockHashAndIndex", hash);
  await fails(api, -32602, /leading zero/, "eth_getTransactionByBlockNumberAndIndex", "0x2", "0x01");
  await fails(api, -32602, /invalid argument 0/, "eth_getBlockReceipts", "newest");
});

test("receipts of a block are those of its transactions, with the logs counted through", async () => {
  const { api, engine } = await openLogs([5, 6]);
  const { transactions = [], header } = engine.block(2) ?? {};
  const singles = await Promise.all(transactions.map(({ hash }) => ask(api, "eth_getTransactionReceipt", hash)));
  for (const block of ["latest", "0x2", header?.hash, { blockHash: header?.hash }]) {
    const receipts = await ask<ShownReceipt[]>(api, "eth_getBlockReceipts", block);
    assert.deepEqual(receipts, singles);
    assert.deepEqual(
      receipts.map(({ logs }) => logs.map(({ logIndex }) => logIndex)),
      [["0x0"], ["0x1"]],
    );
  }
  for (const block of ["earliest", "pending"]) assert.deepEqual(await ask(api, "eth_getBlockReceipts", block), []);
});

test("receipts with more logs than an answer has room for are refused before they are shown", async () => {
  const { engine } = await openLogs([5]);
  const many = {
    ...engine,
    receipts: (hash: Hex) =>
      engine.receipts(hash)?.map((receipt) => ({ ...receipt, logs: Array(50_000).fill(receipt.logs[0]) })),
  };
  await fails(await openTestApi({}, createFakeBackend(many)), -32003, /too large/, "eth_getBlockReceipts", "latest");
});

test("parts of blocks of an imported chain have what their forks gave them", async () => {
  const { encoded, ommer } = await sealedWithOmmer({ transactions: [signed(0)] }, { transactions: [signed(1)] });
  const { api } = await openImportedApi(encoded);
  assert.equal(await ask(api, "eth_getUncleCountByBlockNumber", "0x2"), "0x1");
  const block = await ask<{ hash: string; uncles: string[] }>(api, "eth_getBlockByNumber", "0x2", false);
  assert.deepEqual(block.uncles, [ommer.hash]);
  assert.equal(await ask(api, "eth_getUncleCountByBlockHash", block.hash), "0x1");
  const shown = await ask<Record<string, unknown>>(api, "eth_getUncleByBlockNumberAndIndex", "0x2", "0x0");
  assert.deepEqual(await ask(api, "eth_getUncleByBlockHashAndIndex", block.hash, "0x0"), shown);
  assert.deepEqual([shown.hash, shown.number, shown.miner, shown.uncles], [ommer.hash, "0x1", ommer.coinbase, []]);
  assert.equal("transactions" in shown, false);
  assert.ok(Number(shown.size) > 500);
  assert.equal(await ask(api, "eth_getUncleByBlockNumberAndIndex", "0x2", "0x1"), null);
});

test("the price of blob gas is in the receipts of a block too", async () => {
  const { api } = await openImportedApi(BLOCKS);
  const [receipt] = await ask<ShownReceipt[]>(api, "eth_getBlockReceipts", "0x4");
  assert.deepEqual(receipt, await ask(api, "eth_getTransactionReceipt", receipt?.transactionHash));
  assert.equal(receipt?.blobGasPrice, "0x1");
});

test("a replica has no receipts, and says which history it lacks", async () => {
  const full = openTestEngine();
  await sealAll(full, [transactionOf(1, 0)]);
  const replica = openTestEngine({ replica: [accountOf(9)] });
  await replica.adoption.addHeaders([full.head()], new Uint8Array(0));
  await replica.adoption.complete(full.head());
  const api = await openTestApi({}, createFakeBackend(replica));
  await fails(api, 4444, /^pruned history unavailable/, "eth_getBlockReceipts", "latest");
  await fails(api, -32000, /no peer is connected/, "eth_getBlockTransactionCountByNumber", "latest");
  await fails(api, -32000, /a replica takes no transactions/, "eth_coinbase");
  assert.deepEqual(await ask(api, "txpool_content"), { pending: {}, queued: {} });
});

test("on a chain without finality safe and finalized are the genesis, on one that stands still the head", async () => {
  const { api: own, engine } = await openLogs([5]);
  const { api: imported, imported: there } = await openImportedApi(BLOCKS);
  for (const tag of ["safe", "finalized"]) {
    const block = await ask<{ hash: string }>(own, "eth_getBlockByNumber", tag, false);
    assert.equal(block.hash, engine.genesisHash);
    assert.equal(await ask(own, "eth_getTransactionCount", OWN, tag), "0x0");
    const final = await ask<{ hash: string }>(imported, "eth_getBlockByNumber", tag, false);
    assert.equal(final.hash, there.head().hash);
  }
});
