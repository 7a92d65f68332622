import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { addressOf } from "./fake-chain.test-support.ts";
import { makeRecord } from "./fake-contracts.test-support.ts";
import { createWorld, type TestNode, type World } from "./test-node.test-support.ts";

const TOKEN = addressOf("token");

describe("where a node stands", () => {
  let world: World;
  beforeEach(() => {
    world = createWorld();
  });
  afterEach(() => world.end());

  const connect = (from: TestNode, to: TestNode) => world.clock.run(from.driver.connect(to.address, 30_000));

  it("is alone before it has peers, and synced once it agrees with them", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    assert.deepEqual(b.driver.sync().state, "alone");
    a.engine.make({ created: [TOKEN] });
    a.contracts.publishRecord(makeRecord(TOKEN, 1, "Token"));
    for (let i = 0; i < 9; i++) a.engine.make();
    await connect(b, a);
    const { state, head, lagBlocks, target, stage, progress } = b.driver.sync();
    assert.deepEqual({ state, head: head.number, lagBlocks }, { state: "synced", head: 10, lagBlocks: 0 });
    assert.deepEqual([target, stage, progress], [undefined, undefined, undefined]);
  });

  it("keeps of each peer how long it took to agree, and what that brought", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    for (let i = 0; i < 7; i++) a.engine.make();
    a.engine.make({ created: [TOKEN] });
    const { durationMs } = await connect(b, a);
    const first = b.driver.peers()[0]?.lastSync;
    assert.ok(first !== undefined);
    assert.deepEqual([first.blocks, first.contracts], [8, 1]);
    assert.ok(first.durationMs <= durationMs && first.finishedAtMs <= world.clock.now());
    a.engine.make();
    await world.clock.until(() => b.engine.head().number === 9);
    await world.clock.pass(5_000);
    assert.equal(b.driver.peers()[0]?.lastSync, first, "what an announcement brings at once is no synchronisation");
  });

  it("is behind while a peer has a better head, and says how fast it catches up", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    for (let i = 0; i < 1_000; i++) a.engine.make();
    const done = b.driver.connect(a.address, 30_000);
    const seen: ReturnType<TestNode["driver"]["sync"]>[] = [];
    const off = b.engine.on("head", () => seen.push(b.driver.sync()));
    await world.clock.run(done);
    off();
    const under = seen.find(({ progress }) => progress !== undefined && progress.remainingMs !== undefined);
    assert.ok(under?.progress !== undefined, "it was never seen catching up");
    assert.equal(under.state, "syncing");
    assert.equal(under.stage, "blocks");
    assert.equal(under.lagBlocks, 1_000 - under.head.number);
    assert.deepEqual([under.target?.number, under.target?.peerId], [1_000, "a"]);
    assert.deepEqual([under.progress.fromBlock, under.progress.toBlock], [0, 1_000]);
    assert.ok(under.progress.blocksPerSecond > 0);
  });
});
