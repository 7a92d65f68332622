/** A replica of so many contracts that it asks about no more of them than what has changed. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { accountOf, chainOf, openTestEngine, sealAll, transactionOf } from "../engine/engine.test-support.ts";
import type { Engine } from "../engine/types.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { CONTRACTS_BY_NAME_MAX } from "./limits.ts";
import type { LocalSource } from "./local-source.test-support.ts";
import { assertWhole, followerOf, History, sourceOf } from "./state-join.test-support.ts";

const COUNT = 3 * CONTRACTS_BY_NAME_MAX;

async function historyOfMany(): Promise<History> {
  const history = new History();
  for (let tag = 0; tag < COUNT; tag += 12) {
    await history.seal(...Array.from({ length: 12 }, (_, at) => history.create(tag + at)));
  }
  return history;
}

/** Counts requests about accounts, and the contracts and nodes that they bring. */
function countedSource(history: History) {
  const source = sourceOf(history);
  let counts = { contracts: 0, nodes: 0, requests: 0 };
  let interruption: (() => Promise<never>) | undefined;
  const count = (kind: "contracts" | "nodes", account: Hex | undefined, items: number): void => {
    if (account !== undefined) return;
    counts[kind] += items;
    counts.requests++;
  };
  const counting: LocalSource = {
    ...source,
    async state(block, wanted) {
      count("contracts", undefined, wanted.length);
      return source.state(block, wanted);
    },
    async nodes(block, account, wanted) {
      const interrupt = counts.requests > 0 ? interruption : undefined;
      if (interrupt !== undefined) interruption = undefined;
      await interrupt?.();
      const nodes = await source.nodes(block, account, wanted);
      count("nodes", account, nodes.length);
      return nodes;
    },
    async expectedNodes(block, account, root, paths) {
      const nodes = await source.expectedNodes(block, account, root, paths);
      count("nodes", account, nodes.size);
      return nodes;
    },
  };
  return {
    source: counting,
    take() {
      const taken = counts;
      counts = { contracts: 0, nodes: 0, requests: 0 };
      return taken;
    },
    /** What happens instead of an answer with nodes, once one was given. */
    interrupt(by: () => Promise<never>): void {
      counts.requests = 0;
      interruption = by;
    },
  };
}

async function setUp() {
  const history = await historyOfMany();
  const counted = countedSource(history);
  const store = createMemoryStore();
  const engine: Engine = openTestEngine({ store, replica: history.contracts });
  const follower = followerOf(engine, counted.source);
  await follower.look();
  const assertHeld = (): void => {
    assert.equal(engine.head().hash, history.engine.head().hash);
    const [here, there] = [engine.snapshot(), history.engine.snapshot()];
    for (const address of engine.holding.chosen()) {
      assert.deepEqual(here.account(address), there.account(address), address);
      assert.equal(here.storage(address, SLOT), there.storage(address, SLOT), address);
    }
    assertWhole(store);
    assert.deepEqual(follower.faults, []);
  };
  return { ...counted, history, engine, follower, assertHeld };
}

const SLOT: Hex = `0x${"0".repeat(63)}3`;

describe("a replica of many contracts", () => {
  test("takes with each head the nodes on the way to those that have changed, together where they often do", async () => {
    const { history, follower, take, assertHeld } = await setUp();
    const whole = take();
    assert.ok(whole.contracts === 0 && whole.nodes > COUNT, `${whole.nodes} nodes`);
    assertHeld();
    for (let turn = 0; turn < 5; turn++) {
      await history.seal(history.set(5, 3, turn + 1));
      await follower.look();
      const { contracts, nodes, requests } = take();
      assert.ok(contracts === 0 && nodes > 0 && nodes <= 12, `${contracts} contracts, ${nodes} nodes`);
      if (turn > 2) assert.ok(requests <= 2, `${requests} requests`);
      assertHeld();
    }
  });

  test("asks for what is added, also where it was given up before, and for nothing that is given up", async () => {
    const { history, engine, follower, take, assertHeld } = await setUp();
    const [first, second] = history.contracts as [Hex, Hex];
    await engine.adoption.drop(first);
    await engine.adoption.drop(second);
    await history.seal(history.set(0, 3, 1), history.set(1, 3, 2), history.set(2, 3, 3));
    await follower.look();
    assertHeld();
    engine.holding.add(first);
    await history.seal(history.set(7, 3, 4));
    await follower.look();
    assertHeld();
    assert.equal(engine.snapshot().storage(first, SLOT), 1n);
    take();
    engine.holding.add(second);
    await follower.look();
    assert.equal(take().contracts, 1);
    await history.seal(history.set(1, 3, 5));
    await follower.look();
    assertHeld();
  });

  test("loses nothing where a head was not taken over, or the chain goes back to what it was", async () => {
    const { history, follower, interrupt, take, assertHeld } = await setUp();
    await history.seal(history.set(0, 3, 1), history.set(20, 3, 1));
    let interrupted = 0;
    interrupt(async () => {
      interrupted++;
      await history.seal(history.set(20, 3, 0));
      throw new CodedError("PRUNED", "nobody has it");
    });
    await follower.look();
    assert.equal(interrupted, 1);
    assertHeld();
    take();
    await history.seal(history.set(0, 3, 0));
    await follower.look();
    assert.ok(take().nodes <= 12);
    assertHeld();
  });

  test("follows a better branch, on which other contracts have changed", async () => {
    const { history, engine, follower, assertHeld } = await setUp();
    const other = openTestEngine();
    await other.import(chainOf(history.engine));
    await history.seal(history.set(0, 3, 1));
    await follower.look();
    assertHeld();
    for (let nonce = 0; nonce < 2; nonce++) await sealAll(other, [transactionOf(2, nonce, { to: accountOf(3) })]);
    await history.engine.import(chainOf(other));
    assert.equal(history.engine.head().hash, other.head().hash);
    await follower.look();
    assertHeld();
    assert.equal(engine.snapshot().storage(history.contracts[0] as Hex, SLOT), 0n);
  });
});
