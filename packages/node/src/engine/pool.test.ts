/** What becomes of accepted transactions when the pool, the journal and the head move at the same time. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bigIntToBytes, bytesToBigInt, concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { createAddress } from "@counterpart/core/chain/address";
import { EMPTY_CODE_HASH, ZERO_HASH } from "@counterpart/core/chain/header";
import type { Authorization, Block, Transaction } from "@counterpart/core/chain/types";
import { encodeRlp } from "@counterpart/core/codec/rlp";
import { keccak256, signDigest } from "@counterpart/core/crypto/crypto";
import { createExecutor } from "@counterpart/core/execution/executor";
import type { Executor } from "@counterpart/core/execution/types";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Store, StoreWrite } from "@counterpart/core/ports/store";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/types";
import { createMemoryStore } from "../store/memory-store.ts";
import { createMetricsRegistry } from "../telemetry/metrics.ts";
import {
  accountOf,
  chainOf,
  createManualClock,
  creationOf,
  immediateTimersOnly,
  keyOf,
  openTestEngine,
  START_MS,
  sealAll,
  TEST_GENESIS,
  transactionOf,
} from "./engine.test-support.ts";
import { createPool, POOL_LIMITS, type Pool, stuckFromPeers } from "./pool.ts";
import type { Engine } from "./types.ts";

const tip = (amount: bigint) => ({ maxFeePerGas: amount, maxPriorityFeePerGas: amount });

/** A store whose writes fail while it is told so. */
function createFailingStore() {
  const inner = createMemoryStore();
  const failure = { on: false };
  const store: Store = {
    ...inner,
    write(rows) {
      if (failure.on) throw new CodedError("STORE_WRITE_FAILED", "disk full");
      inner.write(rows);
    },
  };
  return { store, failure };
}

const statusOf = (engine: Engine, { hash }: Transaction): string | undefined => engine.transaction(hash)?.status;

/** What is to be durable with a transaction. */
const companion: StoreWrite = { table: "idempotency", key: new Uint8Array([1]), value: new Uint8Array([2]) };

describe("a replacement", () => {
  test("of what is not durable yet makes durable what was to be so with it", async () => {
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    const [first, better] = [transactionOf(1, 0, tip(1n)), transactionOf(1, 0, tip(10n))];
    await Promise.all([engine.submit(first, "local", [companion]), engine.submit(better, "local")]);
    assert.deepEqual([statusOf(engine, first), statusOf(engine, better)], ["conflicted", "pending"]);
    assert.deepEqual(store.get(companion.table, companion.key), companion.value);
  });

  test("leaves the transaction that it replaces a status at every moment", async () => {
    const engine = openTestEngine();
    const [first, better] = [transactionOf(1, 0, tip(1n)), transactionOf(1, 0, tip(10n))];
    await engine.submit(first, "local");
    const done = engine.submit(better, "local");
    assert.equal(statusOf(engine, first), "pending");
    await done;
    assert.deepEqual([statusOf(engine, first), statusOf(engine, better)], ["conflicted", "pending"]);
  });

  test("is kept for good when a caller hands it in while a peer's copy waits for its turn", async () => {
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    const [first, second, third] = [1n, 10n, 100n].map((amount) => transactionOf(1, 0, tip(amount)));
    assert.ok(first && second && third);
    await engine.submit(first, "peer");
    await Promise.all([engine.submit(second, "peer"), engine.submit(second, "local")]);
    await engine.submit(third, "peer");
    assert.equal(statusOf(engine, second), "conflicted");
    assert.equal(statusOf(openTestEngine({ store }), second), "conflicted");
  });

  test("that cannot be written changes nothing, however many there are", async () => {
    const { store, failure } = createFailingStore();
    const engine = openTestEngine({ store });
    const [first, second, third] = [1n, 10n, 100n].map((amount) => transactionOf(1, 0, tip(amount)));
    assert.ok(first && second && third);
    await engine.submit(first, "local");
    failure.on = true;
    const refused = [engine.submit(second, "local"), engine.submit(third, "local")];
    for (const one of refused) await assert.rejects(one, { code: "STORE_WRITE_FAILED" });
    assert.deepEqual(
      [first, second, third].map((one) => statusOf(engine, one)),
      ["pending", undefined, undefined],
    );
  });

  test("is whole after a crash at any write", async () => {
    const inner = createMemoryStore();
    const states: Store[] = [];
    const store: Store = {
      ...inner,
      write(rows) {
        inner.write(rows);
        states.push(copyOf(inner));
      },
    };
    const engine = openTestEngine({ store });
    const [first, better] = [transactionOf(1, 0, tip(1n)), transactionOf(1, 0, tip(10n))];
    await engine.submit(first, "local");
    states.length = 0;
    engine.on("pooled", () => void engine.seal());
    await engine.submit(better, "local");
    await engine.stop();
    assert.ok(states.length >= 2);
    for (const crashed of states) {
      const again = openTestEngine({ store: crashed });
      assert.equal(statusOf(again, first), "conflicted");
      assert.match(statusOf(again, better) ?? "none", /^(pending|included)$/);
    }
  });

  test("has to fit into the pool and into the peers' share like any other, less what it replaces", async () => {
    const bytesMax = 40_000;
    const poolLimits = { transactionsMax: 100, bytesMax, peerShare: 0.5, senderMax: 10, nonceGapMax: 10 };
    const engine = openTestEngine({ poolLimits });
    const large = (from: number, nonce: number, amount: bigint, bytes: number): Transaction =>
      transactionOf(from, nonce, { ...tip(amount), data: new Uint8Array(bytes), gasLimit: 2_000_000n });
    await engine.submit(large(1, 0, 1n, 15_000), "peer");
    await assert.rejects(engine.submit(large(1, 0, 10n, 25_000), "peer"), { code: "POOL_FULL" });
    await assert.rejects(engine.submit(large(1, 0, 10n, 41_000), "local"), { code: "POOL_FULL" });
    // As large as the one that goes: there is room, though not for both.
    await engine.submit(large(2, 0, 1n, 24_000), "local");
    await engine.submit(large(2, 0, 10n, 24_100), "local");
    await assert.rejects(engine.submit(large(2, 0, 100n, 25_500), "local"), { code: "POOL_FULL" });
    assert.equal(engine.pool.pending, 2);
  });

  test("of a peer keeps to that peer's share", async () => {
    const poolLimits = { transactionsMax: 100, bytesMax: 40_000, peerShare: 0.5, senderMax: 10, nonceGapMax: 10 };
    const engine = openTestEngine({ poolLimits });
    const large = (amount: bigint, bytes: number): Transaction =>
      transactionOf(1, 0, { ...tip(amount), data: new Uint8Array(bytes), gasLimit: 2_000_000n });
    await engine.submit(large(1n, 9_000), "peer", [], "p");
    await engine.submit(large(10n, 9_200), "peer", [], "p");
    await assert.rejects(engine.submit(large(100n, 15_000), "peer", [], "p"), { code: "POOL_PEER_QUOTA" });
  });

  test("among peers' transactions writes no row that stays, and the loser is still known", async () => {
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    const bids = [1n, 10n, 100n, 1_000n].map((amount) => transactionOf(1, 0, tip(amount)));
    for (const bid of bids) await engine.submit(bid, "peer");
    assert.deepEqual(
      bids.map((bid) => statusOf(engine, bid)),
      ["conflicted", "conflicted", "conflicted", "pending"],
    );
    assert.equal(store.range("conflicts", { limit: 9 }).length, 0);
    assert.equal(store.range("pool", { limit: 9 }).length, 1);
    // What a caller of this node was told has been accepted is kept whatever becomes of it, and what it lost to as well.
    const [own, ...theirs] = [1n, 10n, 100n].map((amount) => transactionOf(2, 0, tip(amount)));
    assert.ok(own !== undefined);
    await engine.submit(own, "local");
    for (const one of theirs) await engine.submit(one, "peer");
    await engine.stop();
    const again = openTestEngine({ store });
    assert.deepEqual(
      [own, ...theirs].map((one) => statusOf(again, one)),
      ["conflicted", "conflicted", "pending"],
    );
  });

  test("that arrives while the first is being sealed is refused, and nobody hears that the first has lost", async () => {
    const inner = createExecutor({ chainId: TEST_GENESIS.chainId });
    let whileBuilding = (): void => {};
    const executor: Executor = {
      ...inner,
      async begin(...input) {
        const execution = await inner.begin(...input);
        const run: typeof execution.run = async (transaction) => {
          const outcome = await execution.run(transaction);
          whileBuilding();
          return outcome;
        };
        return {
          get gasUsed() {
            return execution.gasUsed;
          },
          run,
          finish: () => execution.finish(),
        };
      },
    };
    const engine = openTestEngine({ executor });
    const [first, better] = [transactionOf(1, 0, tip(1n)), transactionOf(1, 0, tip(10n))];
    await engine.submit(first, "local");
    const lost: Hex[] = [];
    engine.on("conflicted", (hash) => lost.push(hash));
    let replacing: Promise<void> | undefined;
    whileBuilding = () => {
      replacing = engine.submit(better, "local");
    };
    await engine.seal();
    await assert.rejects(replacing ?? Promise.resolve(), { code: "NONCE_TOO_LOW" });
    assert.deepEqual([statusOf(engine, first), statusOf(engine, better), lost], ["included", undefined, []]);
  });
});

describe("a journal that cannot be written while a block is built", () => {
  /** Lets the test act once the block has run its first transaction. */
  function openPausable(store: Store) {
    const inner = createExecutor({ chainId: TEST_GENESIS.chainId });
    const reached = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const executor: Executor = {
      ...inner,
      async begin(...input) {
        const execution = await inner.begin(...input);
        const run: typeof execution.run = async (transaction) => {
          const outcome = await execution.run(transaction);
          reached.resolve();
          await goOn.promise;
          return outcome;
        };
        return {
          get gasUsed() {
            return execution.gasUsed;
          },
          run,
          finish: () => execution.finish(),
        };
      },
    };
    const timers: (() => void)[] = [];
    const clock: Clock = {
      now: () => START_MS,
      setTimer(delayMs, callback) {
        if (delayMs === 0) return immediateTimersOnly(0, callback);
        timers.push(callback);
        return () => void timers.splice(timers.indexOf(callback), 1);
      },
    };
    const engine = openTestEngine({ store, executor, clock });
    return {
      engine,
      reached: reached.promise,
      goOn: goOn.resolve,
      fireTimers() {
        for (const fire of timers.splice(0)) fire();
      },
    };
  }

  test("fails no transaction that the block makes durable, and its companions are written with it", async () => {
    const { store, failure } = createFailingStore();
    const { engine, reached, goOn, fireTimers } = openPausable(store);
    let sealing: Promise<unknown> | undefined;
    engine.on("pooled", () => {
      sealing ??= engine.seal();
    });
    const transaction = transactionOf(1, 0);
    const submitted = engine.submit(transaction, "local", [companion]);
    await reached;
    failure.on = true;
    fireTimers();
    failure.on = false;
    // The same transaction again shares the fate of the first.
    const again = engine.submit(transaction, "local");
    goOn();
    await Promise.all([submitted, again, sealing]);
    assert.equal(statusOf(engine, transaction), "included");
    assert.deepEqual(store.get(companion.table, companion.key), companion.value);
  });

  test("fails what the block does not hold, and leaves no trace of it", async () => {
    const { store, failure } = createFailingStore();
    const { engine, reached, goOn, fireTimers } = openPausable(store);
    const first = transactionOf(1, 0);
    await engine.submit(first, "local");
    const sealing = engine.seal();
    await reached;
    const late = transactionOf(2, 0);
    const submitted = engine.submit(late, "local", [companion]);
    failure.on = true;
    fireTimers();
    failure.on = false;
    const again = engine.submit(late, "local");
    goOn();
    await assert.rejects(submitted, { code: "STORE_WRITE_FAILED" });
    await assert.rejects(again, { code: "STORE_WRITE_FAILED" });
    await sealing;
    assert.deepEqual([statusOf(engine, first), statusOf(engine, late)], ["included", undefined]);
    assert.equal(store.get(companion.table, companion.key), undefined);
  });
});

const TABLES = [
  ...["meta", "headers", "bodies", "receipts", "canonical", "side", "transactions", "accounts", "storage", "codes"],
  ...["accountNodes", "storageNodes", "changes", "contracts", "pool", "conflicts"],
] as Parameters<Store["get"]>[0][];

function copyOf(store: Store): Store {
  const copy = createMemoryStore();
  for (const table of TABLES) {
    copy.write(store.range(table, { limit: 1_000_000 }).map(({ key, value }) => ({ table, key, value })));
  }
  return copy;
}

test("what a block made durable is accepted, though the journal of the same moment could not be written", async () => {
  const { store, failure } = createFailingStore();
  const engine = openTestEngine({ store });
  const done = [engine.submit(transactionOf(1, 0), "local"), engine.submit(transactionOf(2, 5), "local")];
  await engine.seal();
  failure.on = true;
  await done[0];
  await assert.rejects(done[1] ?? Promise.resolve(), { code: "STORE_WRITE_FAILED" });
});

test("import goes on after a write that failed", async () => {
  const other = openTestEngine({ sealer: 101 });
  for (const nonce of [0, 1]) await sealAll(other, [transactionOf(1, nonce)]);
  const { store, failure } = createFailingStore();
  const engine = openTestEngine({ store });
  failure.on = true;
  await assert.rejects(engine.import(chainOf(other)), { code: "STORE_WRITE_FAILED" });
  failure.on = false;
  const third = openTestEngine({ sealer: 102 });
  await sealAll(third, [transactionOf(2, 0)]);
  assert.equal((await engine.import(chainOf(third))).added, 1);
  assert.equal((await engine.import(chainOf(other))).added, 2);
  assert.equal(engine.head().hash, other.head().hash);
});

test("large transactions from peers leave room for local callers", async () => {
  const poolLimits = {
    transactionsMax: 1_000,
    bytesMax: 100_000,
    peerShare: 0.5,
    senderMax: 1_000,
    nonceGapMax: 1_000,
  };
  const engine = openTestEngine({ poolLimits });
  const large = { data: new Uint8Array(5_000), gasLimit: 1_000_000n };
  const flood = async (): Promise<void> => {
    for (let nonce = 1; nonce < 100; nonce++) await engine.submit(transactionOf(1, nonce, large), "peer");
  };
  await assert.rejects(flood(), { code: "POOL_FULL" });
  await engine.submit(transactionOf(2, 0, large), "local");
});

test("nothing after an unpayable transaction of the same sender counts as executable", async () => {
  const engine = openTestEngine();
  const most = { value: 9n * 10n ** 19n };
  for (const transaction of [transactionOf(1, 0, most), transactionOf(1, 1, most), transactionOf(1, 2)]) {
    await engine.submit(transaction, "peer");
  }
  await engine.seal();
  assert.deepEqual(engine.pool.oldestExecutable(), {});
  const last = engine.transaction(transactionOf(1, 2).hash);
  assert.ok(last?.status === "pending");
  assert.equal(last.reason, "INSUFFICIENT_FUNDS");
});

test("what a block could hold and what has waited for long is overdue, in order of nonce", async () => {
  let nowMs = START_MS;
  const engine = openTestEngine({ clock: { now: () => nowMs, setTimer: immediateTimersOnly } });
  const [first, second, gap] = [transactionOf(1, 0), transactionOf(1, 1), transactionOf(2, 1)];
  for (const transaction of [first, second, gap]) await engine.submit(transaction, "local");
  assert.deepEqual(engine.pool.overdue(1_000, 8), []);
  nowMs += 1_000;
  const late = transactionOf(1, 2);
  await engine.submit(late, "local");
  const overdue = (limit: number) => engine.pool.overdue(1_000, limit).map(({ hash }) => hash);
  assert.deepEqual(overdue(8), [first.hash, second.hash]);
  assert.deepEqual(overdue(1), [first.hash]);
  nowMs = START_MS - 1;
  assert.equal(overdue(8).length, 3, "what came in the future has waited enough");
});

function authorize(
  address: Hex,
  nonce: bigint,
  key: Uint8Array,
  chainId = BigInt(TEST_GENESIS.chainId),
): Authorization {
  const payload = encodeRlp([bigIntToBytes(chainId), hexToBytes(address), bigIntToBytes(nonce)]);
  const signature = signDigest(keccak256(concatBytes(new Uint8Array([5]), payload)), key);
  const [r, s] = [bytesToBigInt(signature.subarray(0, 32)), bytesToBigInt(signature.subarray(32, 64))];
  return { chainId, address, nonce, yParity: signature[64] as number, r, s };
}

test("a transaction whose nonce a delegated account's creation used is conflicted", async () => {
  const engine = openTestEngine();
  // Code that creates two empty contracts: PUSH0 PUSH0 PUSH0 CREATE POP, twice.
  await sealAll(engine, [creationOf(2, 0, hexToBytes("0x6a5f5f5ff0505f5f5ff050005f52600b6015f3"))]);
  const authorizationList = [authorize(createAddress(accountOf(2), 0n), 0n, keyOf(1))];
  const gasLimit = 500_000n;
  await sealAll(engine, [transactionOf(3, 0, { type: 4, to: accountOf(3), value: 0n, authorizationList, gasLimit })]);
  const waiting = transactionOf(1, 2);
  await engine.submit(waiting, "peer");
  const [block] = await sealAll(engine, [transactionOf(3, 1, { to: accountOf(1), value: 0n, gasLimit })]);
  const status = engine.transaction(waiting.hash);
  assert.ok(status?.status === "conflicted");
  assert.equal(status.by, block?.transactions[0]?.hash);
});

test("a transaction after one that lost its nonce to an authorization goes into the same block", async () => {
  const engine = openTestEngine();
  const authorizationList = [authorize(accountOf(9), 1n, keyOf(1))];
  const taker = transactionOf(1, 0, { type: 4, to: accountOf(3), value: 0n, authorizationList, gasLimit: 500_000n });
  const [lost, next] = [transactionOf(1, 1), transactionOf(1, 2)];
  const [block] = await sealAll(engine, [taker, lost, next]);
  assert.deepEqual(
    block?.transactions.map(({ hash }) => hash),
    [taker.hash, next.hash],
  );
  assert.equal(statusOf(engine, lost), "conflicted");
});

test("a transaction that lost its nonce to an authorization is pending again when that is on no branch any more", async () => {
  const [first, second] = [openTestEngine({ sealer: 101 }), openTestEngine({ sealer: 102 })];
  const authorizationList = [authorize(accountOf(9), 0n, keyOf(1))];
  const taker = transactionOf(3, 0, { type: 4, to: accountOf(3), value: 0n, authorizationList, gasLimit: 500_000n });
  // The last of its block is not to blame.
  await sealAll(first, [taker, transactionOf(4, 0)]);
  for (const nonce of [0, 1]) await sealAll(second, [transactionOf(3, nonce)]);
  const store = createMemoryStore();
  const engine = openTestEngine({ store });
  const [mine, next] = [transactionOf(1, 0), transactionOf(1, 1)];
  for (const transaction of [mine, next]) await engine.submit(transaction, "local");
  await engine.import(chainOf(first));
  assert.equal(statusOf(engine, mine), "conflicted");
  await engine.import(chainOf(second));
  assert.deepEqual([statusOf(engine, mine), statusOf(engine, taker)], ["pending", "conflicted"]);
  const restarted = openTestEngine({ store });
  await sealAll(restarted, []);
  assert.deepEqual([statusOf(restarted, mine), statusOf(restarted, next)], ["included", "included"]);
});

describe("a transaction that lost its nonce to an authorization is pending again", () => {
  const gasLimit = 500_000n;
  const authorizes = (key: number, sender: number, nonce = 0): Transaction => {
    const authorizationList = [authorize(accountOf(9), 0n, keyOf(key))];
    return transactionOf(sender, nonce, { type: 4, to: accountOf(9), value: 0n, authorizationList, gasLimit });
  };
  const branchOf = async (sealer: number, ...blocks: readonly Transaction[]) => {
    const engine = openTestEngine({ sealer });
    for (const transaction of blocks) await sealAll(engine, [transaction]);
    return chainOf(engine);
  };
  /** Every branch but the last takes its nonce. */
  const assertRevived = async (mine: Transaction, ...branches: readonly (readonly Block[])[]): Promise<void> => {
    const engine = openTestEngine();
    await engine.submit(mine, "local");
    for (const [at, branch] of branches.entries()) {
      await engine.import(branch);
      assert.equal(statusOf(engine, mine), at < branches.length - 1 ? "conflicted" : "pending");
    }
  };

  test("when that leaves the chain and the authorization of a later block stays", async () => {
    const [taker, later] = [authorizes(1, 3), authorizes(4, 5)];
    const first = await branchOf(101, taker, later);
    const second = await branchOf(102, later, transactionOf(2, 0), transactionOf(2, 1));
    await assertRevived(transactionOf(1, 0), first, second);
  });

  test("when one that was signed for another chain came before it, and stays", async () => {
    const authorizationList = [authorize(accountOf(9), 0n, keyOf(1), 999n)];
    const foreign = transactionOf(5, 0, { type: 4, to: accountOf(9), value: 0n, authorizationList, gasLimit });
    const [first, other] = [openTestEngine({ sealer: 101 }), openTestEngine({ sealer: 102 })];
    await sealAll(first, [foreign]);
    await other.import(chainOf(first));
    await sealAll(first, [authorizes(1, 3)]);
    for (const nonce of [0, 1]) await sealAll(other, [transactionOf(2, nonce)]);
    await assertRevived(transactionOf(1, 0), chainOf(first), chainOf(other));
  });

  test("when the same one was brought before its turn, and stays", async () => {
    const bring = (sender: number) => {
      const authorizationList = [authorize(accountOf(9), 1n, keyOf(1))];
      return transactionOf(sender, 0, { type: 4, to: accountOf(9), value: 0n, authorizationList, gasLimit });
    };
    const [first, other] = [openTestEngine({ sealer: 101 }), openTestEngine({ sealer: 102 })];
    await sealAll(first, [bring(5)]);
    await sealAll(first, [transactionOf(1, 0)]);
    await other.import(chainOf(first));
    await sealAll(first, [bring(3)]);
    for (const nonce of [0, 1]) await sealAll(other, [transactionOf(2, nonce)]);
    await assertRevived(transactionOf(1, 1, { value: 7n }), chainOf(first), chainOf(other));
  });

  test("when another one that had the nonce in between leaves the chain too", async () => {
    const first = await branchOf(101, authorizes(1, 3));
    const second = await branchOf(102, authorizes(1, 5), transactionOf(2, 0));
    const third = await branchOf(103, transactionOf(2, 0), transactionOf(2, 1), transactionOf(2, 2));
    await assertRevived(transactionOf(1, 0), first, second, third);
  });
});

describe("what may come in", () => {
  const account = { nonce: 5n, balance: 10_000_000n, codeHash: EMPTY_CODE_HASH, storageRoot: EMPTY_TRIE_ROOT };
  const state = { account: () => account };
  const limits = { ...POOL_LIMITS, nonceGapMax: 10, senderMax: 2 };
  const check = (pool: Pool, transaction: Transaction, blockGasLimit = 200_000) =>
    pool.check(transaction, "local", state, blockGasLimit);

  test("goes up to the gas of a block, to the balance, and as far ahead as a gap may be, and no further", () => {
    const pool = createPool(limits);
    const fee = { maxFeePerGas: 2n, gasLimit: 21_000n };
    assert.equal(check(pool, transactionOf(1, 5, { ...fee, value: 9_958_000n })), undefined);
    assert.throws(() => check(pool, transactionOf(1, 5, { ...fee, value: 9_958_001n })), {
      code: "INSUFFICIENT_FUNDS",
    });
    assert.throws(() => check(pool, transactionOf(1, 5), 199_999), { code: "GAS_LIMIT_EXCEEDED" });
    assert.equal(check(pool, transactionOf(1, 15)), undefined);
    assert.throws(() => check(pool, transactionOf(1, 16)), { code: "NONCE_TOO_HIGH" });
    pool.add(transactionOf(1, 5), "local", 0);
    assert.equal(check(pool, transactionOf(1, 16)), undefined, "the gap begins behind what is pending");
    assert.throws(() => check(pool, transactionOf(1, 17)), { code: "NONCE_TOO_HIGH" });
  });

  test("takes the place of another with no lower fee, however high its tip, and also where the sender has no more", () => {
    const pool = createPool(limits);
    const first = pool.add(
      transactionOf(1, 5, { maxFeePerGas: 100n, maxPriorityFeePerGas: 1n, gasLimit: 21_000n }),
      "local",
      0,
    );
    pool.add(transactionOf(1, 6), "local", 0);
    const next = (maxFeePerGas: bigint) =>
      check(pool, transactionOf(1, 5, { maxFeePerGas, maxPriorityFeePerGas: 50n, gasLimit: 21_000n }));
    assert.throws(() => next(99n), { code: "UNDERPRICED" });
    assert.equal(next(100n), first);
    assert.throws(() => check(pool, transactionOf(1, 7)), { code: "POOL_SENDER_QUOTA" });
  });

  test("fills the pool to its last byte", () => {
    const size = transactionOf(1, 5).raw.length;
    const pool = createPool({ ...limits, bytesMax: 2 * size });
    pool.add(transactionOf(1, 5), "local", 0);
    assert.equal(check(pool, transactionOf(1, 6)), undefined);
    pool.add(transactionOf(1, 6), "local", 0);
    assert.throws(() => check(pool, transactionOf(2, 5)), { code: "POOL_FULL" });
  });
});

test("of what only waits so much is given as is asked for, the oldest first, and nothing that is kept", () => {
  const pool = createPool(POOL_LIMITS);
  const nobody = { account: () => undefined };
  const add = (nonce: number, origin: "peer" | "local") => pool.add(transactionOf(1, nonce), origin, nonce);
  const [kept, ...waiting] = [add(5, "local"), add(4, "peer"), add(2, "peer"), add(3, "peer")];
  assert.deepEqual(stuckFromPeers(pool, nobody, ZERO_HASH, 2), waiting.slice(0, 2));
  const all = stuckFromPeers(pool, nobody, ZERO_HASH, 9);
  assert.deepEqual([all, all.includes(kept)], [waiting, false]);
});

describe("the peers' share of the pool", () => {
  const poolLimits = { ...POOL_LIMITS, transactionsMax: 16 };
  /** Submits a peer's transactions until one is refused; returns how many were taken. */
  const fill = async (engine: Engine, peerId: string, sender: number): Promise<number> => {
    for (let nonce = 0; nonce < 16; nonce++) {
      try {
        await engine.submit(transactionOf(sender, nonce), "peer", [], peerId);
      } catch (error) {
        assert.ok(isCodedError(error, "POOL_PEER_QUOTA"), String(error));
        return nonce;
      }
    }
    return 16;
  };

  test("is not used up by one peer: the next ones and this node's callers find room", async () => {
    const engine = openTestEngine({ poolLimits });
    assert.deepEqual([await fill(engine, "a", 1), await fill(engine, "b", 2), await fill(engine, "c", 3)], [4, 2, 1]);
    for (let nonce = 0; nonce < 8; nonce++) await engine.submit(transactionOf(4, nonce), "local");
    assert.equal(engine.pool.pending, 15);
  });

  test("is free again for a peer whose transactions were included", async () => {
    const engine = openTestEngine({ poolLimits });
    assert.equal(await fill(engine, "a", 1), 4);
    await sealAll(engine, []);
    assert.equal(engine.pool.pending, 0);
    await engine.submit(transactionOf(1, 4), "peer", [], "a");
  });

  /** All that peers may send, of several of them, none of which a block can hold. */
  const clog = async (engine: Engine): Promise<readonly Transaction[]> => {
    const sent: Transaction[] = [];
    for (const [at, peerId] of ["a", "b", "c", "d"].entries()) {
      for (let nonce = 1; nonce < 16; nonce++) {
        const transaction = transactionOf(1 + at, nonce);
        try {
          await engine.submit(transaction, "peer", [], peerId);
        } catch (error) {
          assert.ok(isCodedError(error, "POOL_PEER_QUOTA") || isCodedError(error, "POOL_FULL"), String(error));
          break;
        }
        sent.push(transaction);
      }
    }
    assert.equal(engine.pool.pending, 8);
    return sent;
  };

  test("is not held by what no block can take: that makes room for what one can, also after a restart", async () => {
    const store = createMemoryStore();
    const before = openTestEngine({ poolLimits, store });
    const stuck = await clog(before);
    for (const engine of [before, openTestEngine({ poolLimits, store })]) {
      await assert.rejects(engine.submit(transactionOf(8, 3), "peer", [], "e"), /POOL_(PEER_QUOTA|FULL)|room|full/);
      assert.equal(engine.pool.pending, 8, "what only waits itself makes none");
    }
    const metrics = createMetricsRegistry(false);
    const engine = openTestEngine({ poolLimits, store, metrics });
    const mine = transactionOf(8, 0);
    await engine.submit(mine, "peer", [], "e");
    assert.deepEqual(
      [statusOf(engine, mine), ...stuck.map((each) => statusOf(engine, each))],
      ["pending", ...stuck.map(() => undefined)],
    );
    assert.match(await metrics.text(), /^counterpart_pool_crowded_out_transactions_total 8$/m);
    assert.equal(openTestEngine({ poolLimits, store }).pool.pending, 1);
  });

  test("makes room again when blocks have left their senders nothing to pay with", async () => {
    const clock = createManualClock();
    const engine = openTestEngine({ poolLimits, clock });
    const all = 10n ** 20n;
    for (let nonce = 0; nonce < 8; nonce++) {
      const [from, peerId] = nonce < 4 ? [1, "a"] : [2, "b"];
      await engine.submit(transactionOf(from, nonce % 4, { value: all }), "peer", [], peerId).catch(() => {});
    }
    const taken = engine.pool.pending;
    await sealAll(engine, []);
    assert.equal(engine.pool.pending, taken - 2);
    const next = (nonce: number): Promise<void> => engine.submit(transactionOf(3, nonce), "peer", [], "c");
    const refused = { code: "POOL_PEER_QUOTA" };
    await assert.rejects(async () => {
      for (let nonce = 0; nonce < 4; nonce++) await next(nonce);
    }, refused);
    clock.advance(1_999);
    await assert.rejects(next(Number(engine.pool.nextNonce(accountOf(3)))), refused, "it was looked for a moment ago");
    clock.advance(1);
    while (engine.pool.nextNonce(accountOf(3)) < 4n) await next(Number(engine.pool.nextNonce(accountOf(3))));
  });

  test("keeps what a caller handed in as well, before and after a restart", async () => {
    const store = createMemoryStore();
    const before = openTestEngine({ poolLimits, store });
    const [first, ...others] = await clog(before);
    assert.ok(first);
    await before.submit(first, "local");
    for (const engine of [openTestEngine({ poolLimits, store }), before]) {
      for (const nonce of [0, 1]) await engine.submit(transactionOf(8, nonce), "peer", [], "e");
      assert.deepEqual(
        [first, ...others].map((each) => statusOf(engine, each)),
        ["pending", ...others.map(() => undefined)],
      );
    }
  });

  test("makes no room by what a caller handed in again after the disk had refused it", async () => {
    const { store, failure } = createFailingStore();
    const engine = openTestEngine({ poolLimits, store });
    const [first] = await clog(engine);
    assert.ok(first);
    failure.on = true;
    await assert.rejects(engine.submit(first, "local"), { code: "STORE_WRITE_FAILED" });
    failure.on = false;
    await engine.submit(first, "local");
    const again = openTestEngine({ poolLimits, store });
    for (const nonce of [0, 1]) await again.submit(transactionOf(8, nonce), "peer", [], "e");
    assert.deepEqual([statusOf(again, first), again.pool.pending], ["pending", 3]);
  });

  test("is divided by bytes as well", async () => {
    const sizeBytes = transactionOf(1, 0).raw.length;
    const engine = openTestEngine({ poolLimits: { ...POOL_LIMITS, bytesMax: 16 * sizeBytes } });
    const taken = await fill(engine, "a", 1);
    assert.ok(taken >= 3 && taken <= 4, `${taken}`);
    await engine.submit(transactionOf(2, 0), "peer", [], "b");
  });
});
