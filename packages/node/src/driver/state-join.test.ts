import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bigIntToFixedBytes, bytesToHex, concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { sealHeader } from "@counterpart/core/chain/header";
import type { Block } from "@counterpart/core/chain/types";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import type { Store } from "@counterpart/core/ports/store";
import { HEADERS_MAX } from "@counterpart/core/sync/limits";
import fc from "fast-check";
import { NO_PORTION, type StatePortion } from "../engine/adoption.ts";
import {
  accountOf,
  chainOf,
  createManualClock,
  creationOf,
  openTestEngine,
  sealAll,
  silentLogger,
  transactionOf,
  writerCode,
} from "../engine/engine.test-support.ts";
import type { Engine, Snapshot } from "../engine/types.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { pullHeaders } from "./header-pull.ts";
import { ONLY_REPLICAS_MS } from "./limits.ts";
import type { LocalSource } from "./local-source.test-support.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import { encodeSegments, WHOLE_STATE } from "./state-fill.ts";
import {
  assertSameState,
  assertWhole,
  branches,
  clock,
  follow,
  History,
  happen,
  longHistory,
  moveOn,
  random,
  rowsOf,
  STATE,
  sourceOf,
  word,
} from "./state-join.test-support.ts";
import { createStateJoin } from "./state-join.ts";
import { createTestLogger, type LogEntry } from "./virtual-clock.test-support.ts";

describe("taking a state over", () => {
  test("a fresh node has the same state, byte by byte, as one that executed every block, and executes onward", async () => {
    const history = await longHistory(80);
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    await follow(engine, sourceOf(history));
    assertSameState({ engine, store }, history);
    assert.deepEqual([engine.adopted, engine.historyStart], [81, 81]);
    await history.seal(history.set(1, 2, 99), history.create(9));
    const { invalid } = await engine.import([history.engine.block(history.engine.head().number) as Block]);
    assert.deepEqual(invalid, []);
    assertSameState({ engine, store }, history);
  });

  test("nothing of the state is readable while it is taken over, also after a restart", async () => {
    const history = await longHistory(70);
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    let left = 4;
    const source = sourceOf(history, async () => {
      if (left-- === 0) throw new CodedError("NOT_READY", "the node is stopping");
    });
    await follow(engine, source);
    for (const one of [engine, openTestEngine({ store })]) {
      assert.equal(one.adoption.isUnderway, true);
      assert.throws(() => one.snapshot(), { code: "NOT_READY" });
      assert.throws(() => one.stateAt(one.head().hash, "peer"), { code: "NOT_READY" });
      assert.throws(() => one.contracts(undefined, 10), { code: "NOT_READY" });
      await assert.rejects(one.submit(transactionOf(1, 0), "local"), { code: "NOT_READY" });
      await assert.rejects(one.import([]), { code: "NOT_READY" });
      assert.equal(await one.seal(), undefined);
    }
    const resumed = openTestEngine({ store });
    await follow(resumed, sourceOf(history));
    assertSameState({ engine: resumed, store }, history);
  });

  test("a node that has a transaction of its own executes: what becomes of it only the blocks tell", async () => {
    const history = await longHistory(70);
    const engine = openTestEngine();
    await engine.submit(transactionOf(1, 5), "local");
    await follow(engine, sourceOf(history));
    assert.equal(engine.adoption.isUnderway, false);
    const headers = chainOf(history.engine).map(({ header }) => header);
    await assert.rejects(engine.adoption.addHeaders(headers, encodeSegments([])), { code: "NOT_READY" });
    assert.equal(engine.adoption.tip().number, 0);
  });

  test("blocks that come when a state has begun to be taken over are not executed on what there is of it", async () => {
    const history = await longHistory(70);
    const engine = openTestEngine();
    const [first] = chainOf(history.engine);
    const begun = engine.adoption.begin(true, encodeSegments(WHOLE_STATE));
    await assert.rejects(engine.import([first as Block]), { code: "NOT_READY" });
    await begun;
  });

  test("a state that could not be begun for want of room is begun again", async () => {
    const history = await longHistory(70);
    const store = createMemoryStore();
    let full = false;
    const engine = openTestEngine({
      replica: "all",
      store: {
        ...store,
        write(rows) {
          const all = [...rows];
          if (full && all.some(({ table }) => table === "contracts")) {
            throw new CodedError("STORE_WRITE_FAILED", "the disk is full");
          }
          store.write(all);
        },
      },
    });
    full = true;
    await follow(engine, sourceOf(history));
    assert.equal(engine.adoption.isUnderway, false);
    full = false;
    await follow(engine, sourceOf(history));
    assertSameState({ engine, store }, history);
  });

  test("headers of the future end what is fetched, and are nobody's fault", async () => {
    const history = await longHistory(5);
    const engine = openTestEngine({ replica: "all" });
    const source = sourceOf(history);
    const early = { ...clock, now: () => (history.engine.head().timestamp - 120) * 1_000 };
    const pulled = pullHeaders({ engine, clock: early, isGivenUp: () => false }, source.session);
    await assert.rejects(pulled, {
      code: "FUTURE_BLOCK",
      message: "block 1 is dated more than 60 s ahead of this clock",
    });
    assert.equal(engine.adoption.tip().number, 0);
  });

  test("headers that came before a peer went away stay, however few they are", async () => {
    const history = new History();
    for (let block = 0; block < 2 * HEADERS_MAX; block++) await history.seal(history.pay(accountOf(2)));
    const engine = openTestEngine({ replica: "all" });
    let pages = 0;
    const source = sourceOf(history, async () => {
      if (pages++ === 1) throw new CodedError("PEER_DISCONNECTED", "the link was lost");
    });
    const pulled = pullHeaders({ engine, clock, isGivenUp: () => false }, source.session);
    await assert.rejects(pulled, { code: "PEER_DISCONNECTED" });
    assert.equal(engine.adoption.tip().number, HEADERS_MAX - 1);
  });

  test("headers are fetched up to the head that the peer had, though blocks come faster than its answers", async () => {
    const history = await longHistory(5);
    const engine = openTestEngine({ replica: "all" });
    const { number } = history.engine.head();
    let requests = 0;
    const source = sourceOf(history, async () => {
      assert.ok(++requests < 10, "it never ends");
      for (let block = 0; block < 3; block++) await history.seal(history.pay(accountOf(2)));
    });
    await pullHeaders({ engine, clock, isGivenUp: () => false }, source.session);
    assert.ok(engine.adoption.tip().number >= number);
    await follow(engine, sourceOf(history));
    assert.equal(engine.head().hash, history.engine.head().hash);
  });

  test("headers that were announced are not asked for", async () => {
    const history = await longHistory(5);
    const [engine, source] = [openTestEngine({ replica: "all" }), sourceOf(history)];
    await follow(engine, source);
    for (let at = 0; at < 3; at++) await history.seal(history.set(at, at, at + 1_000));
    for (const { header } of chainOf(history.engine).slice(-3))
      source.session.announcedHeaders.set(header.hash, header);
    const before = source.requests;
    assert.equal(await pullHeaders({ engine, clock, isGivenUp: () => false }, source.session), 3);
    assert.equal(source.requests, before);
    assert.equal(engine.adoption.tip().hash, history.engine.head().hash);
  });

  test("headers are asked for where one of those that were announced is missing", async () => {
    const history = await longHistory(5);
    const [engine, source] = [openTestEngine({ replica: "all" }), sourceOf(history)];
    await follow(engine, source);
    for (let at = 0; at < 3; at++) await history.seal(history.set(at, at, at + 1_000));
    const [first, , third] = chainOf(history.engine).slice(-3) as [Block, Block, Block];
    for (const { header } of [first, third]) source.session.announcedHeaders.set(header.hash, header);
    const before = source.requests;
    assert.equal(await pullHeaders({ engine, clock, isGivenUp: () => false }, source.session), 3);
    assert.equal(source.requests > before, true);
    assert.equal(engine.adoption.tip().hash, history.engine.head().hash);
  });

  test("an announced header that lies is not put on the chain, and the headers of the chain are", async () => {
    const history = await longHistory(5);
    const store = createMemoryStore();
    const [engine, source] = [openTestEngine({ store, replica: "all" }), sourceOf(history)];
    await follow(engine, source);
    const tip = engine.adoption.tip();
    await history.seal(history.set(0, 0, 1_000));
    const { header } = chainOf(history.engine).at(-1) as Block;
    const lies = [{ gasLimit: header.gasLimit + 1 }, { number: header.number + 5 }, { timestamp: tip.timestamp - 1 }];
    for (const lie of lies) {
      const lying = sealHeader({ ...header, ...lie });
      source.session.announced = { hash: lying.hash, number: header.number + 5 };
      source.session.announcedHeaders.set(lying.hash, lying);
      await assert.rejects(pullHeaders({ engine, clock, isGivenUp: () => false }, source.session), {
        code: "INVALID_HEADER",
      });
      assert.equal(engine.adoption.tip().hash, tip.hash);
    }
    assert.deepEqual(await follow(engine, source), ["INVALID_BLOCK"]);
    assert.equal(source.session.announced, undefined);
    assert.equal(source.session.announcedHeaders.size, 0);
    await follow(engine, sourceOf(history));
    assertSameState({ engine, store }, history);
  });

  test("a contract that is added while others are fetched is fetched with the next look", async () => {
    const history = await longHistory(12);
    const [first, second] = history.contracts as [Hex, Hex];
    const engine = openTestEngine({ replica: [first] });
    let isAdded = false;
    const adding = sourceOf(history, async () => {
      if (isAdded) return;
      isAdded = true;
      engine.holding.add(second);
      assert.equal(engine.holding.isBehind, true);
    });
    await follow(engine, adding);
    assert.equal(engine.holding.isBehind, false);
    assert.deepEqual(engine.snapshot().account(second), history.engine.snapshot().account(second));
  });

  test("a replica follows head by head and never shows anything between two of them", async () => {
    const history = await longHistory(10);
    const store = createMemoryStore();
    const engine = openTestEngine({ store, replica: "all" });
    await follow(engine, sourceOf(history));
    assertSameState({ engine, store }, history);
    const heads: Hex[] = [];
    engine.on("head", ({ head }) => {
      heads.push(head.hash);
      assert.equal(engine.adoption.accountTrie().root, head.stateRoot);
    });
    for (let at = 0; at < 5; at++) {
      await history.seal(history.set(at, at, at + 1_000), history.create(at));
      const before = engine.head();
      const reading = sourceOf(history, async () => assert.equal(engine.snapshot().head.hash, before.hash));
      await follow(engine, reading);
      assertSameState({ engine, store }, history);
      assert.equal(engine.contracts(undefined, 1_000).at(-1)?.updated === undefined, false);
    }
    assert.equal(heads.length, 5);
    await assert.rejects(engine.submit(transactionOf(1, 0), "local"), { code: "REPLICA" });
    assert.equal(await engine.seal(), undefined);
  });

  test("a replica that hears of blocks with their headers asks little about what changes in each of them", async () => {
    const history = await longHistory(10);
    // So many accounts that the paths to those that change are several nodes long.
    const others = Array.from({ length: 300 }, (_, at) => bytesToHex(bigIntToFixedBytes(BigInt(at + 1) << 100n, 20)));
    for (let at = 0; at < 300; at += 100) {
      await history.seal(...others.slice(at, at + 100).map((to) => history.pay(to)));
    }
    const store = createMemoryStore();
    const engine = openTestEngine({ store, replica: "all" });
    const source = sourceOf(history);
    const join = createStateJoin({
      ...{ engine, source, clock, random, joins: true, logger: silentLogger, onDone: () => {} },
      peers: { ready: () => [source.session], penalise: () => {} } as unknown as Peers,
    });
    const requests: number[] = [];
    for (let at = 0; at < 6; at++) {
      await history.seal(history.set(1, at, at + 1_000));
      const head = history.engine.head();
      source.session.announcedHeaders.set(head.hash, head);
      const before = source.requests;
      join.kick();
      await join.settled();
      assertSameState({ engine, store }, history);
      requests.push(source.requests - before);
    }
    await join.stop();
    // One for the accounts, one for the storages that are small, one for each that is large.
    assert.ok(Math.max(...requests.slice(3)) <= 4, requests.join());
    assert.ok((requests[1] ?? 0) > 4, requests.join());
  });

  test("a replica that has waited for long among replicas says once what it needs, and again when it is so again", async () => {
    const history = await longHistory(3);
    const engine = openTestEngine({ replica: "all" });
    const source = sourceOf(history);
    const entries: LogEntry[] = [];
    const manual = createManualClock();
    const version = { ...source.session.version, role: "replica" };
    const replica = { ...source.session, status: { head: history.engine.head() }, version } as unknown as Session;
    let ready: readonly Session[] = [replica];
    const join = createStateJoin({
      ...{ engine, source, clock: manual, random, joins: false, logger: createTestLogger(entries), onDone: () => {} },
      peers: { ready: () => ready, penalise: () => {} } as unknown as Peers,
    });
    const told = () => entries.filter(({ level }) => level === "warn").length;
    const wait = async (): Promise<void> => {
      join.kick();
      manual.advance(ONLY_REPLICAS_MS);
      join.kick();
      join.kick();
      await join.settled();
    };
    assert.equal(join.needsFullNode(), false);
    await wait();
    assert.equal(told(), 1);
    assert.equal(join.needsFullNode(), true);
    assert.equal(source.requests, 0);
    ready = [replica, source.session];
    assert.equal(join.needsFullNode(), false, "a full node is there");
    await wait();
    assert.equal(engine.head().hash, history.engine.head().hash);
    ready = [replica];
    await wait();
    assert.equal(told(), 1, "nobody is ahead");
    await history.seal(history.set(1, 1, 1_000));
    Object.assign(replica, { status: { head: history.engine.head() } });
    assert.equal(join.needsFullNode(), false, "one may be about to connect");
    await wait();
    assert.equal(told(), 2);
    assert.equal(join.needsFullNode(), true);
    ready = [];
    assert.equal(join.needsFullNode(), false, "nobody says that there is more");
    await join.stop();
  });

  test("a replica whose peer's branch loses takes over the state of the other branch", async () => {
    const { history, other } = await branches();
    const store = createMemoryStore();
    const engine = openTestEngine({ store, replica: "all" });
    await follow(engine, sourceOf(history));
    assertSameState({ engine, store }, history);
    await history.engine.import(chainOf(other.engine));
    assert.equal(history.engine.head().hash, other.engine.head().hash);
    await follow(engine, sourceOf(history));
    assertSameState({ engine, store }, other);
    assert.equal(engine.contractCount(), 4);
  });

  test("a contract that both branches made alike has not changed in the block of the one that lost", async () => {
    const history = await longHistory(6);
    const engine = openTestEngine({ replica: "all" });
    await follow(engine, sourceOf(history));
    await history.seal(history.set(1, 1, 7));
    await follow(engine, sourceOf(history));
    const stays = history.engine.head();
    const other = new History();
    await other.engine.import(chainOf(history.engine));
    const alike = history.set(0, 1, 55);
    await history.seal(alike);
    await follow(engine, sourceOf(history));
    const [first, second] = history.contracts as [Hex, Hex];
    assert.deepEqual(
      [first, second].map((address) => engine.snapshot().contract(address)?.updated?.hash),
      [history.engine.head().hash, stays.hash],
    );
    await other.seal(transactionOf(2, 0));
    await other.seal(alike);
    await follow(engine, sourceOf(other));
    assert.equal(engine.head().hash, other.engine.head().hash);
    assert.deepEqual(
      [first, second].map((address) => engine.snapshot().contract(address)?.updated?.hash),
      [undefined, stays.hash],
    );
  });

  test("a restart while the state of another branch is not there yet finds the head that was there", async () => {
    const { history, other } = await branches();
    const store = createMemoryStore();
    const replica = { store, replica: "all" as const };
    const engine = openTestEngine(replica);
    await follow(engine, sourceOf(history));
    // A single step: of what changed in it the block is known.
    await history.seal(history.set(1, 1, 9));
    await follow(engine, sourceOf(history));
    const branch = chainOf(other.engine).map(({ header }) => header);
    await engine.adoption.addHeaders(branch, encodeSegments([]));
    assertWhole(store);
    assert.equal(engine.adoption.tip().hash, other.engine.head().hash);
    const again = openTestEngine(replica);
    assert.equal(again.head().hash, history.engine.head().hash);
    await follow(again, sourceOf(other));
    assertSameState({ engine: again, store }, other);
    assert.equal(rowsOf(store, "headers").length, branch.length + 1);
    await again.adoption.addHeaders(
      chainOf(history.engine).map(({ header }) => header),
      encodeSegments([]),
    );
    await again.adoption.addHeaders(branch, encodeSegments([]));
    assertSameState({ engine: openTestEngine(replica), store }, other);
  });

  test("nothing differs: no state is asked for", async () => {
    const history = await longHistory(5);
    const store = createMemoryStore();
    const engine = openTestEngine({ store, replica: "all" });
    await follow(engine, sourceOf(history));
    const again = sourceOf(history);
    await follow(openTestEngine({ store, replica: "all" }), again);
    assert.equal(again.requests, 0);
  });

  test("whatever happens on the way, what is taken over in the end is the state of the head", async () => {
    const step = fc.record({
      at: fc.nat(12),
      event: fc.constantFrom("restart", "grow", "prune", "create"),
      value: fc.nat(40),
    });
    const history = await longHistory(66);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.boolean(), fc.nat(90), async (steps, isReplica, slots) => {
        for (let at = 0; at < slots; at += 10) {
          await history.seal(...Array.from({ length: 10 }, (_, i) => history.set(2, at + i, at + i + 1)));
        }
        const store = createMemoryStore();
        for (const { at, event, value } of [...steps, { at: Number.POSITIVE_INFINITY, event: "end", value: 0 }]) {
          let left = at;
          const source = sourceOf(history, async () => {
            if (left-- === 0) await happen(history, event, value);
          });
          const engine = openTestEngine({ store, ...(isReplica ? { replica: "all" } : {}) });
          await moveOn(engine, history, source);
        }
        const engine = openTestEngine({ store, ...(isReplica ? { replica: "all" } : {}) });
        await moveOn(engine, history, sourceOf(history));
        assertSameState({ engine, store }, history);
      }),
      { numRuns: 20 },
    );
  });
});

describe("a better branch that forks off below the state that was taken over", () => {
  /** A node that has joined a branch, executed more of it and accepted transactions, and hears of a longer branch. */
  async function stranded() {
    const history = await longHistory(70);
    const other = new History();
    await other.engine.import(chainOf(history.engine));
    await history.seal(history.create(7), history.set(4, 1, 5));
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    await follow(engine, sourceOf(history));
    const own = [transactionOf(2, 0), transactionOf(3, 0), creationOf(4, 0, writerCode(3))];
    const blocks = await sealAll(engine, own);
    await history.engine.import(blocks);
    const rivals = [0, 1, 2, 3].map((nonce) => transactionOf(3, nonce, { value: 2n }));
    for (const rival of rivals) await sealAll(other.engine, [rival]);
    await engine.import(chainOf(other.engine).slice(71));
    return { engine, store, other, own };
  }

  test("is followed with the state at the fork from peers, and no accepted transaction is lost", async () => {
    const { engine, store, other, own } = await stranded();
    assert.equal(engine.adoption.fork()?.number, 71);
    await follow(engine, sourceOf(other), false);
    assert.equal(engine.head().hash, other.engine.head().hash);
    assert.equal(engine.adopted, 71);
    assert.deepEqual(
      own.map(({ hash }) => engine.transaction(hash)?.status),
      ["pending", "conflicted", "pending"],
    );
    assertSameState({ engine, store }, other);
    const [block] = await sealAll(engine, []);
    assert.equal(block?.transactions.length, 2);
    const reopened = openTestEngine({ store });
    assert.deepEqual(
      own.map(({ hash }) => reopened.transaction(hash)?.status),
      ["included", "conflicted", "included"],
    );
  });

  test("goes on with the state at the fork after a restart in the middle of it", async () => {
    const { engine, store, other } = await stranded();
    await engine.adoption.begin(false, encodeSegments([]));
    const again = openTestEngine({ store });
    assert.equal(again.adoption.fork()?.number, 71);
    await follow(again, sourceOf(other), false);
    assertSameState({ engine: again, store }, other);
  });

  test("waits where no peer has the state at the fork, and what is held stays", async () => {
    const { engine, other } = await stranded();
    const before = engine.head().hash;
    const pruned = sourceOf(other, async () => {
      throw new CodedError("PRUNED", "too long ago");
    });
    await follow(engine, pruned, false);
    assert.equal(engine.head().hash, before);
    assert.equal(engine.snapshot().head.hash, before);
    await follow(engine, sourceOf(other), false);
    assert.equal(engine.head().hash, other.engine.head().hash);
  });
});

describe("what a target that moved on leaves behind", () => {
  const keyOf = (address: Hex): Uint8Array => keccak256(hexToBytes(address));
  /** A storage as the first of its pages leave it, whatever becomes of the others. */
  const partOf = (account: Uint8Array): StatePortion => ({
    ...NO_PORTION,
    storage: [{ account, slots: [{ key: keccak256(word(0)), value: Uint8Array.of(0x77) }] }],
  });

  test("a contract whose storage came in part is taken over again, though its account is as it was", async () => {
    const history = await longHistory(12);
    const [first] = history.contracts as [Hex];
    for (const replica of ["all", [first]] as const) {
      const store = createMemoryStore();
      const engine = openTestEngine({ store, replica });
      await follow(engine, sourceOf(history));
      const whole = rowsOf(store, "storage");
      await engine.adoption.begin(false, encodeSegments([]));
      await engine.adoption.write(partOf(keyOf(first)), encodeSegments([]));
      assert.notDeepEqual(rowsOf(store, "storage"), whole);
      assertWhole(store);
      await follow(engine, sourceOf(history));
      assert.deepEqual(rowsOf(store, "storage"), whole);
      if (replica === "all") assertSameState({ engine, store }, history);
    }
  });

  test("storage of an account that is not in the state that is taken over in the end goes", async () => {
    const history = await longHistory(66);
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    await engine.adoption.begin(true, encodeSegments(WHOLE_STATE));
    for (const stranger of [0x00, 0x55, 0xff]) {
      await engine.adoption.write(partOf(new Uint8Array(32).fill(stranger)), encodeSegments(WHOLE_STATE));
    }
    await follow(engine, sourceOf(history));
    assertSameState({ engine, store }, history);
  });

  test("a contract that is not in the state that is taken over in the end goes, with its storage in part", async () => {
    const [history, other] = [await longHistory(12), await longHistory(12)];
    await other.seal(other.create(8), other.set(4, 1, 1));
    const store = createMemoryStore();
    const engine = openTestEngine({ store, replica: "all" });
    await follow(engine, sourceOf(other));
    const gone = keyOf(other.contracts[4] as Hex);
    await engine.adoption.begin(false, encodeSegments([]));
    await engine.adoption.write(partOf(gone), encodeSegments([]));
    for (let more = 0; more < 3; more++) await history.seal(history.set(1, 1, 50 + more));
    await follow(engine, sourceOf(history));
    assertSameState({ engine, store }, history);
  });
});

test("a store that took a state over is not whole without any one of its rows", async () => {
  const history = await longHistory(6);
  for (const replica of ["all", history.contracts.slice(0, 2)] as const) {
    const store = createMemoryStore();
    await follow(openTestEngine({ store, replica }), sourceOf(history));
    assertWhole(store);
    for (const table of [...STATE, "headers", "canonical"] as const) {
      for (const { key, value } of store.range(table, { limit: 1_000 }).filter((_, at) => at % 5 === 0)) {
        store.write([{ table, key, value: null }]);
        assert.throws(() => assertWhole(store), assert.AssertionError, `${table} ${bytesToHex(key)}`);
        store.write([{ table, key, value }]);
      }
    }
  }
});

describe("a replica of chosen contracts", () => {
  const slotOf = (store: Store, address: Hex, slot: number): bigint =>
    openTestEngine({ store, replica: [] })
      .snapshot()
      .storage(address, bytesToHex(word(slot)));

  test("holds these and no others, each with its whole storage, and follows them", async () => {
    const history = await longHistory(12);
    const [first, second] = history.contracts as [Hex, Hex];
    const store = createMemoryStore();
    const engine = openTestEngine({ store, replica: [first] });
    await follow(engine, sourceOf(history));
    assert.deepEqual(
      engine.contracts(undefined, 10).map(({ address, owner, creationNonce }) => ({ address, owner, creationNonce })),
      [{ address: first, owner: accountOf(1), creationNonce: 0n }],
    );
    assert.equal(rowsOf(store, "accounts").length, 1);
    await history.seal(history.set(0, 3, 77));
    await follow(engine, sourceOf(history));
    assert.equal(slotOf(store, first, 3), 77n);
    assert.throws(() => engine.snapshot().account(second), { code: "NOT_HELD" });
    assert.throws(() => engine.stateAt(engine.head().hash, "caller"), { code: "NOT_HELD" });
  });

  test("one that is added is there with the next look, one that is dropped leaves nothing behind", async () => {
    const history = await longHistory(12);
    const [first, second] = history.contracts as [Hex, Hex];
    const store = createMemoryStore();
    const engine = openTestEngine({ store, replica: [first] });
    await follow(engine, sourceOf(history));
    engine.holding.add(second);
    assert.deepEqual(
      [first, second].map((address) => [engine.adoption.isHeld(address), engine.holding.isAwaited(address)]),
      [
        [true, false],
        [false, true],
      ],
    );
    await follow(engine, sourceOf(history));
    assert.equal(engine.holding.isAwaited(second), false);
    assert.equal(engine.contractCount(), 2);
    assert.deepEqual(engine.snapshot().account(second), history.engine.snapshot().account(second));
    await engine.adoption.drop(first);
    assert.deepEqual(
      engine.contracts(undefined, 10).map(({ address }) => address),
      [second],
    );
    assert.equal(rowsOf(store, "accounts").length, 1);
    const hash = bytesToHex(keccak256(hexToBytes(first)));
    assert.equal(rowsOf(store, "storage").filter((row) => row.startsWith(hash)).length, 0);
    assert.equal(rowsOf(store, "storageNodes").filter((row) => row.startsWith(hash)).length, 0);
    assert.deepEqual(openTestEngine({ store, replica: [] }).holding.chosen(), [second]);
  });

  test("asks for what is added alone where it holds the others, and for all of them after a restart or at a new head", async () => {
    const history = await longHistory(12);
    const [first, second, third, fourth] = history.contracts as [Hex, Hex, Hex, Hex];
    const store = createMemoryStore();
    const local = sourceOf(history);
    const asked: Hex[][] = [];
    const source: LocalSource = {
      ...local,
      state(block, wanted) {
        asked.push(wanted.map(({ address }) => address));
        return local.state(block, wanted);
      },
    };
    const engine = openTestEngine({ store, replica: [first, second] });
    await follow(engine, source);
    engine.holding.add(third);
    await follow(engine, source);
    await follow(engine, source);
    assert.deepEqual(asked, [[first, second], [third]]);
    assert.deepEqual(engine.snapshot().account(third), history.engine.snapshot().account(third));
    engine.holding.add(fourth);
    await history.seal(history.set(0, 3, 77));
    await follow(engine, source);
    assert.deepEqual(asked.slice(2), [[first, second, third, fourth]]);
    const restarted = openTestEngine({ store, replica: [] });
    await follow(restarted, source);
    assert.deepEqual(asked.slice(3), [[first, second, third, fourth]]);
    assert.equal(slotOf(store, first, 3), 77n);
  });

  test("reads what it does not hold with proofs, and answers calls as who executed everything does", async () => {
    const history = await longHistory(12);
    const [first, second] = history.contracts as [Hex, Hex];
    const source = sourceOf(history);
    const engine = openTestEngine({ replica: [first], remote: source });
    await follow(engine, source);
    const balance = await engine.read((snapshot) => snapshot.account(accountOf(2))?.balance);
    assert.equal(balance, 10n ** 20n);
    const message = {
      from: accountOf(2),
      to: second,
      value: 0n,
      data: concatBytes(word(1), word(2)),
      gasLimit: 100_000,
    };
    const [here, there] = [await engine.call(message), await history.engine.call(message)];
    assert.deepEqual(here, there);
    assert.equal(here.status, "success");
    assert.equal(engine.contractCount(), 1);
  });

  test("reads to the end what it does not hold while the head moves faster than all of it is fetched", async () => {
    const history = await longHistory(12);
    const [first, second] = history.contracts as [Hex, Hex];
    const source = sourceOf(history);
    let asked = 0;
    const remote = {
      ...source,
      async state(...wanted: Parameters<LocalSource["state"]>) {
        if (++asked <= 4) {
          await history.seal(history.set(0, asked, asked), history.set(1, asked, 1_000 + asked));
          await follow(engine, source);
        }
        return source.state(...wanted);
      },
    };
    const engine: Engine = openTestEngine({ replica: [first], remote });
    await follow(engine, source);
    const names = Array.from({ length: 12 }, (_, at) => bytesToHex(word(at)));
    // The first contract is held.
    const valuesOf = (snapshot: Pick<Snapshot, "storage">): bigint[] =>
      names.flatMap((name) => [snapshot.storage(first, name), snapshot.storage(second, name)]);
    for (let read = 0; read < 3; read++) {
      const before = valuesOf(history.engine.snapshot());
      assert.deepEqual(await engine.read(valuesOf), before);
      assert.notDeepEqual(valuesOf(history.engine.snapshot()), before, "the head has moved on");
    }
  });

  test("does not wait for ever where no peer answers, or has the state of its head any more", async () => {
    const history = await longHistory(3);
    const [first] = history.contracts as [Hex];
    const source = sourceOf(history);
    let dueMs: number | undefined;
    const impatient = {
      ...clock,
      setTimer(delayMs: number, callback: () => void) {
        dueMs = delayMs;
        setImmediate(callback);
        return () => {};
      },
    };
    const remotes = [
      { ...source, state: () => new Promise<never>(() => {}) },
      { ...source, state: () => Promise.reject(new CodedError("PRUNED", "too long ago")) },
    ];
    for (const remote of remotes) {
      const engine = openTestEngine({ replica: [first], remote, clock: impatient });
      await follow(engine, source);
      await assert.rejects(
        engine.read((snapshot) => snapshot.account(accountOf(3))),
        { code: "NOT_HELD" },
      );
    }
    assert.equal(dueMs, 10_000);
  });

  test("is whole before the first state has come, while it holds the genesis", () => {
    const store = createMemoryStore();
    openTestEngine({ store, replica: [accountOf(1)] });
    assertWhole(store);
  });
});

test("a data directory keeps the role that it was made for, except that a whole replica may begin to execute", async () => {
  const history = await longHistory(4);
  const store = createMemoryStore();
  const replica = openTestEngine({ store, replica: "all" });
  await follow(replica, sourceOf(history));
  assert.throws(() => openTestEngine({ store, replica: [] }), { code: "INVALID_CONFIG" });
  const engine = openTestEngine({ store });
  await history.seal(history.set(0, 0, 5));
  await engine.import(chainOf(history.engine).slice(-1));
  assertSameState({ engine, store }, history);
  assert.throws(() => openTestEngine({ store: history.store, replica: "all" }), { code: "INVALID_CONFIG" });
});
