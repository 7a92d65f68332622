/**
 * Nodes that have taken a state over and then hear a liar alone about what comes next: what becomes of the liar, that
 * what they hold stays as it is and can be read meanwhile, and that they go on with an honest peer.
 */

import assert from "node:assert/strict";
import { concatBytes, type Hex } from "@counterpart/core/base/bytes";
import { creationOf, sealAll, transactionOf } from "../../packages/node/src/engine/engine.test-support.ts";
import type { Engine } from "../../packages/node/src/engine/types.ts";
import { Cleanup } from "../../packages/node/src/net/testing/real-network.ts";
import type { NodeProcess, NodeProcesses } from "../faults/node-process.ts";
import { createHostilePeer, type HostilePeer } from "./hostile-peer.ts";
import { assertVerdict, startMeter } from "./judge.ts";
import type { TakenChain } from "./taken-chain.ts";
import {
  assertCheap,
  assertEqual,
  assertWhole,
  cpuMs,
  flagsOf,
  grow,
  hear,
  integrityOf,
  type TakeoverAttack,
  type TakeoverCost,
  type TakeoverLie,
  type Taker,
} from "./takeover.ts";

export interface FollowingAttack extends Omit<TakeoverAttack, "lie"> {
  readonly lie: (ground: FollowingGround) => Promise<FollowingLie>;
}

export interface FollowingGround {
  /** Up to the head that the node has. */
  readonly chain: TakenChain;
  readonly peer: HostilePeer;
}

export interface FollowingLie extends Omit<TakeoverLie, "outgrow"> {
  /** Done once it was asked as often as it has to be. */
  readonly afterwards?: () => Promise<void>;
}

/** Initcode of a contract with code of its own. */
const NEW_CODE_TAG = 0x99;
const HELD = 3;

const word = (value: number): Uint8Array => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(28, value);
  return bytes;
};

/** A listed signer's next block: slots of held contracts change, and there is a contract more. */
export async function nextBlock(chain: TakenChain, initcode: (tag: number) => Uint8Array): Promise<Engine> {
  const next = await chain.fork();
  const write = (to: Hex, nonce: number) =>
    transactionOf(2, nonce, { to, value: 0n, data: concatBytes(word(40 + nonce), word(7)) });
  const writes = chain.contracts.slice(0, HELD).map(write);
  await sealAll(next, [...writes, creationOf(3, 0, initcode(NEW_CODE_TAG))]);
  assert.equal(next.head().number, chain.engine.head().number + 1);
  return next;
}

async function headOf(node: NodeProcess): Promise<unknown> {
  return (await node.get("network")).body.head;
}

/** What it held is there, and nothing else. */
async function assertUnmoved(victim: NodeProcess, honest: NodeProcess, { contracts, engine }: TakenChain) {
  const { hash, number } = engine.head();
  assert.deepEqual(await headOf(victim), { hash, number });
  for (const address of contracts.slice(0, HELD)) {
    assert.equal(await integrityOf(victim, address), await integrityOf(honest, address));
  }
}

const sendTo = async (node: NodeProcess, path: string, body: object): Promise<void> => {
  const { status } = await node.post(path, body);
  assert.ok(status < 300, `${path}: ${status}`);
};

/** Both hold the same, and the node hears nobody any more. */
async function takenAlready(processes: NodeProcesses, chain: TakenChain, taker: Taker) {
  const name = `${Date.now()}`;
  chain.copyTo(processes, `honest-${name}`);
  const honest = await processes.start(`honest-${name}`, { genesis: chain.genesisPath });
  const victim = await processes.start(`follows-${name}`, { ...flagsOf(chain, taker), peer: honest.p2p });
  await assertEqual(victim, honest, chain, taker);
  await sendTo(victim, "network/disconnect", {});
  return { honest, victim };
}

export async function follow(
  processes: NodeProcesses,
  chain: TakenChain,
  { lie, verdict, asks }: FollowingAttack,
  taker: Taker,
): Promise<TakeoverCost> {
  const cleanup = new Cleanup();
  const { honest, victim } = await takenAlready(processes, chain, taker);
  try {
    const peer = await createHostilePeer(cleanup, victim.p2p);
    const [spent, cpuBefore] = [startMeter(victim), cpuMs(victim)];
    const told = await lie({ chain, peer });
    await hear(peer, told, chain);
    if (asks === undefined) await peer.gone();
    else await peer.until(() => peer.asked.length >= asks, `${asks} requests`);
    await told.afterwards?.();
    await assertVerdict(victim, peer, verdict);
    await assertUnmoved(victim, honest, chain);
    const [cpu, requests, startedMs] = [cpuMs(victim) - cpuBefore, peer.asked.length, Date.now()];
    await sendTo(victim, "network/connect", { address: honest.p2p, wait_ms: 0 });
    await grow(honest, chain.engine.head().number + 2);
    await assertEqual(victim, honest, chain, taker);
    const cost = { ...spent(), cpuMs: cpu, requests, equalMs: Date.now() - startedMs };
    assertCheap(cost);
    await assertWhole(victim, chain);
    return cost;
  } finally {
    await cleanup.run();
    await Promise.all([victim.kill(), honest.kill()]);
  }
}
