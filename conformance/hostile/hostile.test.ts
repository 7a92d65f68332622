/** Peers that speak the protocol, and do what no honest peer does, against a real node with an honest one beside it. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { verifyWhole } from "../faults/verify.ts";
import { allAgree, eventually } from "../network/nodes.ts";
import { ATTACKS, type Attack } from "./attacks.ts";
import { servesChain, tipOf } from "./forgeries.ts";
import type { HostilePeer } from "./hostile-peer.ts";
import { createScene, faultsOf, isBanned, type Scene, withstand } from "./scene.ts";

describe("a node under attack goes on, and", () => {
  let scene: Scene;
  before(async () => {
    scene = await createScene();
  });
  after(() => scene?.[Symbol.asyncDispose]());

  const assertVerdict = async (peer: HostilePeer, { faults, end, banned }: Attack["verdict"]): Promise<void> => {
    await eventually(async () => assert.deepEqual([...new Set(faultsOf(scene.victim, peer))], faults));
    assert.equal(peer.isOpen, end === undefined);
    assert.equal(peer.goodbye, end === "cut" ? undefined : end);
    assert.equal(await isBanned(scene, peer), banned);
  };

  for (const attack of ATTACKS) {
    test(`stands it when ${attack.name}`, async () => {
      const { attackers } = await withstand(scene, attack);
      for (const peer of attackers) await assertVerdict(peer, attack.verdict);
    });
  }

  test("takes a longer branch all the same that is right to the end", async () => {
    const { victim, honest, branch } = scene;
    const peer = await scene.newPeer();
    await peer.meet();
    peer.answer = servesChain(branch);
    peer.claim = { head: tipOf(branch), sequence: 2 ** 40 };
    peer.say(peer.status());
    const { hash, number } = tipOf(branch);
    await eventually(async () => assert.equal((await victim.get(`blocks/${number}`)).body.hash, hash));
    await allAgree([honest, victim]);
    assert.deepEqual(faultsOf(victim, peer), []);
  });

  test("leaves a whole database", async () => {
    await scene.victim.stop();
    await verifyWhole(scene.victim.dataDir);
  });
});
