import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import { encodeMessage } from "@counterpart/core/sync/messages";
import { createDriverMetrics } from "./driver-metrics.ts";
import { createPacking } from "./packing.ts";
import { createSession } from "./session.ts";
import { versionFor } from "./stranger.test-support.ts";
import { createWorld, sameAll, type TestNode, type World } from "./test-node.test-support.ts";
import { createTestLogger, createTestRandom } from "./virtual-clock.test-support.ts";

const damaged = (): never => {
  throw new CodedError("STORE_CORRUPT", "a row fails its checksum");
};

describe("a node whose own database is damaged", () => {
  let world: World;
  let node: TestNode;
  let peer: TestNode;

  beforeEach(async () => {
    world = createWorld();
    [node, peer] = [await world.start("node"), await world.start("peer")];
  });
  afterEach(() => world.end());

  const blamed = (): unknown[] => [
    ...node.driver.bans(),
    ...node.log.filter(({ message }) => message === "a peer is at fault"),
  ];

  it("goes on beside its peers and blames none of them, whoever looks first", async () => {
    await world.clock.run(node.driver.connect(peer.address, 10_000));
    const { isCanonical } = node.engine;
    node.engine.isCanonical = damaged;
    await world.clock.pass(60_000);
    peer.engine.make();
    await world.clock.pass(60_000);
    assert.deepEqual(blamed(), []);
    assert.ok(world.hub.isLinked("node", "peer"));
    node.engine.isCanonical = isCanonical;
    await world.clock.until(() => sameAll(node, peer), 60_000);
  });

  it("tells what it cannot do from what a peer does wrong", () => {
    const told: string[] = [];
    const unused = (): never => assert.fail("not used here");
    const tell = (what: string) => () => void told.push(what);
    const [onFault, onTrouble, onClosed] = [tell("fault"), tell("trouble"), tell("closed")];
    const session = createSession(
      { peerId: "b", address: "b:1", direction: "inbound", send: () => true, request: unused, close: async () => {} },
      {
        clock: world.clock,
        random: createTestRandom(1),
        logger: createTestLogger([]),
        hooks: {
          ...{ ownVersion: unused, admit: damaged, onAdmitted: unused, onReady: unused, onNews: unused },
          ...{
            mayAnnounce: unused,
            maySendStatus: unused,
            onDropped: unused,
            onAnnouncement: unused,
            onRequest: unused,
          },
          ...{ onFault, onTrouble, onClosed },
        },
        packing: createPacking(undefined, createDriverMetrics(NO_METRICS)),
      },
    );
    session.handlers.onFrame(encodeMessage(versionFor(world, node)));
    session.handlers.onFrame(Uint8Array.of(1, 2, 3));
    assert.deepEqual(told, ["trouble", "fault"]);
    session.handlers.onClose("test");
  });

  it("blames none of those that connect", async () => {
    let looks = 0;
    node.checkpoints.get = () => {
      looks++;
      return damaged();
    };
    for (let attempt = 0; attempt < 6; attempt++) {
      await world.clock.run(node.driver.connect(peer.address, 1_000), 30_000).catch(() => {});
      await world.clock.pass(1_500);
    }
    assert.deepEqual(blamed(), []);
    assert.ok(looks > 0);
  });
});
