/**
 * Nodes that take a state over from a liar, and then from an honest peer as well: what becomes of the liar, that nothing
 * it said is ever read, and that the node ends with what the honest one has.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Hex } from "@counterpart/core/base/bytes";
import type { Status } from "@counterpart/core/sync/message-types";
import { Cleanup } from "../../packages/node/src/net/testing/real-network.ts";
import type { Flags, NodeProcess, NodeProcesses } from "../faults/node-process.ts";
import { eventually, type TestNode } from "../network/nodes.ts";
import { counterpart } from "../processes/process-node.ts";
import { type Answer, createHostilePeer, type HostilePeer, PATIENCE_MS } from "./hostile-peer.ts";
import { assertVerdict, type Cost, startMeter, type Verdict } from "./judge.ts";
import type { TakenChain } from "./taken-chain.ts";

/** How a node takes state over: once, or as a replica of everything, or of some contracts. */
export const TAKERS = ["joining", "replica", "chosen"] as const;
export type Taker = (typeof TAKERS)[number];

export interface TakeoverAttack {
  readonly name: string;
  /** Whom it works on. */
  readonly takers: readonly Taker[];
  readonly verdict: Verdict;
  readonly lie: (chain: TakenChain) => Promise<TakeoverLie>;
  /** One of its kind that `npm test` does not leave out. */
  readonly isUsual?: boolean;
  /** How many requests it answers before it is judged, where it is not sent away. */
  readonly asks?: number;
}

export interface TakeoverLie {
  readonly answer: Answer;
  /** By default that of the chain. */
  readonly head?: Status["head"];
  /** By default those that the node has. */
  readonly artifacts?: Status["artifacts"];
  /** What the honest node has to do before its chain is the better one again. */
  readonly outgrow?: (honest: NodeProcess) => Promise<void>;
}

export interface TakeoverCost extends Omit<Cost, "contractMs"> {
  /** Processor time that the node took while it heard the liar alone. */
  readonly cpuMs: number;
  readonly requests: number;
  /** Until the node had what the honest one has. */
  readonly equalMs: number;
}

const MIB = 2 ** 20;
/** What a node may spend on hearing a liar and taking over a state of 1 MiB. The processor is nearly idle meanwhile. */
const COST_MAX = { grownBytes: 8 * MIB, writtenBytes: 64 * MIB, peakBytes: 192 * MIB, cpuMs: 8_000, requests: 200 };

/** Contracts that a replica of some holds. */
export const CHOSEN = 3;
const TICK_MS = 10;

export function flagsOf({ genesisPath, contracts }: TakenChain, taker: Taker): Flags {
  const genesis = { genesis: genesisPath };
  if (taker === "joining") return { ...genesis, sync: "snap" };
  return { ...genesis, role: "replica", contracts: taker === "replica" ? "all" : contracts.slice(0, CHOSEN) };
}

/** Processor time that it has taken so far. */
export function cpuMs({ pid }: NodeProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Lets the peer meet the node and say what it has. */
export async function hear(
  peer: HostilePeer,
  { answer, head, artifacts }: Omit<TakeoverLie, "outgrow">,
  { engine }: TakenChain,
): Promise<void> {
  const { hash, number } = engine.head();
  peer.answer = answer;
  peer.claim = { head: head ?? { hash, number }, sequence: 2 ** 40, ...(artifacts && { artifacts }) };
  await peer.meet();
  if (peer.isOpen) peer.say(peer.status());
}

const headOf = async (node: TestNode): Promise<unknown> => (await node.get("network")).body.head;
export const integrityOf = async (node: TestNode, address: Hex): Promise<unknown> => {
  const { status, body } = await node.get(`contracts/${address}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body.integrity_hash;
};

/** The node has nothing but its genesis, and says so; there is nothing of it to be read that anybody told it. */
async function assertNothingTaken(victim: NodeProcess, { contracts, engine }: TakenChain): Promise<void> {
  assert.deepEqual(await headOf(victim), { hash: engine.genesisHash, number: 0 });
  for (const address of contracts.slice(0, CHOSEN)) {
    const { status } = await victim.get(`contracts/${address}`);
    assert.ok(status === 404 || status === 503, `${address}: ${status}`);
  }
  const { status, body } = await victim.get("network/sync");
  assert.equal(status, 200);
  assert.notEqual(body.state, "synced", JSON.stringify(body));
}

export async function assertEqual(
  victim: NodeProcess,
  honest: NodeProcess,
  chain: TakenChain,
  taker: Taker,
): Promise<void> {
  await eventually(async () => assert.deepEqual(await headOf(victim), await headOf(honest)), 2 * PATIENCE_MS);
  const shown =
    taker === "chosen" ? chain.contracts.slice(0, CHOSEN) : chain.contracts.filter((_, at) => at % 16 === 0);
  for (const address of shown) assert.equal(await integrityOf(victim, address), await integrityOf(honest, address));
  if (taker === "chosen") return;
  const count = async (node: TestNode): Promise<unknown> => (await node.get("contracts?limit=1")).body.total;
  assert.equal(await count(victim), await count(honest));
}

export function assertCheap(cost: TakeoverCost): void {
  for (const [name, most] of Object.entries(COST_MAX)) {
    const spentOn = cost[name as keyof typeof COST_MAX];
    assert.ok(spentOn <= most, `${name}: ${spentOn}, at most ${most}`);
  }
}

/** Ends the node: what it leaves is whole. */
export async function assertWhole(victim: NodeProcess, { genesisPath }: TakenChain): Promise<void> {
  await victim.stop();
  const { code, text } = await counterpart("db", "verify", "--data-dir", victim.dataDir, "--genesis", genesisPath);
  assert.equal(code, 0, text);
}

/** It is in a block when this is over. */
export async function makeContract(node: TestNode): Promise<void> {
  await node.post("contracts", { contract_type: "token", name: "T", symbol: "T" });
}

/** Seals until the node has so many blocks. */
export async function grow(node: NodeProcess, height: number): Promise<void> {
  const heightOf = async (): Promise<number> => (await node.get("blocks/latest")).body.number as number;
  while ((await heightOf()) < height) await makeContract(node);
}

export async function takeOver(
  processes: NodeProcesses,
  chain: TakenChain,
  honest: NodeProcess,
  { lie, verdict, asks }: TakeoverAttack,
  taker: Taker,
): Promise<TakeoverCost> {
  const cleanup = new Cleanup();
  const victim = await processes.start(`${taker}-${Date.now()}`, flagsOf(chain, taker));
  try {
    const peer = await createHostilePeer(cleanup, victim.p2p);
    const told = await lie(chain);
    const [spent, cpuBefore] = [startMeter(victim), cpuMs(victim)];
    await hear(peer, told, chain);
    if (asks === undefined) await peer.gone();
    else await peer.until(() => peer.asked.length >= asks, `${asks} requests`);
    await assertVerdict(victim, peer, verdict);
    await assertNothingTaken(victim, chain);
    const [cpu, requests, startedMs] = [cpuMs(victim) - cpuBefore, peer.asked.length, Date.now()];
    assert.equal((await victim.post("network/connect", { address: honest.p2p, wait_ms: 0 })).status < 300, true);
    await told.outgrow?.(honest);
    await assertEqual(victim, honest, chain, taker);
    const cost = { ...spent(), cpuMs: cpu, requests, equalMs: Date.now() - startedMs };
    assertCheap(cost);
    await assertWhole(victim, chain);
    return cost;
  } finally {
    await cleanup.run();
    await victim.kill();
  }
}
