import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { frameType } from "@counterpart/core/sync/messages";
import { addressOf, word } from "./fake-chain.test-support.ts";
import { makeRecord } from "./fake-contracts.test-support.ts";
import { REQUEST_REPEAT_MS, REQUEST_TIMEOUT_MS, STATUS_INTERVAL_MS } from "./limits.ts";
import { type Stranger, silence, startStranger, statusOf, versionFor } from "./stranger.test-support.ts";
import { createWorld, sameAll, type TestNode, type World } from "./test-node.test-support.ts";

const TOKEN = addressOf("token");
const OTHER = addressOf("other contract");

/** What is lost is repaired within this time of the link working again. */
const REPAIR_MS = 5_000;

describe("a request", () => {
  let world: World;
  let node: TestNode;

  beforeEach(async () => {
    world = createWorld();
    node = await world.start("node");
  });
  afterEach(() => world.end());

  const faults = (): unknown[] =>
    node.log.filter(({ message }) => message === "a peer is at fault").map(({ fields }) => fields.fault);

  describe("to a peer that holds artifacts which the node lacks", () => {
    let peer: TestNode;

    beforeEach(async () => {
      peer = await world.start("peer");
      peer.engine.make({ created: [TOKEN, OTHER] });
      await world.clock.run(node.driver.connect(peer.address, 30_000));
    });

    /** Makes an artifact that no announcement brings. */
    const publish = (): void => {
      world.hub.faults.loses = (_, __, frame) => frameType(frame) !== "Status";
      peer.contracts.publishRecord(makeRecord(TOKEN, 1, "Token"));
    };
    const asked = (): number => world.sent(node, peer, "GetContracts").length;

    it("is sent again when it was lost, in time for what was lost with it, and blames nobody", async () => {
      publish();
      world.hub.faults.answers = () => silence();
      await world.clock.until(() => asked() === 1);
      await world.clock.pass(2);
      world.hub.faults.answers = () => undefined;
      await world.clock.until(() => sameAll(node, peer), REPAIR_MS);
      assert.deepEqual([asked(), faults()], [2, []]);
    });

    it("that fails is made anew as soon as it is due, in time as well", async () => {
      publish();
      const startMs = world.clock.now();
      let healedMs = Number.POSITIVE_INFINITY;
      world.hub.faults.answers = () => (world.clock.now() < healedMs ? silence() : undefined);
      // The second sending of the first request is the last thing that is lost.
      await world.clock.until(() => asked() === 2);
      await world.clock.pass(2);
      healedMs = world.clock.now();
      assert.ok(healedMs - startMs < REQUEST_TIMEOUT_MS);
      await world.clock.until(() => sameAll(node, peer), REPAIR_MS);
      assert.deepEqual([asked(), faults()], [3, ["TIMEOUT"]]);
    });

    it("is sent once when its answer has begun, however long that takes to arrive", async () => {
      publish();
      world.hub.faults.answeringMs = REQUEST_TIMEOUT_MS - 500;
      await world.clock.until(() => sameAll(node, peer), 2 * REQUEST_TIMEOUT_MS);
      assert.deepEqual([asked(), faults()], [1, []]);
    });

    it("that the peer answers after it was sent again is answered, by whichever answer comes first", async () => {
      publish();
      const answers: (() => void)[] = [];
      world.hub.faults.answers = (from, to, frame) => {
        if (frameType(frame) !== "GetContracts" || answers.length >= 2) return undefined;
        return new Promise((resolve) => {
          const again = () => void world.hub.ask(from, to, frame).then(resolve);
          answers.push(again);
        });
      };
      await world.clock.until(() => answers.length === 2);
      answers[0]?.();
      await world.clock.until(() => sameAll(node, peer), 100);
      assert.deepEqual(faults(), []);
      // The other one comes to nobody.
      answers[1]?.();
      await world.clock.pass(REQUEST_TIMEOUT_MS);
      assert.deepEqual([faults(), node.driver.peers()[0]?.state], [[], "synced"]);
    });
  });

  describe("to a peer that never answers", () => {
    const meet = async (): Promise<Stranger> => {
      const greeting = () => versionFor(world, node, { status: claim() });
      const stranger = await startStranger(world, "stranger", greeting);
      await world.clock.run(node.driver.connect("stranger:5000", 0));
      await world.clock.until(() => asked(stranger) === 1);
      return stranger;
    };
    const claim = () => ({ ...statusOf(world, node), head: { hash: word("fake"), number: 2 ** 40 } });
    const asked = ({ network }: Stranger): number =>
      world.hub.traffic.filter(({ to, kind }) => to === network.peerId && kind === "request").length;

    it("is not sent again while nothing is heard of the peer", async () => {
      const stranger = await meet();
      await world.clock.until(() => faults().length > 0, REQUEST_TIMEOUT_MS);
      assert.equal(asked(stranger), 1);
    });

    it("is sent once more, when the peer speaks long enough afterwards, and costs it one time-out", async () => {
      const stranger = await meet();
      const sentMs = world.clock.now();
      for (const delayMs of [REQUEST_REPEAT_MS - 100, REQUEST_REPEAT_MS + 100, 2 * STATUS_INTERVAL_MS]) {
        await world.clock.pass(sentMs + delayMs - world.clock.now());
        stranger.say({ type: "Status", ...claim() });
        await world.clock.pass(10);
        assert.equal(asked(stranger), delayMs < REQUEST_REPEAT_MS ? 1 : 2, `after ${delayMs} ms`);
      }
      await world.clock.until(() => faults().length > 0, REQUEST_TIMEOUT_MS);
      assert.ok(world.clock.now() - sentMs <= REQUEST_TIMEOUT_MS);
      assert.deepEqual([asked(stranger), faults()], [2, ["TIMEOUT"]]);
    });
  });
});
