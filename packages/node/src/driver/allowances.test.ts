import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { encodeHeader } from "@counterpart/core/chain/header";
import type { Status } from "@counterpart/core/sync/message-types";
import { encodeMessage } from "@counterpart/core/sync/messages";
import { createMetricsRegistry } from "../telemetry/metrics.ts";
import { createAllowances, createBucket } from "./allowances.ts";
import { makeBlock } from "./fake-chain.test-support.ts";
import {
  ALLOWANCES_MAX,
  ANNOUNCEMENTS_BURST,
  SERVED_BYTES_BURST,
  SERVING_MS_BURST,
  STATUS_DEFERRED_MS,
  STATUSES_BURST,
} from "./limits.ts";
import { silence, startStranger, statusOf, versionFor } from "./stranger.test-support.ts";
import { createWorld, sameAll, type World } from "./test-node.test-support.ts";
import { createVirtualClock } from "./virtual-clock.test-support.ts";

describe("a bucket", () => {
  it("may be overdrawn once, and is made good by time, up to the burst", async () => {
    const clock = createVirtualClock();
    const bucket = createBucket(100, 1_000, clock);
    bucket.spend(1_500);
    const waitMs = bucket.waitMs();
    assert.ok(waitMs >= 5_000 && waitMs <= 5_020, `${waitMs}`);
    await clock.pass(waitMs);
    assert.equal(bucket.waitMs(), 0);
    await clock.pass(1_000_000);
    bucket.spend(1_001);
    assert.ok(bucket.waitMs() > 0);
  });

  it("gains and loses nothing when the clock is set back", () => {
    let now = 1_000_000;
    const bucket = createBucket(100, 1_000, { now: () => now, setTimer: () => () => {} });
    bucket.spend(1_500);
    now = 0;
    assert.ok(bucket.waitMs() > 5_000);
    now = 5_020;
    assert.equal(bucket.waitMs(), 0);
  });
});

describe("allowances", () => {
  it("are kept for each peer apart, over its connections, for a bounded number of peers", () => {
    let forgotten = 0;
    const allowances = createAllowances(createVirtualClock(), () => forgotten++);
    allowances("a").noteServed(SERVED_BYTES_BURST + 1, 0);
    assert.ok(allowances("a").servingWaitMs() > 0);
    assert.equal(allowances("b").servingWaitMs(), 0);
    for (let i = 0; i < ALLOWANCES_MAX - 2; i++) allowances(`peer-${i}`);
    assert.ok(allowances("a").servingWaitMs() > 0);
    assert.equal(forgotten, 0);
    for (let i = 0; i < ALLOWANCES_MAX; i++) allowances(`other-${i}`);
    assert.equal(forgotten, ALLOWANCES_MAX);
    assert.equal(allowances("a").servingWaitMs(), 0);
  });

  it("make a peer wait for time that was spent on it as well", () => {
    const allowances = createAllowances(createVirtualClock(), () => {});
    allowances("a").noteServed(0, SERVING_MS_BURST + 1);
    assert.ok(allowances("a").servingWaitMs() > 0);
  });
});

describe("a peer that announces without end", () => {
  let world: World;
  beforeEach(() => {
    world = createWorld();
  });
  afterEach(() => world.end());

  it("is heard up to its allowance and not blamed, while others are heard", async () => {
    const metrics = createMetricsRegistry(false);
    const [node, honest] = [await world.start("node", { metrics }), await world.start("honest")];
    const stranger = await startStranger(world, "stranger", () => versionFor(world, node));
    await world.clock.run(node.driver.connect("stranger:5000", 0));
    await world.clock.run(node.driver.connect(honest.address, 10_000));
    const dropped = async (): Promise<number> =>
      Number(/dropped_announcements_total\{reason="rate"\} (\d+)/.exec(await metrics.text())?.[1] ?? 0);
    const frame = encodeMessage({ type: "NewBlock", kind: "header", header: encodeHeader(node.engine.head()) });
    const flood = async (frames: number): Promise<void> => {
      for (let i = 1; i <= frames; i++) {
        world.hub.inject("stranger", "node", frame);
        if (i % 100 === 0) await world.clock.pass(2);
      }
      await world.clock.pass(2);
    };
    await flood(ANNOUNCEMENTS_BURST);
    assert.equal(await dropped(), 0);
    await flood(4_000);
    const lost = await dropped();
    assert.ok(lost > 3_000 && lost < 4_000, `${lost}`);
    honest.engine.make();
    await world.clock.until(() => sameAll(node, honest), 1_000);
    await world.clock.pass(10_000);
    await flood(1_000);
    assert.equal(await dropped(), lost);
    assert.deepEqual(node.driver.bans(), []);
    assert.ok(!stranger.closed);
  });

  it("is heard in its newest Status a little later, where it sends more of them than it may", async () => {
    const metrics = createMetricsRegistry(false);
    const node = await world.start("node", { metrics });
    const stranger = await startStranger(world, "stranger", () => versionFor(world, node));
    const asked: string[] = [];
    stranger.answer = ({ type }) => {
      asked.push(type);
      return silence();
    };
    await world.clock.run(node.driver.connect("stranger:5000", 0));
    await world.clock.pass(100);
    const deferred = async (): Promise<number> =>
      Number(/dropped_announcements_total\{reason="status"\} (\d+)/.exec(await metrics.text())?.[1] ?? 0);
    const tell = (change: Partial<Status>): void =>
      world.hub.inject("stranger", "node", encodeMessage({ type: "Status", ...statusOf(world, node), ...change }));
    for (let i = 0; i < STATUSES_BURST; i++) tell({});
    await world.clock.pass(2);
    assert.equal(await deferred(), 0);
    for (let i = 0; i < 2_000; i++) tell({});
    const { hash } = makeBlock(node.engine.head(), "ahead").header;
    tell({ sequence: 2, head: { hash, number: node.engine.head().number + 1 } });
    await world.clock.pass(2);
    const late = await deferred();
    assert.ok(late > 1_900 && late <= 2_001, `${late}`);
    assert.deepEqual(asked, []);
    await world.clock.pass(STATUS_DEFERRED_MS);
    assert.deepEqual(asked, ["GetHeaders"]);
    assert.deepEqual(node.driver.bans(), []);
    assert.ok(!stranger.closed);
  });
});
