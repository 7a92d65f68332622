import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import { chainOf, openTestEngine, sealAll, silentLogger, transactionOf } from "../engine/engine.test-support.ts";
import type { Engine } from "../engine/types.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { TARGET_LAG_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import {
  assertSameState,
  assertWhole,
  branches,
  clock,
  follow,
  History,
  longHistory,
  random,
  rowsOf,
  sourceOf,
} from "./state-join.test-support.ts";
import { createStateJoin } from "./state-join.ts";

describe("a head whose state nobody gives", () => {
  /** Takes over what a peer has that gives state, beside one that has more headers, and no state for them. */
  async function followBoth(engine: Engine, history: History, liar: History): Promise<void> {
    await follow(engine, sourceOf(history), true, [sourceOf(liar)]);
  }

  test("keeps nobody from taking over the state of another peer's head", async () => {
    const { history, other } = await branches();
    const store = createMemoryStore();
    const engine = openTestEngine({ store, replica: "all" });
    await followBoth(engine, history, other);
    assert.equal(engine.adoption.tip().hash, engine.head().hash);
    assertSameState({ engine, store }, history);
    assert.equal(rowsOf(store, "headers").length, history.engine.head().number + 1);
  });

  test("takes the head from nobody, and is forgotten when the other peer's chain goes on", async () => {
    const { history, other } = await branches();
    for (const replica of ["all", history.contracts.slice(0, 2)] as const) {
      const store = createMemoryStore();
      const engine = openTestEngine({ store, replica });
      await follow(engine, sourceOf(history));
      await followBoth(engine, history, other);
      assert.equal(engine.head().hash, history.engine.head().hash);
      assert.equal(engine.adoption.tip().hash, engine.head().hash);
      await history.seal(history.set(1, 1, 9));
      await followBoth(engine, history, other);
      assert.equal(engine.head().hash, history.engine.head().hash);
      assert.equal(rowsOf(store, "headers").length, engine.head().number + 1);
      assertWhole(store);
    }
  });

  test("is not looked at again and again while who has another one does not answer", async () => {
    const { history, other } = await branches();
    const engine = openTestEngine({ replica: "all" });
    const honest = sourceOf(history);
    await follow(engine, honest);
    const [head, liar] = [engine.head(), sourceOf(other)];
    const mute = Object.assign(Object.create(honest.session), {
      request: () => Promise.reject(new CodedError("REQUEST_TIMEOUT", "no answer")),
    });
    let looks = 0;
    const ready = () => {
      looks++;
      return [mute, liar.session];
    };
    const join = createStateJoin({
      ...{ engine, source: honest, clock, random, joins: true, logger: silentLogger, onDone: () => {} },
      peers: { ready, penalise: () => {} } as unknown as Peers,
    });
    join.kick();
    await join.settled();
    const before = looks;
    for (let turns = 0; turns < 100; turns++) await join.settled();
    await join.stop();
    assert.ok(looks - before < 10, `${looks - before} looks`);
    assert.equal(engine.head().hash, head.hash);
    assert.equal(engine.adoption.tip().hash, other.engine.head().hash);
  });

  test("may be on top of the head that others have", async () => {
    const { history } = await branches();
    const liar = new History();
    await liar.engine.import(chainOf(history.engine));
    for (let nonce = 0; nonce < 3; nonce++) await sealAll(liar.engine, [transactionOf(3, nonce)]);
    const store = createMemoryStore();
    const engine = openTestEngine({ store, replica: "all" });
    await followBoth(engine, history, liar);
    assertSameState({ engine, store }, history);
    await followBoth(engine, history, liar);
    assert.equal(rowsOf(store, "headers").length, engine.head().number + 1);
  });

  test("is tried again where nobody has another one", async () => {
    const history = await longHistory(6);
    const store = createMemoryStore();
    const engine = openTestEngine({ store, replica: "all" });
    const pruned = sourceOf(history, async () => {
      if (engine.adoption.isUnderway) throw new CodedError("PRUNED", "not now");
    });
    await follow(engine, pruned);
    assert.equal(engine.adoption.isUnderway, true);
    await follow(engine, sourceOf(history));
    assertSameState({ engine, store }, history);
  });

  test("is left when the chain has gone on far beyond it, and what was taken over of it stays", async () => {
    const history = await longHistory(66);
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    let grown = false;
    const source = sourceOf(history, async () => {
      if (grown || !engine.adoption.isUnderway) return;
      grown = true;
      for (let more = 0; more < TARGET_LAG_MAX; more++) await history.seal(history.set(more, 1, more + 1));
    });
    await follow(engine, source);
    assertSameState({ engine, store }, history);
    assert.equal(engine.adopted, history.engine.head().number);
  });
});
