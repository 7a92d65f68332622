import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import type { Block, SealedHeader } from "@counterpart/core/chain/types";
import {
  accountOf,
  chainOf,
  openTestEngine,
  sealAll,
  stateOf,
  transactionOf,
} from "../../engine/engine.test-support.ts";
import type { RemoteState } from "../../engine/remote-state.ts";
import type { Engine } from "../../engine/types.ts";
import { createFakeBackend, openTestApi } from "../fake-backend.test-support.ts";

/** A full node with so many blocks. */
async function chainOfLength(count: number, sealer = 100): Promise<Engine> {
  const engine = openTestEngine({ sealer });
  for (let nonce = 0; nonce < count; nonce++) await sealAll(engine, [transactionOf(1, nonce)]);
  return engine;
}

const addHeaders = (replica: Engine, from: Engine): Promise<void> =>
  replica.adoption.addHeaders(
    chainOf(from).map(({ header }) => header),
    new Uint8Array(0),
  );

/** A replica that has followed a chain by its headers alone, with peers that give its blocks unless told otherwise. */
async function openReplica(full: Engine, change: Partial<RemoteState> = {}) {
  const asked: number[] = [];
  const remote: RemoteState = {
    hasPeers: () => true,
    state: () => Promise.reject(new CodedError("PRUNED", "no state")),
    storages: () => Promise.reject(new CodedError("PRUNED", "no state")),
    codes: () => Promise.reject(new CodedError("PRUNED", "no code")),
    async block({ number, hash }: SealedHeader) {
      asked.push(number);
      return full.block(hash) as Block;
    },
    ...change,
  };
  const engine = openTestEngine({ replica: "all", remote });
  await addHeaders(engine, full);
  await engine.adoption.complete(full.head(), stateOf(full));
  return { asked, ...(await openTestApi({}, createFakeBackend(engine))) };
}

test("a replica gives its head with the transactions, by every name, and fetches it once", async () => {
  const full = await chainOfLength(3);
  const { asked, get, rpc } = await openReplica(full);
  const there = await openTestApi({}, createFakeBackend(full));
  const { hash } = full.head();
  const requests = [
    ["eth_getBlockByNumber", "latest", false],
    ["eth_getBlockByNumber", "0x3", true],
    ["eth_getBlockByHash", hash, false],
  ] as const;
  for (const [method, ...params] of requests) {
    assert.deepEqual(await rpc(method, ...params), await there.rpc(method, ...params));
  }
  for (const block of ["latest", "3", hash]) {
    const { status, json } = await get(`/api/v1/blocks/${block}`);
    assert.deepEqual([status, json], [200, (await there.get(`/api/v1/blocks/${block}`)).json]);
  }
  assert.deepEqual(asked, [3]);
});

test("a replica answers for its head, and for what led to it, while the state of a better chain is still to come", async () => {
  const [full, better] = [await chainOfLength(3), await chainOfLength(4, 101)];
  const { engine, get, rpc } = await openReplica(full);
  const there = await openTestApi({}, createFakeBackend(full));
  await addHeaders(engine, better);
  const { hash } = full.head();
  const calls = [
    ["eth_getBlockByNumber", "latest", false],
    ["eth_getBlockByNumber", "0x2", false],
    ["eth_getBlockByNumber", "0x4", false],
    ["eth_getProof", accountOf(1), [], "latest"],
    ["eth_getProof", accountOf(1), [], { blockHash: hash, requireCanonical: true }],
  ] as const;
  for (const [method, ...params] of calls) {
    assert.deepEqual(await rpc(method, ...params), await there.rpc(method, ...params));
  }
  for (const path of ["blocks/latest", "blocks/2", "blocks", `contracts/${accountOf(1)}/proof`]) {
    const { status, json } = await get(`/api/v1/${path}`);
    assert.deepEqual([status, json], [200, (await there.get(`/api/v1/${path}`)).json]);
  }
  assert.equal((await get(`/api/v1/blocks/${better.header(2)?.hash}`)).status, 404);
});

test("a replica lists blocks from its head on, as far as peers give them", async () => {
  const full = await chainOfLength(3);
  const { get } = await openReplica(full);
  const numbersIn = (json: unknown) => (json as { blocks: { number: number }[] }).blocks.map(({ number }) => number);
  const first = (await get("/api/v1/blocks?limit=2")).json as { next_before: number };
  assert.deepEqual([numbersIn(first), first.next_before], [[3, 2], 2]);
  const rest = (await get(`/api/v1/blocks?before=${first.next_before}`)).json as { next_before: null };
  assert.deepEqual([numbersIn(rest), rest.next_before], [[1, 0], null]);

  const block = async (header: SealedHeader) => {
    if (header.number < 3) throw new CodedError("PRUNED", "nobody has it");
    return full.block(header.hash) as Block;
  };
  const some = (await (await openReplica(full, { block })).get("/api/v1/blocks")).json;
  assert.deepEqual(numbersIn(some), [3]);
});

test("a block that no peer gives is said not to be held, and asked for again later", async () => {
  const full = await chainOfLength(2);
  let hasPeers = false;
  const { asked, get, rpc } = await openReplica(full, { hasPeers: () => hasPeers });
  const { status, json } = await get("/api/v1/blocks/latest");
  assert.deepEqual([status, (json as { code: string }).code], [503, "NOT_HELD"]);
  assert.match((await rpc("eth_getBlockByNumber", "latest", false)).error?.message ?? "", /no peer is connected/);
  assert.deepEqual((await get("/api/v1/blocks")).json, { blocks: [], next_before: null });
  assert.deepEqual(asked, []);
  hasPeers = true;
  assert.equal((await get("/api/v1/blocks/latest")).status, 200);
});

test("blocks far below the head are not fetched", async () => {
  const full = await chainOfLength(130);
  const { asked, get } = await openReplica(full);
  const { status, json } = await get("/api/v1/blocks/2");
  assert.deepEqual([status, (json as { code: string }).code], [410, "PRUNED"]);
  assert.equal((await get("/api/v1/blocks/3")).status, 200);
  assert.deepEqual(asked, [3]);
});

test("a replica says that it holds no transactions and receipts, not that there are none", async () => {
  const full = await chainOfLength(1);
  const { get, rpc } = await openReplica(full);
  const { hash } = transactionOf(1, 0);
  for (const method of ["eth_getTransactionByHash", "eth_getTransactionReceipt"]) {
    assert.match((await rpc(method, hash)).error?.message ?? "", /holds no transactions and no receipts/);
  }
  const { status, json } = await get(`/api/v1/transactions/${hash}`);
  assert.deepEqual([status, (json as { code: string }).code], [503, "NOT_HELD"]);
});
