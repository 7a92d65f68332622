/**
 * Nodes that take a state over from a peer that is honest but for one thing: it says of no contract where it comes from.
 * Nothing proves that it could, so it is not blamed; what is held is there all the same, the node says how much has no
 * name, remembers it over a restart, and the next peer makes up for it.
 */

import assert from "node:assert/strict";
import type { Hex } from "@counterpart/core/base/bytes";
import { Cleanup } from "../../packages/node/src/net/testing/real-network.ts";
import type { NodeProcess, NodeProcesses } from "../faults/node-process.ts";
import { eventually } from "../network/nodes.ts";
import { createHostilePeer, PATIENCE_MS } from "./hostile-peer.ts";
import { assertVerdict, startMeter } from "./judge.ts";
import { TOLERATED } from "./moves.ts";
import type { TakenChain } from "./taken-chain.ts";
import {
  assertCheap,
  assertEqual,
  assertWhole,
  CHOSEN,
  cpuMs,
  flagsOf,
  hear,
  type TakeoverCost,
  type Taker,
} from "./takeover.ts";
import { changing, honestReply, toAnswer } from "./takeover-lies.ts";

export const UNNAMED = "the only peer says of no contract where it comes from";

const GAUGE = /^counterpart_unnamed_contracts (\d+)$/m;

/** Honest, and silent about one thing. */
const namingNothing = ({ engine }: TakenChain) =>
  toAnswer(
    changing(honestReply(engine), (message) =>
      message.type === "Contracts" && message.kind === "index"
        ? { ...message, entries: message.entries.map(() => undefined) }
        : message,
    ),
  );

async function assertUnnamed(victim: NodeProcess, count: number): Promise<void> {
  const { body } = await victim.get("network/sync");
  assert.equal(body.unnamed_contracts, count, JSON.stringify(body));
  const metrics = await (await fetch(`${victim.url}/metrics`)).text();
  assert.equal(GAUGE.exec(metrics)?.[1], `${count}`);
}

const ownerOf = async (node: NodeProcess, address: Hex): Promise<unknown> => {
  const { status, body } = await node.get(`contracts/${address}`);
  assert.equal(status, 200, `${address}: ${JSON.stringify(body)}`);
  return body.owner;
};

/** Addresses of the contracts in its lists. */
async function listed(node: NodeProcess): Promise<readonly Hex[]> {
  const addresses: Hex[] = [];
  for (let cursor = ""; ; ) {
    const { status, body } = await node.get(`contracts?limit=100${cursor}`);
    assert.equal(status, 200, JSON.stringify(body));
    addresses.push(...(body.contracts as readonly { readonly address: Hex }[]).map(({ address }) => address));
    const next = body.cursor;
    if (typeof next !== "string") return addresses;
    cursor = `&cursor=${encodeURIComponent(next)}`;
  }
}

/** The node has the state, and of its contracts what can be known without their names. */
async function assertHeld(victim: NodeProcess, chain: TakenChain, taker: Taker): Promise<void> {
  const { hash, number } = chain.engine.head();
  await eventually(
    async () => assert.deepEqual((await victim.get("network")).body.head, { hash, number }),
    PATIENCE_MS,
  );
  const held = taker === "chosen" ? CHOSEN : chain.contracts.length;
  await eventually(() => assertUnnamed(victim, held), PATIENCE_MS);
  assert.equal((await listed(victim)).length, taker === "chosen" ? CHOSEN : 0);
  for (const address of chain.contracts.slice(0, CHOSEN)) assert.equal(await ownerOf(victim, address), null);
  // Who has asked for them has named their addresses, and nobody their creators.
  await eventually(async () => assert.equal((await listed(victim)).length, CHOSEN), PATIENCE_MS);
  await assertUnnamed(victim, held);
}

export async function nameLater(
  processes: NodeProcesses,
  chain: TakenChain,
  honest: NodeProcess,
  taker: Taker,
): Promise<TakeoverCost> {
  const cleanup = new Cleanup();
  const name = `unnamed-${taker}-${Date.now()}`;
  let victim = await processes.start(name, flagsOf(chain, taker));
  try {
    const peer = await createHostilePeer(cleanup, victim.p2p);
    const [spent, cpuBefore] = [startMeter(victim), cpuMs(victim)];
    await hear(peer, { answer: namingNothing(chain) }, chain);
    await assertHeld(victim, chain, taker);
    await assertVerdict(victim, peer, TOLERATED);
    const cost = { ...spent(), cpuMs: cpuMs(victim) - cpuBefore, requests: peer.asked.length };
    await victim.stop();
    victim = await processes.start(name, flagsOf(chain, taker));
    await assertUnnamed(victim, taker === "chosen" ? CHOSEN : chain.contracts.length);
    const startedMs = Date.now();
    assert.equal((await victim.post("network/connect", { address: honest.p2p, wait_ms: 0 })).status < 300, true);
    await eventually(() => assertUnnamed(victim, 0), 2 * PATIENCE_MS);
    await assertEqual(victim, honest, chain, taker);
    for (const address of chain.contracts.slice(0, CHOSEN)) {
      assert.equal(await ownerOf(victim, address), await ownerOf(honest, address));
    }
    if (taker !== "chosen") assert.deepEqual(await listed(victim), await listed(honest));
    const all = { ...cost, equalMs: Date.now() - startedMs };
    assertCheap(all);
    await assertWhole(victim, chain);
    return all;
  } finally {
    await cleanup.run();
    await victim.kill();
  }
}
