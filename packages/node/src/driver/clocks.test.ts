import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { SKEWED_STATUSES_MAX } from "./limits.ts";
import { startStranger, statusOf, versionFor } from "./stranger.test-support.ts";
import { createWorld, sameAll, type TestNode, type World } from "./test-node.test-support.ts";

describe("clocks of connected peers", () => {
  let world: World;
  let steady: TestNode;
  let jumping: TestNode;
  /** How far the second node's clock is ahead. */
  let clock: { clockAheadMs: number };

  beforeEach(async () => {
    world = createWorld();
    clock = { clockAheadMs: 0 };
    steady = await world.start("steady");
    jumping = await world.start("jumping", clock);
    const { status } = await world.clock.run(steady.driver.connect(jumping.address, 10_000));
    assert.equal(status, "synced");
  });
  afterEach(() => world.end());

  const linked = () => world.hub.isLinked("steady", "jumping");
  const blamed = (): unknown[] =>
    [steady, jumping].flatMap(({ log, driver }) => [
      ...driver.bans(),
      ...log.filter(({ message }) => message === "a peer is at fault"),
    ]);

  for (const [direction, jumpMs] of [
    ["forward", 120_000],
    ["back", -120_000],
  ] as const) {
    it(`that jump ${direction} part the peers without blame, and they are in step once the clocks agree`, async () => {
      clock.clockAheadMs = jumpMs;
      await world.clock.until(() => !linked(), 30_000);
      steady.engine.make();
      await world.clock.pass(60_000);
      assert.ok(!sameAll(steady, jumping));
      assert.ok(steady.driver.peers().some(({ lastError }) => lastError === "CLOCK_SKEW"));
      clock.clockAheadMs = 0;
      await world.clock.until(() => linked() && sameAll(steady, jumping), 180_000);
      assert.deepEqual(blamed(), []);
    });
  }

  it("behind a node's head are told as long as it has a peer that refuses that", async () => {
    const { engine, driver } = jumping;
    assert.equal(driver.withheldS(), undefined);
    const head = { ...engine.head(), timestamp: Math.floor(world.clock.now() / 1_000) + 3_600 };
    engine.head = () => head;
    assert.equal(driver.withheldS(), 3_600);
    await world.clock.run(driver.disconnect());
    await world.clock.until(() => !linked());
    assert.equal(driver.withheldS(), undefined);
  });

  it("that move by less than a minute change nothing", async () => {
    for (const aheadMs of [59_000, 0, -20_000, 0]) {
      clock.clockAheadMs = aheadMs;
      steady.engine.make();
      await world.clock.until(() => sameAll(steady, jumping), 10_000);
    }
    assert.equal(world.sent(steady, jumping, "Goodbye").length + world.sent(jumping, steady, "Goodbye").length, 0);
  });

  it("end no link because single Status messages came late", async () => {
    const stranger = await startStranger(world, "stranger", () => versionFor(world, steady));
    await world.clock.run(steady.driver.connect("stranger:5000", 0));
    const say = async (aheadMs: number): Promise<void> => {
      stranger.say({ type: "Status", ...statusOf(world, steady), clockMs: world.clock.now() + aheadMs });
      await world.clock.pass(10);
    };
    for (let i = 1; i < SKEWED_STATUSES_MAX; i++) await say(-300_000);
    await say(0);
    for (let i = 1; i < SKEWED_STATUSES_MAX; i++) await say(-300_000);
    assert.ok(!stranger.closed);
    await say(-300_000);
    assert.ok(stranger.closed);
    const goodbye = stranger.received.find(({ type }) => type === "Goodbye");
    assert.ok(goodbye?.type === "Goodbye" && goodbye.code === "CLOCK_SKEW");
  });

  it("that go back while a chain is fetched leave no block of it out", async () => {
    for (let block = 0; block < 200; block++) steady.engine.make();
    const ahead = { clockAheadMs: 0 };
    const late = await world.start("late", ahead);
    world.hub.faults.answeringMs = 50;
    const take = late.engine.import;
    const orphans: number[] = [];
    // Ahead while the second batch is under way, which then seems to end the turn, and back when it is taken.
    late.engine.import = async (blocks) => {
      if (orphans.length === 1) ahead.clockAheadMs = 0;
      const result = await take(blocks);
      orphans.push(result.orphans.length);
      if (orphans.length === 1) {
        world.clock.setTimer(10, () => {
          ahead.clockAheadMs = 11_000;
        });
      }
      return result;
    };
    await world.clock.run(late.driver.connect(steady.address, 30_000), 90_000);
    await world.clock.until(() => sameAll(steady, late), 90_000);
    assert.ok(orphans.length > 2 && orphans.every((count) => count === 0), `${orphans}`);
  });
});
