import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesToUtf8, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { createAddress } from "@counterpart/core/chain/address";
import type { Block, Transaction } from "@counterpart/core/chain/types";
import { addSeal, compareHeads } from "@counterpart/core/consensus/poa";
import { signDigest } from "@counterpart/core/crypto/crypto";
import type { Store } from "@counterpart/core/ports/store";
import fc from "fast-check";
import { createMemoryStore } from "../store/memory-store.ts";
import {
  accountOf,
  chainOf,
  createManualClock,
  creationOf,
  keyOf,
  openTestEngine,
  sealAll,
  TEST_GENESIS,
  transactionOf,
} from "./engine.test-support.ts";
import { createStaging } from "./staging.ts";
import type { Engine, HeadChange } from "./types.ts";

/** Creation code of a contract that counts its calls in slot 0: PUSH0 SLOAD PUSH1 1 ADD PUSH0 SSTORE. */
const COUNTER = hexToBytes("0x675f546001015f55005f5260086018f3");
const deployCounter = (from: number, nonce: number): Transaction => creationOf(from, nonce, COUNTER);
const slot0: Hex = `0x${"00".repeat(32)}`;

function counterValue(engine: Engine, address: Hex): bigint {
  const snapshot = engine.snapshot();
  const value = snapshot.storage(address, slot0);
  snapshot.done();
  return value;
}

/** Everything that follows from the head alone. */
function stateRows(store: Store): readonly unknown[] {
  const tables = [
    "accounts",
    "storage",
    "accountNodes",
    "storageNodes",
    "contracts",
    "canonical",
    "transactions",
  ] as const;
  return tables.map((table) => store.range(table, { limit: 10_000 }));
}

function pick<T>(items: readonly T[], index: number): T {
  return items[index % items.length] as T;
}

describe("sealing", () => {
  test("a submitted transaction is pending, then included with its receipt", async () => {
    const engine = openTestEngine();
    const transaction = transactionOf(1, 0);
    await engine.submit(transaction, "local");
    assert.equal(engine.transaction(transaction.hash)?.status, "pending");
    const block = await engine.seal();
    const status = engine.transaction(transaction.hash);
    assert.equal(status?.status, "included");
    assert.ok(status?.status === "included");
    assert.equal(status.blockHash, block?.header.hash);
    assert.equal(status.receipt.status, 1);
    assert.equal(status.receipt.gasUsed, 21_000);
    assert.equal(status.confirmations, 1);
    assert.equal(engine.pool.pending, 0);
  });

  test("nothing executable gives no block", async () => {
    const engine = openTestEngine();
    assert.equal(await engine.seal(), undefined);
    await engine.submit(transactionOf(1, 3), "local");
    assert.equal(await engine.seal(), undefined);
    const waiting = engine.transaction(transactionOf(1, 3).hash);
    assert.ok(waiting?.status === "pending");
    assert.equal(waiting.reason, "NONCE_TOO_HIGH");
    assert.deepEqual(engine.pool.oldestExecutable(), {});
  });

  test("where signers are listed a node that is none of them seals nothing", async () => {
    for (const [sealer, blocks] of [
      [101, 1],
      [102, 0],
    ] as const) {
      const engine = openTestEngine({ sealer, genesis: { ...TEST_GENESIS, signers: [accountOf(101)] } });
      assert.equal((await sealAll(engine, [transactionOf(1, 0)])).length, blocks);
      assert.equal(engine.pool.pending, 1 - blocks);
    }
  });

  test("transactions are taken by tip, then by arrival, each sender's in order of nonce", async () => {
    const engine = openTestEngine();
    const paid = { maxFeePerGas: 5n, maxPriorityFeePerGas: 5n };
    const offered = [transactionOf(1, 1, paid), transactionOf(2, 0), transactionOf(1, 0), transactionOf(3, 0, paid)];
    const [block] = await sealAll(engine, offered);
    const order = block?.transactions.map(({ sender, nonce }) => [sender, nonce]);
    assert.deepEqual(order, [
      [accountOf(3), 0n],
      [accountOf(2), 0n],
      [accountOf(1), 0n],
      [accountOf(1), 1n],
    ]);
  });

  test("the index shows a new contract with owner and nonce, and counts the blocks that change it", async () => {
    const engine = openTestEngine();
    const address = createAddress(accountOf(1), 0n);
    const changes: HeadChange[] = [];
    engine.on("head", (change) => changes.push(change));
    await sealAll(engine, [deployCounter(1, 0)]);
    await sealAll(engine, [transactionOf(2, 0, { to: address, value: 0n })]);
    const entry = engine.snapshot().contract(address);
    assert.equal(entry?.owner, accountOf(1));
    assert.equal(entry?.creationNonce, 0n);
    assert.equal(entry?.created?.number, 1);
    assert.equal(entry?.updated?.number, 2);
    assert.equal(entry?.updateSequence, 2);
    assert.equal(counterValue(engine, address), 1n);
    assert.equal(engine.contractCount(), 1);
    assert.deepEqual(
      changes.map((change) => [change.contractsCreated, change.contractsUpdated.includes(address)]),
      [
        [[address], false],
        [[], true],
      ],
    );
  });
});

describe("the pool", () => {
  test("refuses used nonces, far nonces and what the sender cannot pay, with the next nonce in the error", async () => {
    const engine = openTestEngine();
    await sealAll(engine, [transactionOf(1, 0)]);
    const refused = async (transaction: Transaction, code: string): Promise<void> => {
      await assert.rejects(engine.submit(transaction, "local"), { code });
      assert.equal(engine.transaction(transaction.hash), undefined);
    };
    await refused(transactionOf(1, 0, { value: 2n }), "NONCE_TOO_LOW");
    await refused(transactionOf(1, 5_000), "NONCE_TOO_HIGH");
    await refused(transactionOf(1, 1, { value: 10n ** 21n }), "INSUFFICIENT_FUNDS");
  });

  test("a replacement needs a tip 10 % and 1 wei higher, and the replaced one is conflicted by it", async () => {
    const engine = openTestEngine();
    const first = transactionOf(1, 0, { maxFeePerGas: 100n, maxPriorityFeePerGas: 100n });
    const same = transactionOf(1, 0, { maxFeePerGas: 109n, maxPriorityFeePerGas: 109n });
    const better = transactionOf(1, 0, { maxFeePerGas: 110n, maxPriorityFeePerGas: 110n });
    await engine.submit(first, "local");
    await assert.rejects(engine.submit(same, "local"), { code: "UNDERPRICED" });
    await engine.submit(better, "local");
    const status = engine.transaction(first.hash);
    assert.ok(status?.status === "conflicted");
    assert.equal(status.by, better.hash);
    await assert.rejects(
      engine
        .submit(transactionOf(2, 0), "local")
        .then(() => engine.submit(transactionOf(2, 0, { value: 7n }), "local")),
      {
        code: "UNDERPRICED",
      },
    );
  });

  test("a full pool refuses new transactions and drops none; peers cannot fill the room of local callers", async () => {
    const poolLimits = { transactionsMax: 4, bytesMax: 1_000_000, peerShare: 0.5, senderMax: 3, nonceGapMax: 10 };
    const engine = openTestEngine({ poolLimits });
    await engine.submit(transactionOf(1, 0), "peer");
    await engine.submit(transactionOf(1, 1), "peer");
    await assert.rejects(engine.submit(transactionOf(2, 0), "peer"), { code: "POOL_FULL" });
    await engine.submit(transactionOf(2, 0), "local");
    await engine.submit(transactionOf(1, 2), "local");
    await assert.rejects(engine.submit(transactionOf(3, 0), "local"), { code: "POOL_FULL" });
    assert.equal(engine.pool.pending, 4);
  });

  test("a sender has a quota", async () => {
    const poolLimits = { transactionsMax: 100, bytesMax: 1_000_000, peerShare: 1, senderMax: 2, nonceGapMax: 10 };
    const engine = openTestEngine({ poolLimits });
    await engine.submit(transactionOf(1, 0), "local");
    await engine.submit(transactionOf(1, 1), "local");
    await assert.rejects(engine.submit(transactionOf(1, 2), "local"), { code: "POOL_SENDER_QUOTA" });
  });

  test("transactions that arrive together become durable in one write, and are announced after it", async () => {
    const inner = createMemoryStore();
    const writes: number[] = [];
    const store: Store = {
      ...inner,
      write(rows) {
        const written = [...rows];
        writes.push(written.filter(({ table }) => table === "pool").length);
        inner.write(written);
      },
    };
    const engine = openTestEngine({ store });
    writes.length = 0;
    engine.on("transaction", () => assert.deepEqual(writes, [3]));
    const all = [transactionOf(1, 0), transactionOf(1, 1), transactionOf(2, 0)];
    await Promise.all(all.map((transaction) => engine.submit(transaction, "local")));
    assert.deepEqual(writes, [3]);
  });

  test("a transaction that cannot be made durable is refused and leaves no trace; the one it replaced is back", async () => {
    const inner = createMemoryStore();
    let failing = false;
    const store: Store = {
      ...inner,
      write(rows) {
        if (failing) throw new CodedError("STORE_WRITE_FAILED", "disk full");
        inner.write(rows);
      },
    };
    const engine = openTestEngine({ store });
    const first = transactionOf(1, 0);
    await engine.submit(first, "local");
    failing = true;
    const better = transactionOf(1, 0, { maxFeePerGas: 9n, maxPriorityFeePerGas: 9n });
    for (const transaction of [better, transactionOf(1, 1)]) {
      await assert.rejects(engine.submit(transaction, "local"), { code: "STORE_WRITE_FAILED" });
      assert.equal(engine.transaction(transaction.hash), undefined);
    }
    assert.equal(engine.transaction(first.hash)?.status, "pending");
    assert.equal(engine.pool.nextNonce(accountOf(1)), 1n);
    failing = false;
    await engine.submit(transactionOf(1, 1), "local");
    assert.equal(engine.pool.nextNonce(accountOf(1)), 2n);
  });

  test("what is sealed before it is journaled leaves nothing in the journal", async () => {
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    // The way a sealer does it: before the journal, which is written as soon as what has arrived is handled.
    engine.on("pooled", () => void engine.seal());
    await engine.submit(transactionOf(1, 0), "local");
    assert.equal(engine.transaction(transactionOf(1, 0).hash)?.status, "included");
    assert.deepEqual(store.range("pool", { limit: 9 }), []);
  });

  test("pending and conflicted transactions survive a restart", async () => {
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    const first = transactionOf(1, 0);
    const better = transactionOf(1, 0, { maxFeePerGas: 9n, maxPriorityFeePerGas: 9n });
    await engine.submit(first, "local");
    await engine.submit(better, "local");
    await engine.stop();
    const again = openTestEngine({ store });
    assert.equal(again.transaction(first.hash)?.status, "conflicted");
    assert.equal(again.transaction(better.hash)?.status, "pending");
    assert.equal((await again.seal())?.transactions[0]?.hash, better.hash);
  });
});

describe("fork choice and merging", () => {
  test("histories that grew apart end in the union of their transactions, contracts at their addresses", async () => {
    const left = openTestEngine({ sealer: 101 });
    const right = openTestEngine({ sealer: 102 });
    await sealAll(left, [deployCounter(1, 0)]);
    await sealAll(left, [transactionOf(1, 1)]);
    await sealAll(right, [deployCounter(2, 0)]);
    const reinjected: Hex[] = [];
    right.on("transaction", (transaction, origin) => origin === "reinjected" && reinjected.push(transaction.hash));
    const result = await right.import(chainOf(left));
    assert.deepEqual([result.added, result.invalid], [2, []]);
    assert.equal(right.head().hash, left.head().hash);
    assert.deepEqual(reinjected, [deployCounter(2, 0).hash]);
    assert.equal(right.pool.reinjecting, 1);
    assert.equal(right.snapshot().contract(createAddress(accountOf(2), 0n)), undefined);

    await right.seal();
    assert.equal(right.pool.reinjecting, 0);
    await left.import(chainOf(right));
    for (const engine of [left, right]) {
      const snapshot = engine.snapshot();
      assert.ok(snapshot.contract(createAddress(accountOf(1), 0n)));
      assert.ok(snapshot.contract(createAddress(accountOf(2), 0n)));
      assert.equal(engine.contractCount(), 2);
    }
    assert.deepEqual(left.head(), right.head());
  });

  test("what came back is waited for until a block was tried, also where this node may seal none", async () => {
    const genesis = { ...TEST_GENESIS, signers: [accountOf(101)] };
    const [shorter, longer] = [1, 2].map(() => openTestEngine({ genesis, sealer: 101 })) as [Engine, Engine];
    await sealAll(shorter, [transactionOf(1, 0)]);
    for (const nonce of [0, 1]) await sealAll(longer, [transactionOf(2, nonce)]);
    const engine = openTestEngine({ genesis, sealer: 102 });
    for (const other of [shorter, longer]) await engine.import(chainOf(other));
    assert.deepEqual([engine.pool.pending, engine.pool.reinjecting], [1, 1]);
    assert.equal(await engine.seal(), undefined);
    assert.deepEqual([engine.pool.pending, engine.pool.reinjecting], [1, 0]);
  });

  test("a long extension is taken in writes of 64 blocks, so that others have their turn", async () => {
    const other = openTestEngine({ sealer: 101 });
    for (let nonce = 0; nonce < 65; nonce++) await sealAll(other, [transactionOf(1, nonce)]);
    const engine = openTestEngine();
    const taken: number[] = [];
    engine.on("head", ({ applied }) => taken.push(applied.length));
    await engine.import(chainOf(other));
    assert.deepEqual(taken, [64, 1]);
  });

  test("a branch that outgrows memory becomes the chain in one write, and nothing of it is left aside", async () => {
    const leftStore = createMemoryStore();
    const left = openTestEngine({ sealer: 101, store: leftStore });
    for (let i = 0; i < 12; i++) await sealAll(left, [deployCounter(1, i)]);
    const inner = createMemoryStore();
    const heads: number[] = [];
    let staged = 0;
    const store: Store = {
      ...inner,
      write(rows) {
        const written = [...rows];
        staged += written.filter(({ table, value }) => table === "staging" && value !== null).length;
        if (written.some(({ table, key }) => table === "meta" && bytesToUtf8(key) === "head"))
          heads.push(written.length);
        inner.write(written);
      },
    };
    const right = openTestEngine({ sealer: 102, store, overlayBytesMax: 2_000 });
    await sealAll(right, [deployCounter(2, 0)]);
    await sealAll(right, [transactionOf(2, 1)]);
    heads.length = 0;
    await right.import(chainOf(left));
    assert.equal(right.head().hash, left.head().hash);
    assert.equal(heads.length, 1);
    assert.ok(staged > 100, `${staged} rows were put aside`);
    assert.deepEqual(inner.range("staging", { limit: 1 }), []);
    assert.deepEqual(stateRows(inner), stateRows(leftStore));
    await right.seal();
    assert.equal(right.contractCount(), 13);
  });

  test("a branch that was refused after it had outgrown memory leaves nothing to the one that is taken", async () => {
    const [leftStore, store] = [createMemoryStore(), createMemoryStore()];
    const left = openTestEngine({ sealer: 101, store: leftStore });
    for (let i = 0; i < 4; i++) await sealAll(left, [deployCounter(1, i)]);
    const [last, ...before] = chainOf(left).reverse() as [Block, ...Block[]];
    const forged = addSeal({ ...last.header, stateRoot: slot0 }, (digest) => signDigest(digest, keyOf(101)));
    const right = openTestEngine({ sealer: 102, store, overlayBytesMax: 500 });
    for (const nonce of [0, 1, 2]) await sealAll(right, [transactionOf(2, nonce)]);
    const { invalid } = await right.import([...before, { ...last, header: forged }]);
    assert.deepEqual(
      invalid.map(({ hash }) => hash),
      [forged.hash],
    );
    assert.deepEqual((await right.import([last])).invalid, []);
    assert.equal(right.head().hash, left.head().hash);
    assert.deepEqual(stateRows(store), stateRows(leftStore));
  });

  test("what a crash leaves of a branch that had not won is forgotten at the next start", async () => {
    const store = createMemoryStore();
    await sealAll(openTestEngine({ store }), [transactionOf(1, 0)]);
    const rows = [{ table: "meta" as const, key: new TextEncoder().encode("head"), value: null }];
    createStaging(store).add(rows);
    const again = openTestEngine({ store });
    assert.equal(again.head().number, 1);
    assert.deepEqual(store.range("staging", { limit: 1 }), []);
  });

  test("of two transactions with one sender and nonce one survives and the other is conflicted by it", async () => {
    const left = openTestEngine({ sealer: 101 });
    const right = openTestEngine({ sealer: 102 });
    const winner = transactionOf(1, 0, { value: 5n });
    const loser = transactionOf(1, 0, { value: 6n });
    const dependant = transactionOf(1, 1, { value: 7n });
    await sealAll(left, [winner]);
    await sealAll(left, [transactionOf(2, 0)]);
    await sealAll(left, [transactionOf(2, 1)]);
    await sealAll(right, [loser, dependant]);
    const conflicts: Hex[][] = [];
    right.on("conflicted", (transaction, by) => conflicts.push([transaction, by]));
    await right.import(chainOf(left));
    const status = right.transaction(loser.hash);
    assert.ok(status?.status === "conflicted");
    assert.equal(status.by, winner.hash);
    assert.deepEqual(conflicts, [[loser.hash, winner.hash]]);
    assert.equal(right.transaction(dependant.hash)?.status, "pending");
    await right.seal();
    assert.equal(right.transaction(dependant.hash)?.status, "included");
  });

  test("a branch whose last block has a wrong root moves the head no further than its valid part", async () => {
    const left = openTestEngine({ sealer: 101 });
    const right = openTestEngine({ sealer: 102 });
    for (let i = 0; i < 3; i++) await sealAll(left, [transactionOf(1, i)]);
    await sealAll(right, [transactionOf(2, 0)]);
    const blocks = chainOf(left);
    const last = blocks[2] as Block;
    const forged = addSeal({ ...last.header, stateRoot: `0x${"77".repeat(32)}` }, (digest) =>
      signDigest(digest, keyOf(101)),
    );
    const result = await right.import([...blocks.slice(0, 2), { ...last, header: forged }]);
    assert.deepEqual(
      result.invalid.map(({ hash, code }) => [hash, code]),
      [[forged.hash, "INVALID_BLOCK"]],
    );
    assert.equal(right.head().hash, (blocks[1] as Block).header.hash);
    assert.equal(right.header(forged.hash), undefined);
    const again = await right.import([{ ...last, header: forged }]);
    assert.equal(again.invalid[0]?.code, "INVALID_BLOCK");
    assert.equal((await right.import([last])).added, 1);
    assert.equal(right.head().hash, last.header.hash);
  });

  test("blocks dated more than 60 s ahead are refused for now and taken later", async () => {
    const ahead = openTestEngine({ clock: createManualClock(Date.UTC(2030, 0)) });
    await sealAll(ahead, [transactionOf(1, 0)]);
    const clock = createManualClock(Date.UTC(2030, 0) - 61_000);
    const engine = openTestEngine({ clock });
    assert.equal((await engine.import(chainOf(ahead))).invalid[0]?.code, "FUTURE_BLOCK");
    clock.advance(1_000);
    assert.equal((await engine.import(chainOf(ahead))).added, 1);
  });

  test("side blocks and the way back to them survive a restart", async () => {
    const left = openTestEngine({ sealer: 101 });
    const right = openTestEngine({ sealer: 102 });
    await sealAll(left, [transactionOf(1, 0)]);
    await sealAll(right, [transactionOf(2, 0)]);
    await sealAll(right, [transactionOf(2, 1)]);
    const store = createMemoryStore();
    const engine = openTestEngine({ store, sealer: 103 });
    await engine.import(chainOf(right));
    await engine.import(chainOf(left));
    await engine.stop();
    await sealAll(left, [transactionOf(1, 1)]);
    await sealAll(left, [transactionOf(1, 2)]);
    const again = openTestEngine({ store, sealer: 103 });
    await again.import(chainOf(left).slice(1));
    assert.equal(again.head().hash, left.head().hash);
  });

  test("the head is a function of the set of blocks: any order, duplication and grouping", async () => {
    const builders = await buildForks();
    const blocks = [...new Map(builders.flatMap(chainOf).map((block) => [block.header.hash, block])).values()];
    const best = blocks
      .map(({ header }) => header)
      .sort(compareHeads)
      .at(-1);
    const arrival = fc
      .tuple(
        fc.shuffledSubarray(blocks, { minLength: blocks.length }),
        fc.array(fc.nat(), { maxLength: 6 }),
        fc.integer({ min: 1, max: 5 }),
      )
      .map(([shuffled, duplicates, group]) => {
        const stream = [...shuffled];
        for (const at of duplicates) stream.splice(at % stream.length, 0, pick(blocks, at));
        return { stream, group };
      });
    await fc.assert(
      fc.asyncProperty(arrival, async ({ stream, group }) => {
        const engine = openTestEngine({ sealer: 103 });
        for (let at = 0; at < stream.length; at += group) await engine.import(stream.slice(at, at + group));
        assert.equal(engine.head().hash, best?.hash);
        assert.equal(engine.pool.reinjecting, await missingFrom(engine, blocks));
      }),
      { numRuns: 25 },
    );
  });
});

/** Three nodes that share some blocks and then go apart. */
async function buildForks(): Promise<Engine[]> {
  const engines = [101, 102, 103].map((sealer) => openTestEngine({ sealer }));
  const [a, b, c] = engines as [Engine, Engine, Engine];
  await sealAll(a, [deployCounter(1, 0)]);
  for (const other of [b, c]) await other.import(chainOf(a));
  const counter = createAddress(accountOf(1), 0n);
  for (const [engine, from] of [
    [a, 2],
    [b, 3],
    [c, 4],
  ] as const) {
    for (let nonce = 0; nonce < 2; nonce++)
      await sealAll(engine, [transactionOf(from, nonce, { to: counter, value: 0n })]);
  }
  await sealAll(b, [transactionOf(5, 0)]);
  await sealAll(c, [transactionOf(6, 0)]);
  return engines;
}

/** How many transactions of canonical-once blocks wait in the engine's pool: each of them is pending there. */
async function missingFrom(engine: Engine, blocks: readonly Block[]): Promise<number> {
  const pending = engine.pool.transactions();
  const known = new Set(blocks.flatMap(({ transactions }) => transactions.map(({ hash }) => hash)));
  for (const { hash } of pending) {
    assert.ok(known.has(hash));
    assert.equal(engine.transaction(hash)?.status, "pending");
  }
  return pending.length;
}

describe("the store", () => {
  test("a node opens the chain it left, and refuses a data directory of another chain", async () => {
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    await sealAll(engine, [transactionOf(1, 0)]);
    assert.equal(openTestEngine({ store }).head().hash, engine.head().hash);
    const genesis = { ...TEST_GENESIS, timestamp: TEST_GENESIS.timestamp + 1 };
    assert.throws(
      () => openTestEngine({ store, genesis }),
      (error: CodedError) => {
        assert.equal(error.code, "INVALID_GENESIS");
        assert.ok(error.message.endsWith(`another genesis, ${error.details.stored}`), error.message);
        assert.match(String(error.details.advice), /--data-dir/);
        return true;
      },
    );
  });

  test("a write that fails leaves head, pool and state as they were, and the next one goes through", async () => {
    const inner = createMemoryStore();
    let failing = false;
    const store: Store = {
      ...inner,
      write(writes) {
        if (failing) throw new CodedError("STORE_WRITE_FAILED", "disk full");
        inner.write(writes);
      },
    };
    const engine = openTestEngine({ store });
    const transaction = transactionOf(1, 0);
    await engine.submit(transaction, "local");
    const before = engine.head().hash;
    failing = true;
    await assert.rejects(engine.seal(), { code: "STORE_WRITE_FAILED" });
    assert.equal(engine.head().hash, before);
    assert.equal(engine.transaction(transaction.hash)?.status, "pending");
    failing = false;
    assert.equal((await engine.seal())?.transactions.length, 1);
  });

  test("a stopped engine takes nothing more", async () => {
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    await engine.submit(transactionOf(1, 1), "local");
    await engine.stop();
    await assert.rejects(engine.submit(transactionOf(1, 0), "local"), { code: "NOT_READY" });
    const companion = { table: "idempotency", key: new Uint8Array([1]), value: new Uint8Array([2]) } as const;
    await assert.rejects(engine.submit(transactionOf(1, 1), "local", [companion]), { code: "NOT_READY" });
    assert.equal(store.get(companion.table, companion.key), undefined);
    await assert.rejects(engine.seal(), { code: "NOT_READY" });
  });
});

test("transactions that come back have the same order after a restart", async () => {
  const store = createMemoryStore();
  const engine = openTestEngine({ store, sealer: 101 });
  const rival = openTestEngine({ sealer: 102 });
  const own = Array.from({ length: 8 }, (_, i) => transactionOf(i + 1, 0));
  for (const transaction of own) await sealAll(engine, [transaction]);
  const nonces = Array.from({ length: 9 }, (_, nonce) => nonce);
  // A longer branch of other transactions, so that all of the first come back; key 8 loses its nonce.
  for (const nonce of nonces) await sealAll(rival, [transactionOf(8, nonce, { value: 2n })]);
  await engine.import(chainOf(rival));
  const expected = own.slice(0, 7).map(({ hash }) => hash);
  const order = (of: Engine): Hex[] => of.pool.transactions().map(({ hash }) => hash);
  assert.deepEqual(order(engine), expected);
  await engine.stop();
  assert.deepEqual(order(openTestEngine({ store, sealer: 101 })), expected);
});
