/**
 * One round of the crash campaign: a node is killed at moments that the seed chose, while it does what the round is for.
 * Each time its files must be whole, it must start, and everything acknowledged must be there. In the end it meets its
 * peer, and both have the same.
 */

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { allAgree, type TestNode } from "../network/nodes.ts";
import { createRandom, type RandomBelow } from "../network/random.ts";
import { type Base, copyHistory } from "./crash-base.ts";
import { Ledger } from "./ledger.ts";
import { assertNoComplaints, type NodeProcess, NodeProcesses } from "./node-process.ts";
import { type Verdict, verifyWhole } from "./verify.ts";
import { createTransfers, createWorkload, Load, type Operation, type Transfers } from "./workload.ts";

export const ACTIVITIES = ["sealing", "artifacts", "importing", "merging"] as const;
export type Activity = (typeof ACTIVITIES)[number];

interface Plan {
  readonly operations: readonly Operation[];
  readonly parallel: number;
  /** Starts from the shorter history, or from nothing. */
  readonly from: "all" | "keys";
  /** The peer is there from the start. */
  readonly connected: boolean;
  /** The kill comes at latest so long after the activity has begun. */
  readonly withinMs: number;
}

const PLANS: Readonly<Record<Activity, Plan>> = {
  sealing: {
    operations: ["mint", "transfer", "mint", "deploy"],
    parallel: 8,
    from: "all",
    connected: false,
    withinMs: 1_500,
  },
  artifacts: { operations: ["publish", "deploy"], parallel: 6, from: "all", connected: false, withinMs: 1_500 },
  importing: { operations: ["transfer"], parallel: 1, from: "keys", connected: true, withinMs: 2_500 },
  merging: { operations: ["transfer"], parallel: 1, from: "all", connected: true, withinMs: 2_500 },
};

/** An account that only the node to be killed sends from. */
const OWN_ACCOUNT = 3;
/** Operations after the last restart. */
const RESTARTED_LOAD = 10;
/** For hundreds of blocks with contracts in them, on a machine that has other work. */
const MERGED_MS = 120_000;
/** Each on what the one before left. */
const KILLS = 3;

export interface Kill {
  /** What the files say that it was doing when it was killed. */
  readonly doing: string;
  readonly afterMs: number;
  /** Operations that were acknowledged before. */
  readonly acknowledged: number;
}

export interface RoundResult {
  readonly activity: Activity;
  readonly kills: readonly Kill[];
  /** What became of everything acknowledged. */
  readonly counts: Readonly<Record<string, number>>;
}

/** What was under way, as far as the files tell. */
function whatItWasDoing(activity: Activity, { first, height, staged, pending, drafts }: Verdict, base: Base): string {
  if (activity === "sealing") return pending > 0 ? "with transactions in the journal" : "with everything in blocks";
  if (activity === "artifacts") return drafts > 0 ? "with artifacts to be written" : "with every artifact written";
  if (first === base.longer.first) {
    return height < base.longer.height ? "with some of the peer's blocks" : "with all of the peer's blocks";
  }
  return staged > 0 ? "with the peer's branch executed in part" : "with its own blocks only";
}

interface Round {
  readonly processes: NodeProcesses;
  readonly base: Base;
  readonly activity: Activity;
  readonly random: RandomBelow;
}

interface Subject {
  readonly peer: NodeProcess | undefined;
  readonly ledger: Ledger;
  readonly transfers: Transfers;
}

/** Starts the node, checks what it was told before, lets it work, and kills it. */
async function kill(round: Round, { peer, ledger, transfers }: Subject): Promise<Kill> {
  const { processes, base, activity, random } = round;
  const { operations, parallel, withinMs } = PLANS[activity];
  const node = await processes.start("killed");
  await ledger.checkTransactions(node);
  await transfers.resume(node);
  const load = new Load(createWorkload({ node, ledger, transfers, random }), operations, parallel, random);
  if (peer !== undefined) {
    const { status, body } = await node.post("network/connect", { address: peer.p2p, wait_ms: 0 });
    assert.ok(status === 200 || status === 202, JSON.stringify(body));
  }
  const afterMs = random(withinMs);
  await delay(afterMs);
  await load.kill(() => node.kill());
  assertNoComplaints([node]);
  const verdict = await verifyWhole(node.dataDir);
  return { doing: whatItWasDoing(activity, verdict, base), afterMs, acknowledged: load.acknowledged };
}

async function writeMore(node: TestNode, round: Round, ledger: Ledger, transfers: Transfers) {
  await transfers.resume(node);
  const workload = createWorkload({ node, ledger, transfers, random: round.random });
  for (let i = 0; i < RESTARTED_LOAD; i++) await workload[i % 2 === 0 ? "transfer" : "publish"]();
}

async function playRound(round: Round): Promise<RoundResult> {
  const { processes, base, activity } = round;
  const { from, connected } = PLANS[activity];
  copyHistory(processes, base.shorter, "killed", from);
  copyHistory(processes, base.longer, "peer", "all");
  const ledger = from === "all" ? base.shorter.ledger.copy() : new Ledger();
  const transfers = createTransfers(OWN_ACCOUNT, 3);
  const early = connected ? await processes.start("peer") : undefined;
  const kills: Kill[] = [];
  while (kills.length < KILLS) kills.push(await kill(round, { peer: early, ledger, transfers }));

  const peer = early ?? (await processes.start("peer"));
  const again = await processes.start("killed", { peer: peer.p2p });
  await ledger.checkTransactions(again);
  await writeMore(again, round, ledger, transfers);
  await allAgree([again, peer], MERGED_MS);
  // What a losing branch had is pending for a moment after the merge.
  const counts = await ledger.checkSettled(again);
  await base.longer.ledger.checkSettled(peer);
  await allAgree([again, peer], MERGED_MS);
  for (const one of [again, peer]) {
    await ledger.checkContracts(one);
    await base.longer.ledger.checkContracts(one);
  }
  assertNoComplaints([again, peer]);
  await Promise.all([again.kill(), peer.kill()]);
  for (const { dataDir } of [again, peer]) await verifyWhole(dataDir);
  return { activity, kills, counts };
}

/** Round `number` of the campaign with that seed; any round can be played alone. */
export async function crashRound(base: Base, seed: number, number: number): Promise<RoundResult> {
  await using processes = new NodeProcesses();
  const activity = ACTIVITIES[number % ACTIVITIES.length] as Activity;
  const random = createRandom(seed * 1_000_003 + number * 7_919);
  // The first numbers of close seeds are close, too.
  for (let i = 0; i < 8; i++) random(2);
  return await playRound({ processes, base, activity, random });
}
