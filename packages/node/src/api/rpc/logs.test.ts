import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { accountOf, creationOf, sealAll } from "../../engine/engine.test-support.ts";
import { createLogIndex } from "../../engine/log-index.ts";
import { createSlowClock } from "../../engine/slow-clock.test-support.ts";
import { createFakeBackend, hash32, openTestApi } from "../fake-backend.test-support.ts";
import { ask, brief, fails, LOGGER, openLogs, type ShownLog, STRANGER, word } from "./asking.test-support.ts";

test("a receipt has what libraries read, and log indices run through the block", async () => {
  const { engine, api } = await openLogs([5, 6, 7]);
  const block = engine.block(2);
  assert.equal(block?.transactions.length, 3);
  const hash = block?.transactions[2]?.hash;
  const receipt = await ask<Record<string, unknown>>(api, "eth_getTransactionReceipt", hash);
  assert.deepEqual(Object.keys(receipt).sort(), [
    "blockHash",
    "blockNumber",
    "contractAddress",
    "cumulativeGasUsed",
    "effectiveGasPrice",
    "from",
    "gasUsed",
    "logs",
    "logsBloom",
    "status",
    "to",
    "transactionHash",
    "transactionIndex",
    "type",
  ]);
  const [log] = receipt.logs as ShownLog[];
  assert.deepEqual(
    [log?.logIndex, log?.transactionIndex, log?.transactionHash, log?.topics],
    ["0x2", "0x2", hash, [word(7)]],
  );
  assert.equal(Number(receipt.cumulativeGasUsed), 3 * Number(receipt.gasUsed));
  const creation = await ask<Record<string, unknown>>(
    api,
    "eth_getTransactionReceipt",
    engine.block(1)?.transactions[0]?.hash,
  );
  assert.deepEqual([creation.contractAddress, creation.to, creation.status], [LOGGER, null, "0x1"]);
});

test("the receipt of a creation that failed names the address that it would have had", async () => {
  const { engine, api } = await openLogs([]);
  const transaction = creationOf(2, 0, Uint8Array.of(0xfe));
  await sealAll(engine, [transaction]);
  const receipt = await ask<Record<string, unknown>>(api, "eth_getTransactionReceipt", transaction.hash);
  assert.deepEqual([receipt.status, receipt.contractAddress], ["0x0", createAddress(accountOf(2), 0n)]);
});

test("logs are found by range, address and topics", async () => {
  const { api } = await openLogs([5, 6], [], [7], [5]);
  const find = async (filter: Record<string, unknown>) => brief(await ask<ShownLog[]>(api, "eth_getLogs", filter));
  const all = ["2/0/0:5", "2/1/1:6", "3/0/0:7", "4/0/0:5"];
  assert.deepEqual(await find({ fromBlock: "earliest", toBlock: "latest" }), all);
  assert.deepEqual(await find({ fromBlock: "0x0", toBlock: "0x4" }), all);
  assert.deepEqual(await find({ fromBlock: "safe", toBlock: "finalized" }), []);
  assert.deepEqual(await find({}), ["4/0/0:5"]);
  // Whoever asks again and again for what is new asks from the block after the head.
  assert.deepEqual(await find({ fromBlock: "0x5" }), []);
  assert.deepEqual(await find({ fromBlock: "0x5", toBlock: "latest" }), []);
  assert.deepEqual(await find({ toBlock: "0x3" }), []);
  assert.deepEqual(await find({ fromBlock: "0x0", topics: [word(5)] }), ["2/0/0:5", "4/0/0:5"]);
  assert.deepEqual(await find({ fromBlock: "0x0", topics: [[word(6), word(7)]] }), ["2/1/1:6", "3/0/0:7"]);
  assert.deepEqual(await find({ fromBlock: "0x0", topics: [null] }), all);
  assert.deepEqual(await find({ fromBlock: "0x0", topics: [word(5), null] }), []);
  assert.deepEqual(await find({ fromBlock: "0x0", address: LOGGER, toBlock: "0x2" }), ["2/0/0:5", "2/1/1:6"]);
  assert.deepEqual(await find({ fromBlock: "0x0", address: [STRANGER] }), []);
});

test("logs of one block are found by its hash", async () => {
  const { api, engine } = await openLogs([5, 6], [7]);
  const blockHash = engine.header(2)?.hash;
  assert.deepEqual(brief(await ask<ShownLog[]>(api, "eth_getLogs", { blockHash })), ["2/0/0:5", "2/1/1:6"]);
  assert.deepEqual(brief(await ask<ShownLog[]>(api, "eth_getLogs", { blockHash, topics: [word(6)] })), ["2/1/1:6"]);
  await fails(api, -32000, /unknown block/, "eth_getLogs", { blockHash: hash32("1") });
});

test("wrong log filters are invalid params", async () => {
  const { api, engine } = await openLogs([5]);
  for (const filter of [
    { blockHash: engine.head().hash, fromBlock: "0x0" },
    { fromBlock: "0x2", toBlock: "0x1" },
    { fromBlock: "0x0", toBlock: "0x3" },
    { fromBlock: "0x63", toBlock: "0x64" },
    { fromBlock: "0x0", toBlock: "pending" },
    { fromBlock: "pending" },
    { topics: [null, null, null, null, null] },
    { topics: ["0x1"] },
    { topics: word(1) },
    { address: "0x12" },
    { fromBlock: "yesterday" },
  ]) {
    await fails(api, -32602, /./, "eth_getLogs", filter);
  }
});

test("a range of logs is bounded, and only blocks are read that can match", async () => {
  const { engine } = await openLogs([5], [6], [5, 6, 5]);
  const reads: unknown[] = [];
  const watched = {
    ...engine,
    receipts(hash: Hex) {
      reads.push(engine.header(hash)?.number);
      return engine.receipts(hash);
    },
  };
  const api = await openTestApi({ logLimits: { blocks: 4, results: 2 } }, createFakeBackend(watched));
  await fails(api, -32000, /wider than 4 blocks/, "eth_getLogs", { fromBlock: "0x0", toBlock: "latest" });
  const find = async (filter: Record<string, unknown>) => brief(await ask<ShownLog[]>(api, "eth_getLogs", filter));
  assert.deepEqual(await find({ fromBlock: "0x1", address: STRANGER }), []);
  assert.deepEqual(reads, []);
  assert.deepEqual(await find({ fromBlock: "0x1", topics: [word(6)] }), ["3/0/0:6", "4/1/1:6"]);
  assert.deepEqual(reads, [3, 4]);
  await fails(api, -32000, /more than 2 results/, "eth_getLogs", { fromBlock: "0x1", topics: [word(5)] });
});

test("blocks that are not in the index are told from each other by their blooms", async () => {
  const { engine } = await openLogs([5], [6], [5]);
  const reads: unknown[] = [];
  const watched = {
    ...engine,
    logs: createLogIndex({ get: () => new Uint8Array(16).fill(1), range: () => [] }),
    receipts(hash: Hex) {
      reads.push(engine.header(hash)?.number);
      return engine.receipts(hash);
    },
  };
  const api = await openTestApi({}, createFakeBackend(watched));
  const found = await ask<ShownLog[]>(api, "eth_getLogs", { fromBlock: "0x0", topics: [word(5)] });
  assert.deepEqual(brief(found), ["2/0/0:5", "4/0/0:5"]);
  assert.deepEqual(reads, [2, 4]);
});

test("others have their turn between slow blocks, however few they are", async () => {
  const { engine } = await openLogs([5], [6], [7]);
  const clock = createSlowClock(50);
  const api = await openTestApi({ clock }, createFakeBackend(engine));
  assert.equal((await ask<ShownLog[]>(api, "eth_getLogs", { fromBlock: "0x1" })).length, 3);
  assert.equal(clock.turns, 4);
});

test("a reorganisation while logs are read starts the reading again, and is told if it never ends", async () => {
  const { engine } = await openLogs([5]);
  let checks = 0;
  let lost = 1;
  const moving = { ...engine, isCanonical: () => ++checks > lost };
  const api = await openTestApi({}, createFakeBackend(moving));
  assert.deepEqual(brief(await ask<ShownLog[]>(api, "eth_getLogs", { fromBlock: "0x0" })), ["2/0/0:5"]);
  assert.equal(checks, 2);
  lost = 1000;
  await fails(api, -32000, /reorganised/, "eth_getLogs", { fromBlock: "0x0" });
});
