import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { encodeBlock } from "@counterpart/core/chain/block";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { accountOf, creationOf, openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import { createFakeBackend, hash32, openTestApi, type TestApi } from "../fake-backend.test-support.ts";

const OWN = accountOf(1);
const STRANGER: Hex = `0x${"77".repeat(20)}`;

async function openChain(blocks: number): Promise<TestApi> {
  const api = await openTestApi();
  for (let nonce = 0; nonce < blocks; nonce++) await api.engine.submit(transactionOf(1, nonce), "local");
  return api;
}

async function ask<T = unknown>(api: TestApi, method: string, ...params: unknown[]): Promise<T> {
  const { result, error } = await api.rpc(method, ...params);
  assert.equal(error, undefined, `${method}: ${error?.message}`);
  return result as T;
}

async function fails(api: TestApi, code: number, message: RegExp, method: string, ...params: unknown[]): Promise<void> {
  const { error } = await api.rpc(method, ...params);
  assert.equal(error?.code, code, `${method}: ${JSON.stringify(error)}`);
  assert.match(error?.message ?? "", message);
}

test("the node says what it is", async () => {
  const api = await openTestApi();
  assert.equal(await ask(api, "eth_chainId"), "0x7a69");
  assert.equal(await ask(api, "net_version"), "31337");
  assert.equal(await ask(api, "net_listening"), true);
  assert.match(await ask(api, "web3_clientVersion"), /^counterpart\/v0\.1\.0\//);
  assert.deepEqual(await ask(api, "eth_accounts"), []);
  assert.equal(
    await ask(api, "web3_sha3", "0x68656c6c6f20776f726c64"),
    "0x47173285a8d7341e5e972fc677286384f802f8ef42a5ec5f03bbfa254cb01fad",
  );
});

test("peers are counted when they are connected, and syncing shows how far behind the node is", async () => {
  const api = await openTestApi();
  const peer = { address: "a", direction: "inbound", blocksSynced: 0, contractsSynced: 0 } as const;
  assert.equal(await ask(api, "eth_syncing"), false);
  api.network.set({
    peers: () => [
      { ...peer, state: "synced", head: { hash: hash32("1"), number: 50 } },
      { ...peer, state: "syncing", head: { hash: hash32("1"), number: 9 } },
      { ...peer, state: "connecting" },
    ],
  });
  assert.equal(await ask(api, "net_peerCount"), "0x2");
  assert.deepEqual(await ask(api, "eth_syncing"), { startingBlock: "0x0", currentBlock: "0x0", highestBlock: "0x9" });
});

test("a block has every field that other clients give", async () => {
  const api = await openChain(1);
  const block = await ask<Record<string, unknown>>(api, "eth_getBlockByNumber", "0x1", false);
  const head = api.engine.head();
  assert.deepEqual(Object.keys(block).sort(), [
    "baseFeePerGas",
    "blobGasUsed",
    "difficulty",
    "excessBlobGas",
    "extraData",
    "gasLimit",
    "gasUsed",
    "hash",
    "logsBloom",
    "miner",
    "mixHash",
    "nonce",
    "number",
    "parentBeaconBlockRoot",
    "parentHash",
    "receiptsRoot",
    "requestsHash",
    "sha3Uncles",
    "size",
    "stateRoot",
    "timestamp",
    "transactions",
    "transactionsRoot",
    "uncles",
    "withdrawals",
    "withdrawalsRoot",
  ]);
  const stored = api.engine.block(1);
  assert.ok(stored);
  assert.equal(block.hash, head.hash);
  assert.equal(block.size, `0x${encodeBlock(stored).length.toString(16)}`);
  assert.equal(block.nonce, "0x0000000000000000");
  assert.deepEqual([block.uncles, block.withdrawals], [[], []]);
  assert.deepEqual(block.transactions, [transactionOf(1, 0).hash]);
});

test("blocks are found by tag, number and hash, with hashes or whole transactions", async () => {
  const api = await openChain(2);
  const { hash } = api.engine.head();
  const numberAt = async (tag: unknown) => (await ask<{ number: string }>(api, "eth_getBlockByNumber", tag)).number;
  assert.deepEqual(await Promise.all(["latest", "pending", "earliest", "safe", "finalized", "0x1"].map(numberAt)), [
    "0x2",
    "0x2",
    "0x0",
    "0x0",
    "0x0",
    "0x1",
  ]);
  const full = await ask<{ transactions: { hash: string; blockHash: string }[] }>(
    api,
    "eth_getBlockByHash",
    hash,
    true,
  );
  assert.deepEqual(
    full.transactions.map((t) => [t.hash, t.blockHash]),
    [[transactionOf(1, 1).hash, hash]],
  );
  assert.equal(await ask(api, "eth_getBlockByNumber", "0x3", false), null);
  assert.equal(await ask(api, "eth_getBlockByHash", hash32("1"), false), null);
  assert.equal(await ask(api, "eth_blockNumber"), "0x2");
});

test("a state is read at the head, by any of its names", async () => {
  const api = await openChain(2);
  const { hash } = api.engine.head();
  const balance = `0x${(10n ** 20n - 2n).toString(16)}`;
  for (const block of [
    undefined,
    "latest",
    "pending",
    "0x2",
    hash,
    { blockHash: hash, requireCanonical: true },
    { blockNumber: "0x2" },
  ]) {
    assert.equal(await ask(api, "eth_getBalance", OWN, ...(block === undefined ? [] : [block])), balance);
  }
  assert.equal(await ask(api, "eth_getBalance", STRANGER, "latest"), "0x0");
  assert.equal(await ask(api, "eth_getTransactionCount", OWN, "latest"), "0x2");
});

test("a state that is not the head's is refused with a clear error", async () => {
  const api = await openChain(2);
  const call = { to: STRANGER, data: "0x" };
  for (const block of [
    "0x1",
    "earliest",
    "safe",
    "finalized",
    { blockNumber: "0x0" },
    { blockHash: api.engine.genesisHash },
  ]) {
    await fails(api, -32000, /historical state not available/, "eth_getBalance", OWN, block);
    await fails(api, -32000, /historical state not available/, "eth_getCode", OWN, block);
    await fails(api, -32000, /historical state not available/, "eth_getStorageAt", OWN, "0x0", block);
    await fails(api, -32000, /historical state not available/, "eth_getTransactionCount", OWN, block);
    await fails(api, -32000, /historical state not available/, "eth_getProof", OWN, [], block);
    await fails(api, -32000, /historical state not available/, "eth_call", call, block);
    await fails(api, -32000, /historical state not available/, "eth_estimateGas", call, block);
  }
  await fails(api, -32000, /header not found/, "eth_getBalance", OWN, "0x3");
  await fails(api, -32000, /header not found/, "eth_getBalance", OWN, { blockHash: hash32("1") });
});

test("a block of a lost branch is not canonical, and said to be so when that is required", async () => {
  const engine = openTestEngine();
  const other = openTestEngine({ sealer: 101 });
  await engine.submit(transactionOf(1, 0), "local");
  const lost = (await engine.seal())?.header.hash;
  for (let nonce = 0; nonce < 2; nonce++) {
    await other.submit(transactionOf(2, nonce), "local");
    const block = await other.seal();
    await engine.import(block === undefined ? [] : [block]);
  }
  const api = await openTestApi({}, createFakeBackend(engine));
  await fails(api, -32000, /hash is not currently canonical/, "eth_getBalance", OWN, {
    blockHash: lost,
    requireCanonical: true,
  });
  await fails(api, -32000, /header not found/, "eth_getBalance", OWN, { blockHash: lost });
  assert.equal(await ask(api, "eth_getBlockByHash", lost, false), null);
  await fails(api, -32000, /unknown block/, "eth_getLogs", { blockHash: lost });
});

test("the pending nonce counts what waits in the pool", async () => {
  const engine = openTestEngine();
  const api = await openTestApi({}, createFakeBackend(engine));
  await ask(api, "eth_sendRawTransaction", bytesToHex(transactionOf(1, 0).raw));
  assert.equal(await ask(api, "eth_getTransactionCount", OWN, "latest"), "0x0");
  assert.equal(await ask(api, "eth_getTransactionCount", OWN, "pending"), "0x1");
  const pending = await ask<Record<string, unknown>>(api, "eth_getTransactionByHash", transactionOf(1, 0).hash);
  assert.deepEqual([pending.blockHash, pending.blockNumber, pending.transactionIndex], [null, null, null]);
  assert.equal(await ask(api, "eth_getTransactionReceipt", transactionOf(1, 0).hash), null);
});

test("a transaction that another replaced is gone", async () => {
  const engine = openTestEngine();
  const api = await openTestApi({}, createFakeBackend(engine));
  const better = transactionOf(1, 0, { maxFeePerGas: 100n, maxPriorityFeePerGas: 100n });
  for (const { raw } of [transactionOf(1, 0), better]) await ask(api, "eth_sendRawTransaction", bytesToHex(raw));
  assert.equal(await ask(api, "eth_getTransactionByHash", transactionOf(1, 0).hash), null);
  assert.equal(await ask(api, "eth_getTransactionByHash", hash32("1")), null);
});

test("what the pool refuses has the words that wallets look for", async () => {
  const api = await openChain(2);
  const send = (transaction: { readonly raw: Uint8Array }) =>
    ["eth_sendRawTransaction", bytesToHex(transaction.raw)] as const;
  await fails(api, -32000, /nonce too low/, ...send(transactionOf(1, 0, { value: 9n })));
  await fails(api, -32000, /insufficient funds/, ...send(transactionOf(1, 2, { value: 10n ** 21n })));
  await fails(api, -32000, /invalid transaction/, "eth_sendRawTransaction", "0x02c0");
  await fails(api, -32000, /transaction type not supported/, "eth_sendRawTransaction", "0x03c0");
  await fails(api, -32602, /invalid argument 0/, "eth_sendRawTransaction", "c0");
  assert.equal(await ask(api, ...send(transactionOf(1, 1))), transactionOf(1, 1).hash);
});

/** Logs the first word it is called with as its only topic. */
const LOGGER_CODE = hexToBytes("0x6009600c60003960096000f360003560006000a100");
const LOGGER = createAddress(OWN, 0n);
const word = (n: number): Hex => `0x${n.toString(16).padStart(64, "0")}`;

/** Block 1 makes the contract; each later block has logs with these topics, one transaction a topic. */
async function openLogs(...blocks: number[][]) {
  const engine = openTestEngine();
  await engine.submit(creationOf(1, 0, LOGGER_CODE), "local");
  await engine.seal();
  let nonce = 1;
  for (const topics of blocks) {
    for (const topic of topics) {
      await engine.submit(transactionOf(1, nonce++, { to: LOGGER, value: 0n, data: hexToBytes(word(topic)) }), "local");
    }
    await engine.seal();
  }
  return { engine, api: await openTestApi({}, createFakeBackend(engine)) };
}

interface ShownLog {
  readonly blockNumber: string;
  readonly logIndex: string;
  readonly transactionIndex: string;
  readonly transactionHash: string;
  readonly topics: readonly string[];
}

const brief = (logs: readonly ShownLog[]) =>
  logs.map(
    (log) =>
      `${Number(log.blockNumber)}/${Number(log.transactionIndex)}/${Number(log.logIndex)}:${Number(log.topics[0])}`,
  );

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

test("logs are found by range, address and topics", async () => {
  const { api } = await openLogs([5, 6], [], [7], [5]);
  const find = async (filter: Record<string, unknown>) => brief(await ask<ShownLog[]>(api, "eth_getLogs", filter));
  const all = ["2/0/0:5", "2/1/1:6", "3/0/0:7", "4/0/0:5"];
  assert.deepEqual(await find({ fromBlock: "earliest", toBlock: "latest" }), all);
  assert.deepEqual(await find({ fromBlock: "0x0", toBlock: "0x63" }), all);
  assert.deepEqual(await find({}), ["4/0/0:5"]);
  assert.deepEqual(await find({ fromBlock: "0x0", topics: [word(5)] }), ["2/0/0:5", "4/0/0:5"]);
  assert.deepEqual(await find({ fromBlock: "0x0", topics: [[word(6), word(7)]] }), ["2/1/1:6", "3/0/0:7"]);
  assert.deepEqual(await find({ fromBlock: "0x0", topics: [null] }), all);
  assert.deepEqual(await find({ fromBlock: "0x0", topics: [word(5), null] }), []);
  assert.deepEqual(await find({ fromBlock: "0x0", address: LOGGER, toBlock: "0x2" }), ["2/0/0:5", "2/1/1:6"]);
  assert.deepEqual(await find({ fromBlock: "0x0", address: [STRANGER] }), []);
  assert.deepEqual(await find({ fromBlock: "0x63", toBlock: "0x64" }), []);
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
    { topics: [null, null, null, null, null] },
    { topics: ["0x1"] },
    { topics: word(1) },
    { address: "0x12" },
    { fromBlock: "yesterday" },
  ]) {
    await fails(api, -32602, /./, "eth_getLogs", filter);
  }
});

test("a range of logs is bounded, and its blooms spare the blocks that cannot match", async () => {
  const { engine } = await openLogs([5], [6]);
  const head = { ...engine.head(), number: 10_000 };
  const reads: unknown[] = [];
  const stretched = {
    ...engine,
    head: () => head,
    header: (at: number | Hex) => (at === head.number ? head : engine.header(Math.min(Number(at), 3))),
    block: (at: number | Hex) => {
      reads.push(at);
      return engine.block(at);
    },
  };
  const api = await openTestApi({}, createFakeBackend(stretched));
  await fails(api, -32000, /wider than 10000 blocks/, "eth_getLogs", { fromBlock: "0x0", toBlock: "latest" });
  const none = await ask<ShownLog[]>(api, "eth_getLogs", { fromBlock: "0x1", address: STRANGER });
  assert.deepEqual([none, reads], [[], []]);
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

test("code and storage are read, absent ones as empty", async () => {
  const { api } = await openLogs([]);
  assert.equal(await ask(api, "eth_getCode", LOGGER, "latest"), "0x60003560006000a100");
  assert.equal(await ask(api, "eth_getCode", STRANGER, "latest"), "0x");
  assert.equal(await ask(api, "eth_getStorageAt", LOGGER, "0x0", "latest"), word(0));
});

test("a call answers with its output, and a revert with its data", async () => {
  const api = await openTestApi();
  // PUSH1 42, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN as creation code: its output is the code it would leave.
  assert.equal(await ask(api, "eth_call", { data: "0x602a5f5260205ff3" }), word(42));
  const reverted = await api.rpc("eth_call", { data: "0x602a5f5260205ffd" });
  assert.deepEqual(reverted.error, { code: 3, message: "execution reverted", data: word(42) });
  await fails(api, -32000, /invalid opcode/i, "eth_call", { data: "0xfe" });
  await fails(api, -32000, /out of gas/, "eth_call", { data: "0x5b5f56", gas: "0x100000" });
  assert.equal(await ask(api, "eth_call", { to: STRANGER, input: "0x12", data: "0x12" }), "0x");
});

test("a call runs in the block that was named: the head, or the one that would be sealed now", async () => {
  const api = await openChain(1);
  // NUMBER, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN
  const number = { data: "0x435f5260205ff3" };
  assert.equal(await ask(api, "eth_call", number, "latest"), word(1));
  assert.equal(await ask(api, "eth_call", number, "pending"), word(2));
});

test("wrong calls are refused with the reason", async () => {
  const api = await openTestApi();
  await fails(api, -32602, /"data" and "input"/, "eth_call", { to: OWN, data: "0x01", input: "0x02" });
  await fails(api, -32602, /both gasPrice/, "eth_call", { to: OWN, gasPrice: "0x1", maxFeePerGas: "0x1" });
  await fails(api, -32602, /to: /, "eth_call", { to: "0x12" });
  await fails(api, -32602, /overrides are not supported/, "eth_call", { to: OWN }, "latest", {
    [OWN]: { balance: "0x1" },
  });
  await fails(api, -32602, /authorizationList/, "eth_estimateGas", { to: OWN, authorizationList: [{}] });
  await fails(api, -32000, /insufficient funds/, "eth_call", { from: STRANGER, to: OWN, value: "0x1" });
  await fails(api, -32000, /insufficient funds/, "eth_estimateGas", { from: STRANGER, to: OWN, value: "0x1" });
  await fails(api, -32000, /intrinsic gas too low/, "eth_call", { to: OWN, gas: "0x5207" });
  assert.equal(await ask(api, "eth_call", { to: OWN }, "latest", {}, {}), "0x");
});

test("gas is estimated: enough, and little more", async () => {
  const { api, engine } = await openLogs([5]);
  assert.equal(await ask(api, "eth_estimateGas", { from: OWN, to: STRANGER, value: "0x1" }), "0x5208");
  const data = word(9);
  const estimate = Number(await ask<string>(api, "eth_estimateGas", { from: OWN, to: LOGGER, data }));
  const transaction = transactionOf(1, 2, {
    to: LOGGER,
    value: 0n,
    data: hexToBytes(data),
    gasLimit: BigInt(estimate),
  });
  await engine.submit(transaction, "local");
  await engine.seal();
  const status = engine.transaction(transaction.hash);
  assert.ok(status?.status === "included" && status.receipt.status === 1);
  assert.ok(estimate <= status.receipt.gasUsed * 1.02);
  const reverted = await api.rpc("eth_estimateGas", { data: "0x602a5f5260205ffd" });
  assert.deepEqual(reverted.error, { code: 3, message: "execution reverted", data: word(42) });
});

test("a proof has the account, its slots in the order and form they were asked for, and nodes that hash up", async () => {
  const api = await openChain(1);
  const proof = await ask<Record<string, unknown>>(api, "eth_getProof", OWN, ["0x0", word(1)], "latest");
  assert.deepEqual([proof.address, proof.nonce, proof.balance], [OWN, "0x1", `0x${(10n ** 20n - 1n).toString(16)}`]);
  const nodes = proof.accountProof as string[];
  assert.equal(keccak256Hex(hexToBytes(nodes[0] as string)), api.engine.head().stateRoot);
  const slots = proof.storageProof as { key: string; value: string }[];
  assert.deepEqual(
    slots.map(({ key, value }) => [key, value]),
    [
      ["0x0", "0x0"],
      [word(1), "0x0"],
    ],
  );
  const absent = await ask<Record<string, unknown>>(api, "eth_getProof", STRANGER, [], "latest");
  assert.deepEqual([absent.nonce, absent.balance, absent.storageProof], ["0x0", "0x0", []]);
  assert.ok((absent.accountProof as string[]).length > 0);
  await fails(
    api,
    -32602,
    /more than 1024/,
    "eth_getProof",
    OWN,
    Array.from({ length: 1025 }, () => "0x0"),
    "latest",
  );
});

test("transactions of each type have their own fields", async () => {
  const api = await openTestApi();
  const list = [{ address: STRANGER, storageKeys: [word(1)] }];
  const types = [
    transactionOf(1, 0, { type: 0, maxFeePerGas: 3n, maxPriorityFeePerGas: 3n }),
    transactionOf(1, 1, { type: 1, maxFeePerGas: 3n, maxPriorityFeePerGas: 3n, accessList: list }),
    transactionOf(1, 2, { type: 2, maxFeePerGas: 9n, maxPriorityFeePerGas: 3n, accessList: list }),
  ];
  const shown: Record<string, unknown>[] = [];
  for (const { raw, hash } of types) {
    await ask(api, "eth_sendRawTransaction", bytesToHex(raw));
    shown.push(await ask<Record<string, unknown>>(api, "eth_getTransactionByHash", hash));
  }
  const [legacy, access, fee] = shown;
  assert.deepEqual(
    shown.map((t) => [t.type, t.gasPrice, t.chainId]),
    [
      ["0x0", "0x3", "0x7a69"],
      ["0x1", "0x3", "0x7a69"],
      ["0x2", "0x3", "0x7a69"],
    ],
  );
  assert.deepEqual([legacy?.accessList, legacy?.yParity, legacy?.maxFeePerGas], [undefined, undefined, undefined]);
  assert.ok(Number(legacy?.v) >= 35);
  assert.deepEqual([access?.accessList, access?.maxFeePerGas], [list, undefined]);
  assert.deepEqual([fee?.maxFeePerGas, fee?.maxPriorityFeePerGas, fee?.yParity], ["0x9", "0x3", fee?.v]);
});
