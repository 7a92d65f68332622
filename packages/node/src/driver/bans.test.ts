import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import { encodeBlock } from "@counterpart/core/chain/block";
import { encodeMessage } from "@counterpart/core/sync/messages";
import { BAN_MS_MIN } from "@counterpart/core/sync/scores";
import { createDriverMetrics } from "./driver-metrics.ts";
import { makeBlock } from "./fake-chain.test-support.ts";
import { BANS_MAX } from "./limits.ts";
import { createStandings } from "./standings.ts";
import { type Stranger, startStranger, versionFor } from "./stranger.test-support.ts";
import { createWorld, type TestNode, type World } from "./test-node.test-support.ts";
import { createTestLogger } from "./virtual-clock.test-support.ts";

const ADDRESS = "stranger:5000";

describe("a ban", () => {
  let world: World;
  let node: TestNode;
  let stranger: Stranger;

  beforeEach(async () => {
    world = createWorld();
    node = await world.start("node");
    stranger = await startStranger(world, "stranger", () => versionFor(world, node));
  });
  afterEach(() => world.end());

  const connect = (by = node) => world.clock.run(by.driver.connect(ADDRESS, 0));
  const hungUp = () => world.clock.until(() => stranger.closed, 5_000);
  const sendInvalidBlock = async (): Promise<void> => {
    const block = makeBlock(node.engine.head(), `x${world.clock.now()}`, { invalid: true });
    stranger.say({ type: "NewBlock", kind: "block", block: encodeBlock(block) });
    await hungUp();
  };
  const goodbye = () => {
    const last = stranger.received.at(-1);
    return last?.type === "Goodbye" ? last : undefined;
  };

  it("follows an invalid block: the peer is told why and for how long", async () => {
    await connect();
    await sendInvalidBlock();
    const said = goodbye();
    assert.equal(said?.code, "PEER_BANNED");
    assert.ok((said?.retryAfterMs ?? 0) > BAN_MS_MIN - 60_000 && (said?.retryAfterMs ?? 0) <= BAN_MS_MIN);
    const [ban, ...others] = node.driver.bans();
    assert.deepEqual([ban?.peerId, ban?.reason, ban?.times, others], ["stranger", "INVALID_BLOCK", 1, []]);
  });

  it("answers connect with PEER_BANNED and when it ends", async () => {
    await connect();
    await sendInvalidBlock();
    const until = new Date(node.driver.bans()[0]?.untilMs ?? 0).toISOString();
    await assert.rejects(connect(), (error) => isCodedError(error, "PEER_BANNED") && error.details.until === until);
  });

  it("meets the peer's own dials, before its hello counts for anything", async () => {
    await connect();
    await sendInvalidBlock();
    stranger.received.length = 0;
    const link = await world.clock.run(stranger.network.dial(node.address, new AbortController().signal));
    assert.equal(link.peerId, "node");
    await hungUp();
    assert.deepEqual(
      stranger.received.map((message) => message.type === "Goodbye" && message.code),
      ["PEER_BANNED"],
    );
  });

  it("outlives a restart", async () => {
    await connect();
    await sendInvalidBlock();
    await world.stop(node);
    node = await world.start("node", { restarted: node });
    assert.deepEqual(
      node.driver.bans().map(({ peerId }) => peerId),
      ["stranger"],
    );
    await assert.rejects(connect(), (error) => isCodedError(error, "PEER_BANNED"));
  });

  it("ends on time; the next one lasts twice as long", async () => {
    await connect();
    await sendInvalidBlock();
    await world.clock.pass(BAN_MS_MIN + 1);
    assert.deepEqual(node.driver.bans(), []);
    await connect();
    await sendInvalidBlock();
    const [ban] = node.driver.bans();
    assert.equal((ban?.untilMs ?? 0) - (ban?.sinceMs ?? 0), 2 * BAN_MS_MIN);
  });

  it("can be lifted, once, and then the peer may connect", async () => {
    await connect();
    await sendInvalidBlock();
    assert.deepEqual([node.driver.liftBan("stranger"), node.driver.liftBan("stranger")], [true, false]);
    assert.equal((await connect()).peerId, "stranger");
    assert.equal(node.bans.size, 0);
  });

  it("comes with the fourth malformed message, however often the peer reconnects in between", async () => {
    for (let i = 1; i <= 4; i++) {
      await connect();
      stranger.link?.send(new Uint8Array(100));
      await hungUp();
      assert.equal(goodbye()?.code, i < 4 ? "BAD_MESSAGE" : "PEER_BANNED");
      if (i < 4) assert.deepEqual(node.driver.bans(), []);
    }
    assert.equal(node.driver.bans()[0]?.reason, "BAD_MESSAGE");
  });

  it("reaches a peer that hung up before its block was found to be invalid", async () => {
    await connect();
    const block = makeBlock(node.engine.head(), "x", { invalid: true });
    stranger.link?.send(encodeMessage({ type: "NewBlock", kind: "block", block: encodeBlock(block) }));
    void stranger.link?.close();
    await world.clock.until(() => node.driver.bans().length === 1, 5_000);
  });

  it("is not for nodes of another chain, whatever they send", async () => {
    const other = await startStranger(world, "other", () => versionFor(world, node, { chainId: 5 }));
    for (let i = 0; i < 6; i++) {
      const dial = world.clock.run(node.driver.connect("other:5000", 0));
      await assert.rejects(dial, (error) => isCodedError(error, "WRONG_CHAIN"));
      other.link?.send(new Uint8Array(10));
    }
    assert.deepEqual(node.driver.bans(), []);
  });
});

describe("the standings", () => {
  it("are bounded: beyond the limit the oldest bans go", () => {
    let nowMs = 1_000;
    const clock = { now: () => nowMs, setTimer: () => () => {} };
    let saved = 0;
    const book = {
      load: () => [],
      save(bans: ReadonlyMap<string, unknown>) {
        saved = bans.size;
      },
    };
    const standings = createStandings({
      ...{ book, clock, logger: createTestLogger([]) },
      metrics: createDriverMetrics(NO_METRICS),
    });
    for (let i = 0; i <= BANS_MAX; i++) {
      nowMs++;
      standings.note(`peer-${i}`, "INVALID_BLOCK");
    }
    assert.deepEqual([standings.bans().length, saved], [BANS_MAX, BANS_MAX]);
    assert.equal(standings.banOf("peer-0"), undefined);
    assert.notEqual(standings.banOf(`peer-${BANS_MAX}`), undefined);
  });
});
