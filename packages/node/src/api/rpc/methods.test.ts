import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { encodeBlock } from "@counterpart/core/chain/block";
import { signAny } from "@counterpart/core/consensus/foreign-chain.test-support";
import { checksumAddress } from "@counterpart/core/crypto/crypto";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import { verifyState } from "@counterpart/core/verify/state-proof";
import { keyOf, openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import { createFakeBackend, hash32, openTestApi, type TestApi } from "../fake-backend.test-support.ts";
import { ask, fails, LOGGER, OWN, openLogs, STRANGER, word } from "./asking.test-support.ts";

async function openChain(blocks: number): Promise<TestApi> {
  const api = await openTestApi();
  for (let nonce = 0; nonce < blocks; nonce++) await api.engine.submit(transactionOf(1, nonce), "local");
  return api;
}

test("the node says what it is", async () => {
  const api = await openTestApi();
  assert.equal(await ask(api, "eth_chainId"), "0x7a69");
  assert.equal(await ask(api, "net_version"), "31337");
  assert.equal(await ask(api, "net_listening"), true);
  api.network.set({ addresses: () => [] });
  assert.equal(await ask(api, "net_listening"), false, "as on a chain that was imported");
  assert.match(await ask(api, "web3_clientVersion"), /^counterpart\/v0\.1\.0\//);
  assert.equal(await ask(api, "eth_coinbase"), OWN);
  assert.equal(
    await ask(api, "web3_sha3", "0x68656c6c6f20776f726c64"),
    "0x47173285a8d7341e5e972fc677286384f802f8ef42a5ec5f03bbfa254cb01fad",
  );
});

test("peers are counted when they are connected, and syncing is shown only while blocks are fetched", async () => {
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
  assert.equal(await ask(api, "eth_syncing"), false, "heights that peers claim prove nothing");
  api.network.set({ progress: () => ({ fromBlock: 0, toBlock: 9, sinceMs: 0 }) });
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
    "0x3",
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

test("the pending block is the one after the head, without what only sealing gives", async () => {
  const api = await openChain(2);
  const latest = await ask<Record<string, unknown>>(api, "eth_getBlockByNumber", "latest");
  const pending = await ask<Record<string, unknown>>(api, "eth_getBlockByNumber", "pending", true);
  const { number, parentHash, hash, nonce, miner, transactions, gasUsed, transactionsRoot } = pending;
  assert.deepEqual([number, parentHash], ["0x3", api.engine.head().hash]);
  assert.deepEqual([hash, nonce, miner], [null, null, null]);
  assert.deepEqual([transactions, gasUsed, transactionsRoot], [[], "0x0", EMPTY_TRIE_ROOT]);
  assert.deepEqual(Object.keys(pending).sort(), Object.keys(latest).sort());
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

test("the state of a block that is not on the chain is refused with a clear error", async () => {
  const api = await openChain(2);
  await fails(api, -32000, /header not found/, "eth_getBalance", OWN, "0x3");
  await fails(api, -32000, /header not found/, "eth_getBalance", OWN, { blockHash: hash32("1") });
});

test("slots of several accounts are read at once, at any block", async () => {
  const { api, engine } = await openLogs([5]);
  const slots = [word(0), "0x1"];
  const zeros = [word(0), word(0)];
  assert.deepEqual(await ask(api, "eth_getStorageValues", { [LOGGER]: slots, [STRANGER]: [] }), {
    [LOGGER]: zeros,
    [STRANGER]: [],
  });
  const checksummed = checksumAddress(LOGGER);
  assert.deepEqual(await ask(api, "eth_getStorageValues", { [checksummed]: slots }, "0x1"), { [LOGGER]: zeros });
  const [half, whole] = [512, 1_024].map((count) => Array(count).fill("0x0"));
  const most = await ask<Record<string, string[]>>(api, "eth_getStorageValues", { [LOGGER]: half, [STRANGER]: half });
  assert.equal(most[STRANGER]?.length, 512);
  for (const tooMany of [{ [LOGGER]: whole, [STRANGER]: ["0x0"] }, { [LOGGER]: [...(whole ?? []), "0x0"] }]) {
    await fails(api, -38026, /^too many slots \(max 1024\)$/, "eth_getStorageValues", tooMany);
  }
  for (const empty of [{}, { [LOGGER]: [] }]) await fails(api, -32602, /empty request/, "eth_getStorageValues", empty);
  for (const wrong of [[], "0x", { "0x12": ["0x0"] }, { [LOGGER]: "0x0" }, { [LOGGER]: null }, { [LOGGER]: [1] }]) {
    await fails(api, -32602, /./, "eth_getStorageValues", wrong);
  }
  await fails(api, -32000, /header not found/, "eth_getStorageValues", { [LOGGER]: slots }, "0x9");
  assert.equal(engine.head().number, 2);
});

test("a wrong storage key is told as go-ethereum tells it", async () => {
  const api = await openTestApi();
  await fails(api, -32602, /invalid hex in storage key: "0xasdf"$/, "eth_getStorageAt", OWN, "0xasdf");
  await fails(api, -32602, /storage key too long \(want at most 32 bytes\)$/, "eth_getStorageAt", OWN, `${word(1)}0`);
});

test("a proof is given at recent blocks too", async () => {
  const api = await openChain(3);
  for (const [tag, number] of [
    ["0x1", 1],
    [{ blockHash: api.engine.header(2)?.hash }, 2],
    ["latest", 3],
  ] as const) {
    const proof = await ask<{ nonce: string; accountProof: Hex[] }>(api, "eth_getProof", OWN, [], tag);
    assert.equal(proof.nonce, `0x${number}`);
    const root = api.engine.header(number)?.stateRoot as Hex;
    const [proven] = verifyState(root, [{ address: OWN, slots: [] }], proof.accountProof.map(hexToBytes));
    assert.equal(proven?.account?.nonce, BigInt(number));
  }
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
  await fails(api, -32000, /^nonce too low: next nonce 2, tx nonce 0$/, ...send(transactionOf(1, 0, { value: 9n })));
  await fails(
    api,
    -32000,
    /^insufficient funds for gas \* price \+ value: balance \d+, tx cost 1000000000000000000000, overshot \d+$/,
    ...send(transactionOf(1, 2, { value: 10n ** 21n })),
  );
  await fails(api, -32000, /invalid transaction/, "eth_sendRawTransaction", "0x02c0");
  const engine = openTestEngine({ development: true });
  engine.development?.setNext({ baseFeePerGas: 7n });
  const priced = await openTestApi({}, createFakeBackend(engine));
  const cheap = transactionOf(1, 0, { maxFeePerGas: 6n });
  await fails(priced, -32000, /^max fee per gas less than block base fee: address 0x/, ...send(cheap));
  await fails(api, -32000, /transaction type not supported/, "eth_sendRawTransaction", "0x03c0");
  await fails(api, -32602, /invalid argument 0/, "eth_sendRawTransaction", "c0");
  assert.equal(await ask(api, ...send(transactionOf(1, 1))), transactionOf(1, 1).hash);
});

test("what breaks a rule whatever the state is refused in the words of go-ethereum", async () => {
  const api = await openTestApi();
  const to = STRANGER;
  const fees = { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n };
  const plain = { type: 2 as const, chainId: 31_337n, nonce: 0n, gasLimit: 50_000n, ...fees, to, value: 0n };
  for (const [change, words] of [
    [{ chainId: 1n }, "invalid chain id for signer: have 1 want 31337"],
    [{ gasLimit: 20_000n }, "intrinsic gas too low: gas 20000, minimum needed 21000"],
    [
      { gasLimit: 21_016n, data: new Uint8Array([1]) },
      "insufficient gas for floor data gas cost: gas 21016, minimum needed 21040",
    ],
    [{ gasLimit: 2n ** 24n + 1n }, "transaction gas limit too high (cap: 16777216, tx: 16777217)"],
    [{ maxPriorityFeePerGas: 2n }, "max priority fee per gas higher than max fee per gas"],
    [{ nonce: 2n ** 64n - 1n }, "nonce has max value (EIP-2681)"],
    [{ type: 4 as const }, "EIP-7702 transaction with empty auth list"],
  ] as const) {
    const raw = signAny({ ...plain, data: new Uint8Array(0), ...change }, keyOf(1));
    const { error } = await api.rpc("eth_sendRawTransaction", bytesToHex(raw));
    assert.deepEqual([error?.code, error?.message], [-32000, words]);
  }
  const oversized = `0x02${"ff".repeat(131_072)}`;
  await fails(
    api,
    -32000,
    /^oversized data: transaction size 131073, limit 131072$/,
    "eth_sendRawTransaction",
    oversized,
  );
  await fails(api, -32000, /^transaction type not supported: 5$/, "eth_sendRawTransaction", "0x05c0");
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
