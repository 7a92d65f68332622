/** Peers that speak the protocol, and do what no honest peer does, against a real node with an honest one beside it. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Cleanup } from "../../packages/node/src/net/testing/real-network.ts";
import { verifyWhole } from "../faults/verify.ts";
import { allAgree, eventually } from "../network/nodes.ts";
import { ATTACKS } from "./attacks.ts";
import { servesChain, tipOf } from "./forgeries.ts";
import { createHostilePeer, PATIENCE_MS } from "./hostile-peer.ts";
import { assertCost, type Cost, NO_ATTACK, withstand } from "./judge.ts";
import { lineOf } from "./report.ts";
import { createScene, type Scene } from "./scene.ts";

describe("a node under attack goes on, and", () => {
  let scene: Scene;
  let idle: Cost;
  before(async () => {
    scene = await createScene();
    idle = await withstand(scene, NO_ATTACK);
  });
  after(() => scene?.[Symbol.asyncDispose]());

  for (const attack of ATTACKS.filter(({ isLong }) => isLong !== true)) {
    test(`stands it when ${attack.name}`, async (context) => {
      const cost = await withstand(scene, attack);
      context.diagnostic(lineOf(cost));
      assertCost(attack, cost, idle);
    });
  }

  test("takes a longer branch all the same that is right to the end", async () => {
    const { victim, honest } = scene;
    const branch = await scene.branch(4);
    const cleanup = new Cleanup();
    const peer = await createHostilePeer(cleanup, victim.p2p);
    await peer.meet();
    peer.answer = servesChain(branch);
    const { hash, number } = tipOf(branch);
    peer.claim = { head: { hash, number }, sequence: 2 ** 40 };
    peer.say(peer.status());
    await eventually(async () => assert.equal((await victim.get(`blocks/${number}`)).body.hash, hash), PATIENCE_MS);
    await allAgree([honest, victim], PATIENCE_MS);
    await cleanup.run();
  });

  test("keeps its bans over a restart, and a whole database", async () => {
    const { processes, victim } = scene;
    const bans = (await victim.get("network/bans")).body.bans as readonly unknown[];
    assert.ok(bans.length > 0, "no attack has led to a ban");
    await victim.stop();
    await verifyWhole(victim.dataDir);
    const again = await processes.start("victim");
    assert.deepEqual((await again.get("network/bans")).body.bans, bans);
  });
});
