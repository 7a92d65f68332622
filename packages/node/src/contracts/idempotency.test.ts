import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { Store, StoreWrite } from "@counterpart/core/ports/store";
import { accountOf, chainOf, sealAll, transactionOf } from "../engine/engine.test-support.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import {
  compile,
  createTimedClock,
  LAB_SOURCE,
  number,
  openTestNode,
  requireIncluded,
} from "./contracts.test-support.ts";
import { createIdempotency, type Idempotency, KEPT_MS, KEYS_MAX, type RequestKey } from "./idempotency.ts";
import type { FunctionCall } from "./types.ts";

const keyOf = (key: string, request = key): RequestKey => ({
  key,
  fingerprint: keccak256Hex(new TextEncoder().encode(request)),
});
const set = (next: string): FunctionCall => ({ function: "set", params: { next: number(next) } });

let lab: { readonly abi: readonly unknown[]; readonly bytecode: Hex };
before(() => {
  lab = compile(LAB_SOURCE)("Lab");
});
const deployment = () => ({ contractType: "custom" as const, ...lab, args: ["5"] });

describe("a request that is repeated with its key", () => {
  test("acts once, and is answered with the same transaction and result", async () => {
    const node = openTestNode();
    const first = requireIncluded(await node.service.deploy(deployment(), keyOf("d")));
    const again = requireIncluded(await node.service.deploy(deployment(), keyOf("d")));
    assert.deepEqual(again, first);
    const address = first.address;
    const executed = requireIncluded(await node.service.execute(address, set("7"), 1_000, keyOf("e")));
    await node.service.execute(address, set("8"));
    const repeated = requireIncluded(await node.service.execute(address, set("7"), 1_000, keyOf("e")));
    assert.deepEqual({ ...repeated, confirmations: 0 }, { ...executed, confirmations: 0 });
    assert.equal(repeated.result, "5");
    assert.equal(await node.service.call(address, { function: "value" }), "8");
  });

  test("acts once however many come at the same time", async () => {
    const node = openTestNode();
    const { address } = requireIncluded(await node.service.deploy(deployment()));
    const results = await Promise.all(
      Array.from({ length: 50 }, () => node.service.execute(address, set("7"), 1_000, keyOf("k"))),
    );
    assert.equal(new Set(results.map(({ transactionHash }) => transactionHash)).size, 1);
    assert.equal(node.engine.pool.nextNonce(node.keys.own), 2n);
  });

  test("acts once across a restart, with the transaction in the pool or in a block", async () => {
    const store = createMemoryStore();
    const node = openTestNode({ store, sealing: false });
    const sent = await node.service.deploy({ ...deployment(), waitMs: 0 }, keyOf("d"));
    assert.equal(sent.included, false);
    await node.engine.stop();
    const restarted = openTestNode({ store, sealing: false });
    const pending = await restarted.service.deploy({ ...deployment(), waitMs: 0 }, keyOf("d"));
    assert.deepEqual(pending, sent);
    await restarted.engine.seal();
    const included = requireIncluded(await restarted.service.deploy(deployment(), keyOf("d")));
    assert.equal(included.transactionHash, sent.transactionHash);
    assert.equal(restarted.engine.pool.nextNonce(restarted.keys.own), 1n);
  });

  test("is answered with what a reorganisation made of its transaction", async () => {
    const node = openTestNode();
    const other = openTestNode({ own: 2, others: [1] });
    const raw = transactionOf(3, 0, { value: 1n });
    const { hash } = await node.service.submit(raw, keyOf("t"));
    await sealAll(node.engine, []);
    await sealAll(other.engine, [transactionOf(3, 0, { value: 2n })]);
    for (let nonce = 0; nonce < 3; nonce++) await sealAll(other.engine, [transactionOf(4, nonce)]);
    await node.engine.import(chainOf(other.engine));
    assert.equal((await node.service.submit(raw, keyOf("t"))).hash, hash);
    assert.equal(node.engine.transaction(hash)?.status, "conflicted");
  });

  test("is refused with another request's content, and names the transaction that the key stands for", async () => {
    const node = openTestNode();
    const { transactionHash, address } = requireIncluded(await node.service.deploy(deployment(), keyOf("k", "one")));
    await assert.rejects(node.service.execute(address, set("7"), 0, keyOf("k", "two")), {
      code: "IDEMPOTENCY_KEY_REUSED",
      details: { transaction_hash: transactionHash },
    });
  });
});

describe("a request whose transaction a development node has forgotten", () => {
  const open = async () => {
    const node = openTestNode({ sealing: false, development: true });
    const { development } = node.engine;
    assert.ok(development);
    const deploy = () => node.service.deploy({ ...deployment(), waitMs: 0 }, keyOf("d"));
    return { ...node, development, deploy };
  };

  test("is sent again where it was dropped", async () => {
    const { engine, development, deploy, service } = await open();
    const raw = transactionOf(3, 0);
    const send = async () => [(await deploy()).transactionHash, (await service.submit(raw, keyOf("t"))).hash];
    const first = await send();
    for (const hash of first) assert.equal(await development.drop(hash), true);
    assert.deepEqual(await send(), first);
    assert.equal(engine.pool.pending, 2);
    await development.dropAll();
    assert.deepEqual(await send(), first);
    assert.deepEqual(await send(), first, "acts once from then on");
    assert.equal(engine.pool.pending, 2);
  });

  test("leaves its key free for another request", async () => {
    const { development, deploy, service } = await open();
    const { transactionHash } = await deploy();
    await development.drop(transactionHash);
    const other = transactionOf(3, 0);
    assert.equal((await service.submit(other, keyOf("d", "another"))).hash, other.hash);
  });

  test("is sent again where its block was taken back", async () => {
    const { engine, development, deploy } = await open();
    const snapshot = await development.snapshot();
    const { transactionHash } = await deploy();
    await engine.seal();
    assert.equal(await development.revert(snapshot), true);
    assert.equal((await deploy()).transactionHash, transactionHash);
    assert.equal(engine.pool.pending, 1);
  });

  test("acts once where a snapshot brings it back, pending or in a block", async () => {
    const { engine, development, deploy, service, keys } = await open();
    const included = transactionOf(3, 0);
    await service.submit(included, keyOf("t"));
    await engine.seal();
    const { transactionHash } = await deploy();
    const snapshot = await development.snapshot();
    await development.drop(transactionHash);
    await engine.submit(transactionOf(3, 1), "local");
    await development.mine();
    assert.equal(await development.revert(snapshot), true);
    assert.equal((await deploy()).transactionHash, transactionHash);
    assert.equal(engine.pool.nextNonce(keys.own), 1n);
    await assert.rejects(service.submit(transactionOf(5, 0), keyOf("t", "another")), {
      code: "IDEMPOTENCY_KEY_REUSED",
      details: { transaction_hash: included.hash },
    });
  });
});

describe("a signed transaction that is known when it is handed in with a key", () => {
  const refusedAsReused = { code: "IDEMPOTENCY_KEY_REUSED" };

  test("is bound to the key, pending or in a block, across a restart too", async () => {
    const store = createMemoryStore();
    const node = openTestNode({ store, sealing: false });
    const [pending, included] = [transactionOf(3, 0), transactionOf(4, 0)];
    await node.service.submit(included);
    await node.engine.seal();
    await node.service.submit(pending);
    for (const known of [pending, included]) await node.service.submit(known, keyOf(known.hash));
    await node.engine.stop();
    const restarted = openTestNode({ store, sealing: false });
    for (const known of [pending, included]) {
      assert.equal((await restarted.service.submit(known, keyOf(known.hash))).hash, known.hash);
      await assert.rejects(restarted.service.submit(transactionOf(5, 0), keyOf(known.hash, "another")), {
        ...refusedAsReused,
        details: { transaction_hash: known.hash },
      });
    }
    assert.equal(restarted.engine.pool.nextNonce(accountOf(5)), 0n);
  });

  test("is kept from then on, though a peer sent it first and it loses its nonce", async () => {
    const store = createMemoryStore();
    const node = openTestNode({ store, sealing: false });
    const first = transactionOf(3, 0);
    await node.engine.submit(first, "peer");
    await node.service.submit(first, keyOf("k"));
    await node.engine.submit(transactionOf(3, 0, { maxFeePerGas: 10n, maxPriorityFeePerGas: 10n }), "peer");
    await node.engine.stop();
    const restarted = openTestNode({ store, sealing: false });
    assert.equal((await restarted.service.submit(first, keyOf("k"))).hash, first.hash);
    assert.equal(restarted.engine.transaction(first.hash)?.status, "conflicted");
  });

  test("is bound to each key that it comes with at the same time", async () => {
    const store = createMemoryStore();
    const node = openTestNode({ store, sealing: false });
    const raw = transactionOf(3, 0);
    await Promise.all(["a", "b", "c"].map((key) => node.service.submit(raw, keyOf(key))));
    assert.equal(store.range("idempotency", { limit: 9 }).length, 3);
    for (const key of ["a", "b", "c"]) {
      await assert.rejects(node.service.submit(transactionOf(3, 1), keyOf(key, "another")), refusedAsReused);
    }
  });

  test("is bound to the key of one that replaces another twice at the same time", async () => {
    const node = openTestNode({ sealing: false });
    await node.service.submit(transactionOf(3, 0));
    const better = transactionOf(3, 0, { maxFeePerGas: 10n, maxPriorityFeePerGas: 10n });
    await Promise.all(["a", "b"].map((key) => node.service.submit(better, keyOf(key))));
    for (const key of ["a", "b"]) {
      await assert.rejects(node.service.submit(transactionOf(3, 1), keyOf(key, "another")), refusedAsReused);
    }
  });
});

/** Enters, with the rows made as when a transaction is handed in; gives what writes them and leaves. */
async function request(store: Store, keys: Idempotency, key: RequestKey): Promise<() => void> {
  const entry = await keys.enter(key);
  assert.ok(entry.known === undefined);
  const rows = entry.rows(keccak256Hex(new Uint8Array(2)), new Uint8Array(0));
  return () => {
    store.write(rows);
    entry.leave(true);
  };
}

/** A store and a clock with `count` keys of now in it. */
async function remembering(count: number) {
  const store = createMemoryStore();
  const clock = createTimedClock();
  const seed = await createIdempotency(store, clock).enter(keyOf("seed"));
  assert.ok(seed.known === undefined);
  const [row] = seed.rows(keccak256Hex(new Uint8Array(1)), new Uint8Array(0));
  assert.ok(row?.value);
  const value = row.value;
  store.write(
    Array.from({ length: count }, (_, n) => {
      const key = new Uint8Array(32);
      new DataView(key.buffer).setUint32(0, n);
      return { table: "idempotency" as const, key, value };
    }),
  );
  return { store, clock, full: createIdempotency(store, clock) };
}

describe("what is remembered", () => {
  test("is nothing of a request that failed before there was a transaction", async () => {
    const node = openTestNode();
    const { address } = requireIncluded(await node.service.deploy(deployment()));
    await assert.rejects(node.service.execute(address, set("5000"), 0, keyOf("k")), { code: "EXECUTION_REVERTED" });
    requireIncluded(await node.service.execute(address, set("6"), 1_000, keyOf("k", "corrected")));
  });

  test("is nothing of a transaction that could not be made durable", async () => {
    const inner = createMemoryStore();
    let failing = false;
    const store: Store = {
      ...inner,
      write(rows) {
        if (failing) throw new CodedError("STORE_WRITE_FAILED", "disk full");
        inner.write(rows);
      },
    };
    const node = openTestNode({ store });
    failing = true;
    await assert.rejects(node.service.deploy(deployment(), keyOf("k")), { code: "STORE_WRITE_FAILED" });
    failing = false;
    requireIncluded(await node.service.deploy(deployment(), keyOf("k")));
    assert.equal(node.engine.pool.nextNonce(accountOf(1)), 1n);
  });

  test("goes into the same write as the transaction", async () => {
    const inner = createMemoryStore();
    const writes: (readonly StoreWrite[])[] = [];
    const store: Store = {
      ...inner,
      write(rows) {
        const written = [...rows];
        writes.push(written);
        inner.write(written);
      },
    };
    const node = openTestNode({ store, sealing: false });
    writes.length = 0;
    await node.service.deploy({ ...deployment(), waitMs: 0 }, keyOf("k"));
    const tables = writes.map((rows) => rows.map(({ table }) => table));
    const together = tables.filter((names) => names.includes("idempotency"));
    assert.deepEqual(
      together.map((names) => names.includes("pool")),
      [true],
    );
  });

  test("is forgotten after 24 hours, and then the key is free", async () => {
    const store = createMemoryStore();
    const clock = createTimedClock();
    const use = async (key: RequestKey): Promise<Hex | undefined> => {
      const entered = await createIdempotency(store, clock).enter(key);
      if (entered.known !== undefined) return entered.known.transactionHash;
      store.write(entered.rows(keccak256Hex(new Uint8Array([clock.now() & 255])), new Uint8Array(0)));
      entered.leave(true);
      return undefined;
    };
    assert.equal(await use(keyOf("k")), undefined);
    clock.advance(KEPT_MS);
    assert.notEqual(await use(keyOf("k")), undefined);
    clock.advance(1);
    assert.equal(await use(keyOf("k", "another")), undefined);
    assert.equal(store.range("idempotency", { limit: 9 }).length, 1);
  });

  test("has a limit: new keys are refused until old ones are over", async () => {
    const { store, clock, full } = await remembering(KEYS_MAX);
    await assert.rejects(full.enter(keyOf("one more")), { code: "IDEMPOTENCY_KEYS_FULL" });
    clock.advance(KEPT_MS + 1);
    const entered = await full.enter(keyOf("one more"));
    assert.ok(entered.known === undefined);
    store.write(entered.rows(keccak256Hex(new Uint8Array(2)), new Uint8Array(0)));
    entered.leave(true);
    assert.ok(store.range("idempotency", { limit: KEYS_MAX + 9 }).length <= KEYS_MAX);
  });

  test("keeps its limit when many keys take the places of expired ones at the same time", async () => {
    const { store, clock, full } = await remembering(KEYS_MAX);
    clock.advance(KEPT_MS + 1);
    const names = Array.from({ length: 50 }, (_, n) => `k${n}`);
    const requests = await Promise.all(names.map((name) => request(store, full, keyOf(name))));
    for (const finish of requests) finish();
    assert.ok(store.range("idempotency", { limit: KEYS_MAX + 99 }).length <= KEYS_MAX);
    const reopened = createIdempotency(store, clock);
    for (const name of names) assert.notEqual((await reopened.enter(keyOf(name))).known, undefined, name);
  });

  test("does not lose a key that is used again while another one takes the places of expired ones", async () => {
    const store = createMemoryStore();
    const clock = createTimedClock();
    const keys = createIdempotency(store, clock);
    (await request(store, keys, keyOf("old")))();
    clock.advance(KEPT_MS + 1);
    const again = await request(store, keys, keyOf("old", "used again"));
    const other = await request(store, keys, keyOf("other"));
    again();
    other();
    for (const one of [keys, createIdempotency(store, clock)]) {
      assert.notEqual((await one.enter(keyOf("old", "used again"))).known, undefined);
    }
  });

  test("waits with an expired key that another one is about to remove", async () => {
    const store = createMemoryStore();
    const clock = createTimedClock();
    const keys = createIdempotency(store, clock);
    (await request(store, keys, keyOf("old")))();
    clock.advance(KEPT_MS + 1);
    const removeOld = await request(store, keys, keyOf("other"));
    const again = request(store, keys, keyOf("old", "used again")).then((finish) => finish());
    await new Promise(setImmediate);
    removeOld();
    await again;
    assert.notEqual((await createIdempotency(store, clock).enter(keyOf("old", "used again"))).known, undefined);
    assert.equal(store.range("idempotency", { limit: 9 }).length, 2);
  });
});
