/** What a node under attack is judged by: its verdict on the attackers, what it tells others, and what it has cost. */

import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import type { GoodbyeCode, Message } from "@counterpart/core/sync/message-types";
import { encodeMessage } from "@counterpart/core/sync/messages";
import type { Fault } from "@counterpart/core/sync/scores";
import { Cleanup } from "../../packages/node/src/net/testing/real-network.ts";
import type { NodeProcess } from "../faults/node-process.ts";
import { allAgree, deployToken, eventually } from "../network/nodes.ts";
import { createHostilePeer, type HostilePeer, PATIENCE_MS } from "./hostile-peer.ts";
import type { Scene } from "./scene.ts";

/** What becomes of every attacker. */
export interface Verdict {
  readonly faults: readonly Fault[];
  /** What the node says at the end; "cut" when it ends the connection without a word; undefined when it stays. */
  readonly end: GoodbyeCode | "cut" | undefined;
  readonly banned: boolean;
  /** In the node's reason for the fault. */
  readonly because?: RegExp;
}

/** What an attack left to be judged. */
export interface Evidence {
  readonly attackers: readonly HostilePeer[];
  /** Hashes and addresses that nobody must hear from the node under attack. */
  readonly forged: readonly Hex[];
}

/** A scene with room for attackers, who are gone when the attack is over. */
export interface Ground extends Pick<Scene, "victim" | "token" | "branch"> {
  newPeer(): Promise<HostilePeer>;
}

export interface Attack {
  readonly name: string;
  readonly verdict: Verdict;
  /** Counters that it makes the node raise, apart from those of faults and bans. */
  readonly counted?: readonly RegExp[];
  /** What it may make the node's memory grow by, where much of what it sends waits to be collected. */
  readonly peakMiB?: number;
  /** It takes half a minute, as the node's patience does. */
  readonly isLong?: boolean;
  readonly run: (ground: Ground) => Promise<Evidence>;
}

/** What a node spends while an attack goes on and the honest node makes a contract. */
export interface Cost {
  /** Growth of its data file. */
  readonly grownBytes: number;
  /** What the kernel has written to disk for it; nothing where the disk is memory. */
  readonly writtenBytes: number;
  /** Greatest resident memory, above what it was before. */
  readonly peakBytes: number;
  /** Until the honest node's contract was there. */
  readonly contractMs: number;
}

const MIB = 2 ** 20;
/** What an attack may make a node spend beyond what it spends without. The data file grows a MiB at a time. */
const COST_MAX: Omit<Cost, "contractMs"> = { grownBytes: 4 * MIB, writtenBytes: 8 * MIB, peakBytes: 64 * MIB };

/** Nothing at all: what the honest node's contract costs alone. */
export const NO_ATTACK: Attack = {
  name: "nobody attacks",
  verdict: { faults: [], end: undefined, banned: false },
  run: async () => ({ attackers: [], forged: [] }),
};

type Counters = ReadonlyMap<string, number>;

async function countersOf({ url }: NodeProcess): Promise<Counters> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.matchAll(/^(counterpart_\w+_total(?:\{.*\})?) (\d+)$/gm);
  return new Map([...lines].map(([, series, value]) => [series as string, Number(value)]));
}

/** Sum of the series that match. */
const sumOf = (counters: Counters, series: RegExp): number =>
  [...counters].reduce((sum, [name, value]) => (series.test(name) ? sum + value : sum), 0);

/** What the node has counted by now. */
export async function counted(node: NodeProcess, series: RegExp): Promise<number> {
  return sumOf(await countersOf(node), series);
}

function writtenBytes({ pid }: NodeProcess): number {
  const [, bytes] = /^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8")) ?? [];
  return Number(bytes ?? assert.fail("the kernel does not say what was written"));
}

/** Lets the kernel count the peak from now on; the returned function says what was spent since. */
export function startMeter(node: NodeProcess): () => Omit<Cost, "contractMs"> {
  const fileBytes = (): number => statSync(join(node.dataDir, "chain.mdb")).size;
  writeFileSync(`/proc/${node.pid}/clear_refs`, "5");
  const [file, written, memory] = [fileBytes(), writtenBytes(node), node.memory().now];
  return () => ({
    grownBytes: fileBytes() - file,
    writtenBytes: writtenBytes(node) - written,
    peakBytes: node.memory().peak - memory,
  });
}

/** Faults that the node noted against a peer. */
function faultsOf({ complaints }: NodeProcess, { peerId }: HostilePeer) {
  return complaints.filter(({ msg, peer }) => msg === "a peer is at fault" && peer === peerId);
}

async function isBanned(victim: NodeProcess, { peerId }: HostilePeer): Promise<boolean> {
  const { body } = await victim.get("network/bans");
  return (body.bans as readonly { readonly peer_id: string }[]).some((ban) => ban.peer_id === peerId);
}

export async function assertVerdict(victim: NodeProcess, peer: HostilePeer, verdict: Verdict): Promise<void> {
  const { faults, end, banned, because } = verdict;
  await eventually(async () => {
    const noted = new Set(faultsOf(victim, peer).map(({ fault }) => fault));
    // A peer on a busy machine may be late with an answer as well.
    if (!faults.includes("TIMEOUT")) noted.delete("TIMEOUT");
    assert.deepEqual([...noted], faults);
  }, PATIENCE_MS);
  if (because !== undefined) assert.match(JSON.stringify(faultsOf(victim, peer)), because);
  assert.equal(peer.isOpen, end === undefined);
  assert.equal(peer.goodbye, end === "cut" ? undefined : end);
  assert.equal(await isBanned(victim, peer), banned);
}

/** What `GET /metrics` says must be what the verdict on each attacker says. */
async function assertCounted(victim: NodeProcess, before: Counters, attack: Attack, attackers: number): Promise<void> {
  const { faults, banned } = attack.verdict;
  const after = await countersOf(victim);
  const raised = (series: RegExp): number => sumOf(after, series) - sumOf(before, series);
  assert.equal(raised(/^counterpart_peer_bans_total/), banned ? attackers : 0);
  for (const fault of faults) {
    assert.ok(raised(new RegExp(`^counterpart_peer_faults_total\\{fault="${fault}"\\}$`)) >= attackers, fault);
  }
  for (const series of attack.counted ?? []) assert.ok(raised(series) > 0, `${series} did not rise`);
}

/** Asks the node for all that was forged, in each way that there is. */
async function everythingOf(witness: HostilePeer, token: Hex, forged: readonly Hex[]): Promise<readonly Message[]> {
  const hashes = forged.filter((hex) => hex.length === 66);
  const addresses = [token, ...forged.filter((hex) => hex.length === 42)];
  const wanted = hashes.flatMap((hash) => addresses.map((address) => ({ hash, address })));
  const since = { kind: "since", instanceId: "none", sequence: 0, inlineBytesMax: 2 ** 18 } as const;
  const replies = [
    await witness.ask({ type: "GetContracts", ...since }),
    await witness.ask({ type: "GetContracts", kind: "addresses", addresses: [token] }),
    ...(hashes.length === 0 ? [] : [await witness.ask({ type: "GetBlocks", hashes })]),
    ...(wanted.length === 0 ? [] : [await witness.ask({ type: "GetBlobs", wanted })]),
  ];
  return replies.filter((reply) => reply !== undefined);
}

async function assertNothingForged(scene: Scene, witness: HostilePeer, forged: readonly Hex[]): Promise<void> {
  const replies = (await everythingOf(witness, scene.token, forged)).map((message) => encodeMessage(message));
  const heard = [...witness.frames, ...replies].map(bytesToHex);
  for (const hex of forged) {
    assert.ok(!heard.some((frame) => frame.includes(hex.slice(2))), `the node told others of ${hex}`);
    const path = hex.length === 42 ? `contracts/${hex}` : `blocks/${hex}`;
    assert.equal((await scene.victim.get(path)).status, 404, path);
  }
}

/** Runs the attack. While it goes on, the honest node makes a contract that the node under attack must get. */
async function underAttack({ victim, honest }: Scene, ground: Ground, attack: Attack) {
  const startedMs = Date.now();
  const arrives = async (): Promise<number> => {
    const address = await deployToken(honest);
    await eventually(async () => assert.equal((await victim.get(`contracts/${address}`)).status, 200), PATIENCE_MS);
    return Date.now() - startedMs;
  };
  // Whatever comes first: the other must not fail unheard.
  const [evidence, contractMs] = await Promise.all([attack.run(ground), arrives()]);
  return { evidence, contractMs };
}

/** The node has seen earlier attackers go, so that the honest peer is the only one. */
async function areAlone({ victim }: Scene): Promise<void> {
  await eventually(
    async () => assert.equal(((await victim.get("network/peers")).body.peers as unknown[]).length, 1),
    PATIENCE_MS,
  );
}

/**
 * Lets the node stand an attack: the honest node's contract comes through, both hold the same afterwards, nobody is told
 * of what was forged, each attacker gets what the verdict says, and the bystander keeps its link.
 */
export async function withstand(scene: Scene, attack: Attack): Promise<Cost> {
  const { victim, token, branch } = scene;
  const cleanup = new Cleanup();
  const newPeer = (): Promise<HostilePeer> => createHostilePeer(cleanup, victim.p2p);
  try {
    await areAlone(scene);
    const witness = await newPeer();
    await witness.meet();
    const before = await countersOf(victim);
    const spent = startMeter(victim);
    const { evidence, contractMs } = await underAttack(scene, { victim, token, branch, newPeer }, attack);
    for (const peer of evidence.attackers) await assertVerdict(victim, peer, attack.verdict);
    await allAgree([scene.honest, victim], PATIENCE_MS);
    await assertNothingForged(scene, witness, evidence.forged);
    await assertCounted(victim, before, attack, evidence.attackers.length);
    assert.ok(witness.isOpen, "a bystander was sent away");
    return { ...spent(), contractMs };
  } finally {
    await cleanup.run();
  }
}

/** @param idle what the node spends when nobody attacks */
export function assertCost({ peakMiB }: Attack, cost: Cost, idle: Cost): void {
  const most = peakMiB === undefined ? COST_MAX : { ...COST_MAX, peakBytes: peakMiB * MIB };
  for (const name of ["grownBytes", "writtenBytes", "peakBytes"] as const) {
    assert.ok(cost[name] <= idle[name] + most[name], `${name}: ${cost[name]}, without the attack ${idle[name]}`);
  }
}
