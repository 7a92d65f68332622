import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { checksumAddress } from "@counterpart/core/crypto/crypto";
import { accountOf, creationOf, openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import type { Engine } from "../../engine/types.ts";
import { createFakeBackend, hash32, openTestApi } from "../fake-backend.test-support.ts";

const API = "/api/v1";

/** A chain of `count` blocks of one transfer each. */
async function openChain(count: number) {
  const api = await openTestApi();
  for (let nonce = 0; nonce < count; nonce++) await api.engine.submit(transactionOf(1, nonce), "local");
  return api;
}

test("health, readiness and version", async () => {
  const { get, engine } = await openTestApi();
  assert.deepEqual((await get(`${API}/health`)).json, { status: "ok" });
  assert.deepEqual((await get(`${API}/ready`)).json, { ready: true, head: { hash: engine.genesisHash, number: 0 } });
  const { json } = await get(`${API}/version`);
  assert.deepEqual(
    [json.version, json.chain_id, json.genesis_hash, json.uptime_ms],
    ["0.1.0", 31337, engine.genesisHash, 60_000],
  );
});

test("a block by number, by hash and as latest", async () => {
  const { get, engine } = await openChain(3);
  const head = engine.head();
  const answers = await Promise.all(
    ["3", head.hash, head.hash.toUpperCase().replace("0X", "0x"), "latest"].map((at) => get(`${API}/blocks/${at}`)),
  );
  for (const { status, json } of answers) {
    assert.equal(status, 200);
    assert.equal(json.hash, head.hash);
  }
  const json = answers[0]?.json ?? {};
  assert.equal(json.timestamp, head.timestamp * 1000);
  assert.equal(json.sealer, checksumAddress(head.coinbase));
  assert.deepEqual(json.transactions, [transactionOf(1, 2).hash]);
  assert.deepEqual([json.transaction_count, json.confirmations, json.final, json.certified], [1, 1, false, "none"]);
  assert.equal((await get(`${API}/blocks/0`)).json.confirmations, 4);
});

test("a block that is not there, or not on the canonical chain, is BLOCK_NOT_FOUND", async () => {
  const { get } = await openChain(1);
  for (const at of ["2", hash32("0"), "999999999999999"]) {
    const { status, json } = await get(`${API}/blocks/${at}`);
    assert.deepEqual([status, json.code], [404, "BLOCK_NOT_FOUND"], at);
  }
  for (const at of ["-1", "1.5", "0x12", "earliest", "01x"]) {
    assert.equal((await get(`${API}/blocks/${at}`)).status, 400, at);
  }
});

test("a block of a branch that lost is not shown", async () => {
  const engine = openTestEngine();
  const other = openTestEngine({ sealer: 101 });
  await engine.submit(transactionOf(1, 0), "local");
  const lost = await engine.seal();
  for (let nonce = 0; nonce < 2; nonce++) {
    await other.submit(transactionOf(2, nonce), "local");
    const block = await other.seal();
    await engine.import(block === undefined ? [] : [block]);
  }
  const { get } = await openTestApi({}, createFakeBackend(engine));
  assert.equal((await get(`${API}/blocks/${lost?.header.hash}`)).status, 404);
  assert.equal((await get(`${API}/blocks/${other.head().hash}`)).status, 200);
});

test("blocks are listed highest first, in pages that meet", async () => {
  const { get } = await openChain(5);
  const numbers: unknown[] = [];
  let query = "limit=2";
  for (;;) {
    const { json } = await get(`${API}/blocks?${query}`);
    numbers.push(...(json.blocks as { number: number }[]).map(({ number }) => number));
    if (json.next_before === null) break;
    query = `limit=2&before=${json.next_before}`;
  }
  assert.deepEqual(numbers, [5, 4, 3, 2, 1, 0]);
  assert.deepEqual((await get(`${API}/blocks?before=0`)).json, { blocks: [], next_before: null });
  assert.equal(((await get(`${API}/blocks?before=100`)).json.blocks as unknown[]).length, 6);
});

test("a number of a query that is out of range is told so, and no other kind of value", async () => {
  const { get } = await openChain(1);
  for (const [before, says] of [
    ["-1", /query\.before must be >= 0$/],
    ["999999999999999999999", /query\.before is out of range$/],
    ["-999999999999999999999", /query\.before is out of range$/],
    ["1.5", /query\.before must be integer$/],
    ["x", /query\.before must be integer$/],
  ] as const) {
    const { status, json } = await get(`${API}/blocks?before=${before}`);
    assert.deepEqual([status, json.code, json.field], [400, "INVALID_REQUEST", "before"]);
    assert.match(String(json.detail), says);
  }
});

test("a signed transaction is taken and then told of", async () => {
  const api = await openTestApi();
  const transaction = transactionOf(1, 0, { value: 2n ** 60n });
  const { status, json } = await api.send("POST", `${API}/transactions`, { raw: bytesToHex(transaction.raw) });
  assert.equal(status, 200);
  assert.equal(json.status, "included");
  const again = await api.get(`${API}/transactions/${transaction.hash}`);
  assert.deepEqual(again.json, json);
  assert.deepEqual(
    [json.hash, json.from, json.value, json.execution, json.block_number, json.index, json.confirmations],
    [transaction.hash, checksumAddress(accountOf(1)), "1152921504606846976", "success", 1, 0, 1],
  );
});

test("a transaction that must wait is pending with the reason, and 202", async () => {
  const engine = openTestEngine();
  const api = await openTestApi({}, createFakeBackend(engine));
  const { status, json } = await api.send("POST", `${API}/transactions`, { raw: bytesToHex(transactionOf(1, 1).raw) });
  assert.equal(status, 202);
  assert.deepEqual(
    [json.status, json.reason, json.block_hash, json.confirmations],
    ["pending", "NONCE_TOO_HIGH", null, 0],
  );
});

test("a transaction whose nonce another took is conflicted, and says by which", async () => {
  const engine = openTestEngine();
  const api = await openTestApi({}, createFakeBackend(engine));
  const first = transactionOf(1, 0, { maxFeePerGas: 1n });
  const better = transactionOf(1, 0, { maxFeePerGas: 100n, maxPriorityFeePerGas: 100n });
  for (const { raw } of [first, better]) await api.send("POST", `${API}/transactions`, { raw: bytesToHex(raw) });
  const { json } = await api.get(`${API}/transactions/${first.hash}`);
  assert.deepEqual([json.status, json.conflicted_by], ["conflicted", better.hash]);
});

test("handing in a transaction that loses its nonce meanwhile is a conflict, not a success", async () => {
  const [transaction, by] = [transactionOf(1, 0), hash32("b")];
  const engine: Engine = {
    ...openTestEngine(),
    submit: async () => {},
    transaction: () => ({ status: "conflicted", transaction, by }),
  };
  const api = await openTestApi({}, createFakeBackend(engine));
  const { status, json } = await api.send("POST", `${API}/transactions`, { raw: bytesToHex(transaction.raw) });
  assert.deepEqual(
    [status, json.code, json.transaction_hash, json.by],
    [409, "TRANSACTION_CONFLICTED", transaction.hash, by],
  );
});

test("the events of a transaction have names and values by the ABI, where it has them", async () => {
  const api = await openTestApi();
  api.contracts.set({
    decodeLogs: async (logs) => logs.map((log) => ({ log, event: "Stored", args: { value: "5" } })),
  });
  // LOG0 of nothing, in the code that creates.
  const creation = creationOf(1, 0, Buffer.from("5f5fa0", "hex"));
  await api.send("POST", `${API}/transactions`, { raw: bytesToHex(creation.raw) });
  const { json } = await api.get(`${API}/transactions/${creation.hash}`);
  const [log, ...others] = json.logs as Record<string, unknown>[];
  assert.deepEqual([log?.event, log?.args, others], ["Stored", { value: "5" }, []]);
});

test("a creation shows its address, and a failure that it reverted", async () => {
  const api = await openTestApi();
  // 600a600c600039600a6000f3 returns the ten bytes behind it: 602a60005260206000f3, which answers 42.
  const creation = creationOf(1, 0, Buffer.from("600a600c600039600a6000f3602a60005260206000f3", "hex"));
  const failure = creationOf(1, 1, Buffer.from("60006000fd", "hex"));
  const send = async (raw: Uint8Array) =>
    (await api.send("POST", `${API}/transactions`, { raw: bytesToHex(raw) })).json;
  const created = await send(creation.raw);
  assert.match(String(created.contract_address), /^0x[0-9a-fA-F]{40}$/);
  assert.equal(created.to, null);
  assert.equal((await send(failure.raw)).execution, "reverted");
});

test("bytes that are no valid transaction are refused with what is wrong", async () => {
  const api = await openTestApi();
  const foreign = transactionOf(1, 0, { chainId: 1n, type: 2 });
  const cases: [raw: string, code: string][] = [
    ["0x00", "INVALID_TRANSACTION"],
    ["0x02c0", "INVALID_TRANSACTION"],
    [bytesToHex(foreign.raw), "INVALID_TRANSACTION"],
    ["0x03c0", "BLOBS_UNSUPPORTED"],
    ["0x0", "INVALID_HEX"],
    ["02c0", "INVALID_REQUEST"],
  ];
  for (const [raw, code] of cases) {
    const { status, json } = await api.send("POST", `${API}/transactions`, { raw });
    assert.deepEqual([status, json.code], [400, code], raw);
  }
});

test("an unknown transaction is TRANSACTION_NOT_FOUND", async () => {
  const { get } = await openTestApi();
  const { status, json } = await get(`${API}/transactions/${hash32("9")}`);
  assert.deepEqual([status, json.code], [404, "TRANSACTION_NOT_FOUND"]);
  assert.equal((await get(`${API}/transactions/0x12`)).status, 400);
});

test("wallets are made, listed and shown", async () => {
  const api = await openChain(2);
  const own = checksumAddress(accountOf(1));
  const made = await api.send("POST", `${API}/wallets`, {});
  assert.equal(made.status, 201);
  assert.equal(made.headers.location, `${API}/wallets/${made.json.address}`);
  const { wallets } = (await api.get(`${API}/wallets`)).json as { wallets: Record<string, unknown>[] };
  assert.deepEqual(
    wallets.map(({ address, held, own }) => [address, held, own]),
    [
      [own, true, true],
      [made.json.address, true, false],
    ],
  );
  const { json } = await api.get(`${API}/wallets/${own}`);
  assert.deepEqual(json, {
    address: own,
    balance: (10n ** 20n - 2n).toString(),
    nonce: 2,
    next_nonce: 2,
    held: true,
    own: true,
  });
});

test("any account can be asked for", async () => {
  const { get } = await openTestApi();
  const stranger: Hex = `0x${"77".repeat(20)}`;
  const { status, json } = await get(`${API}/wallets/${stranger}`);
  assert.equal(status, 200);
  assert.deepEqual([json.balance, json.nonce, json.held], ["0", 0, false]);
});

test("a pending transaction counts in the next nonce only", async () => {
  const engine = openTestEngine();
  await engine.submit(transactionOf(1, 0), "local");
  const { get } = await openTestApi({}, createFakeBackend(engine));
  const { json } = await get(`${API}/wallets/${accountOf(1)}`);
  assert.deepEqual([json.nonce, json.next_nonce], [0, 1]);
});
