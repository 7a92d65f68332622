/** One run: faults and clients first, then everything heals, and then everything must have come out right. */

import {
  checkAcknowledged,
  checkArtifacts,
  checkFates,
  checkHead,
  checkReaders,
  checkStore,
  isInStep,
  Violation,
} from "./checks.ts";
import type { HostilePeer } from "./hostile.ts";
import type { LogEntry } from "./node.ts";
import { createStage, type Stage } from "./stage.ts";
import { checkTaken } from "./taken.ts";
import type { Coverage } from "./workload.ts";

export interface RunOptions {
  readonly seed: number;
  readonly onLog?: (entry: LogEntry, now: number) => void;
}

export interface RunResult {
  readonly seed: number;
  /** What went wrong; absent when nothing did. */
  readonly violation?: string;
  /** Hash of everything that arrived, in order, and of the chains at the end: equal for equal seeds. */
  readonly trace: string;
  readonly coverage: Coverage;
  readonly events: number;
}

const FAULTY_MS = 20_000;
/** Redials back off to 30 s, and clocks that were ahead by 100 s leave blocks that must come due. */
const HEALING_MS = 240_000;
/** For a forged block to be executed and its sender to be told; then for what came of it to settle. */
const CONVICTION_MS = 5_000;
const CONFESSIONS = 3;
/** From then on until those have the state as well that take it over: redials and retries back off to 30 s. */
const TAKING_MS = 120_000;
/** Before a node is given up whose branch forked off too long ago. */
const FORK_MS = 60_000;
/** From the last change anywhere to agreement everywhere, where links never broke. */
const REPAIR_MS = 5_000;

function checkNow({ nodes, dice, notes, court, genesis, pages, taken }: Stage): void {
  for (const node of nodes) if (node.life !== undefined) checkAcknowledged(notes.ledger, node, node.life);
  for (const node of nodes) if (node.life !== undefined) court.check(node, node.life);
  for (const node of nodes.filter(({ role }) => role !== "full")) {
    if (node.life !== undefined) checkTaken(node, node.life, taken);
    pages.check(node);
  }
  if (notes.failures.length > 0) throw notes.failures[0];
  const node = dice.pick(nodes);
  if (node.life !== undefined) checkReaders(node, node.life, genesis);
}

/** Hostile peers go on for as long as the run does; one that everybody has banned comes under its next name. */
function lie({ hostile, nodes, court, timeline, dice }: Stage): void {
  const isOutcast = ({ name, aims }: HostilePeer): boolean =>
    nodes
      .filter(({ role }) => (role === "full") === (aims === "everybody"))
      .every((node) => court.hasBanned(node.name, name));
  const again = (names: readonly HostilePeer[], meanMs: number): void => {
    timeline.at(dice.between(0, 2 * meanMs), () => {
      const fresh = names.find((peer) => !isOutcast(peer));
      (fresh === undefined || dice.chance(0.1) ? dice.pick(names) : fresh).step();
      again(names, meanMs);
    });
  };
  for (const names of hostile) {
    for (const peer of names) peer.start();
    again(names, dice.between(200, 1_000));
  }
}

async function misbehave(stage: Stage): Promise<void> {
  const { dice, timeline, workload, readers, faults, network, profile } = stage;
  const end = timeline.now + FAULTY_MS;
  const repeat = (meanMs: number, step: () => void): void => {
    timeline.at(dice.between(0, 2 * meanMs), () => {
      if (timeline.now >= end) return;
      step();
      repeat(meanMs, step);
    });
  };
  repeat(dice.between(60, 500), workload.step);
  repeat(1_000, faults.step);
  if (stage.nodes.some(({ role }) => role !== "full")) repeat(400, readers.step);
  while (timeline.now < end) {
    await timeline.pass(2_000);
    checkNow(stage);
  }
  if (profile.partitions) return;
  // The last words are lost: nothing but the next Status can make up for them.
  network.weather = { ...network.weather, loss: 0.9 };
  for (let times = 0; times < 5; times++) workload.step();
  await timeline.pass(1_000);
}

/**
 * A node that took over the state of a block follows a branch from below that block with the state of the block where it
 * forks off. Where nobody holds that any more, its operator has it begin again.
 */
function rescue({ nodes, notes, start }: Stage): void {
  for (const node of nodes) {
    if (node.life?.engine.adoption.fork() === undefined) continue;
    notes.count("began again, as nobody held the state where the best chain forks off");
    notes.ledger.forget(node.name);
    node.wipe();
    start(node);
  }
}

async function recover(stage: Stage): Promise<void> {
  const { timeline, faults, nodes, hostile, profile, notes } = stage;
  faults.heal();
  for (const peer of hostile.flat()) peer.mood = "tame";
  const healedMs = timeline.now;
  const executing = nodes.filter(({ role }) => role === "full");
  const inStep = await timeline.until(() => isInStep(executing), HEALING_MS);
  if (notes.failures.length > 0) throw notes.failures[0];
  if (!inStep) throw new Violation(`not in step ${HEALING_MS / 1_000} s after everything healed`);
  notes.count("seconds to heal", Math.round((timeline.now - healedMs) / 1_000));
  const repairedMs = timeline.now - Math.max(healedMs, notes.lastChangeMs);
  if (!profile.partitions && repairedMs > REPAIR_MS) {
    throw new Violation(`lost messages were repaired after ${repairedMs} ms`);
  }
  const agreedMs = timeline.now;
  if (!(await timeline.until(() => isInStep(nodes), FORK_MS))) rescue(stage);
  const allInStep = await timeline.until(() => isInStep(nodes), TAKING_MS);
  if (notes.failures.length > 0) throw notes.failures[0];
  if (!allInStep) throw new Violation(`who takes state over is not in step after ${TAKING_MS / 1_000} s`);
  if (nodes.length > executing.length) {
    notes.count("seconds to take over", Math.round((timeline.now - agreedMs) / 1_000));
  }
  // Whatever is still under way changes nothing any more.
  await timeline.pass(10_000);
  if (!isInStep(nodes)) throw new Violation("out of step again though nothing happened");
}

/** Whoever forges ends up banned, by every node that it forges before, and stays so when it comes back. */
async function convict({ nodes, hostile, court, timeline }: Stage): Promise<void> {
  const judges = nodes.filter(({ role }) => role === "full");
  const everywhere = hostile.flat().flatMap((peer) => judges.map((node) => ({ peer, node })));
  if (everywhere.length === 0) return;
  for (const peer of hostile.flat()) peer.mood = "resting";
  await timeline.pass(CONVICTION_MS);
  let unheard = everywhere;
  // A node that has just sent a silent peer away hears it with the next round.
  for (let rounds = 0; rounds < CONFESSIONS && unheard.length > 0; rounds++) {
    for (const { peer, node } of unheard) peer.return(node);
    await timeline.pass(CONVICTION_MS);
    const silent: typeof everywhere = [];
    for (const one of unheard) if (!(await one.peer.confess(one.node))) silent.push(one);
    await timeline.pass(CONVICTION_MS);
    unheard = silent.filter(({ peer, node }) => !court.hasBanned(node.name, peer.name));
  }
  const free = everywhere.find(({ peer, node }) => !court.hasBanned(node.name, peer.name));
  if (free !== undefined) throw new Violation(`${free.node.name} has not banned ${free.peer.name}`);
  if (!isInStep(nodes)) throw new Violation("out of step after forgeries alone");
}

function judge(stage: Stage): void {
  const { nodes, notes, court, genesis } = stage;
  for (const node of nodes) if (node.life !== undefined) court.checkStored(node, node.life);
  checkNow(stage);
  for (const node of nodes) if (node.life !== undefined) checkStore(node, node.life, genesis);
  checkHead(nodes, notes.sealed);
  checkFates(notes.ledger, nodes);
  checkArtifacts(notes.ledger, nodes);
  if (notes.blames.length > 0) throw new Violation(`an honest peer was blamed by ${notes.blames[0]}`);
}

async function violationOf(stage: Stage): Promise<string | undefined> {
  try {
    for (const node of stage.nodes) {
      const lateMs = stage.lateMs(node);
      if (lateMs === 0) stage.start(node);
      else stage.timeline.at(lateMs, () => stage.start(node));
    }
    lie(stage);
    await misbehave(stage);
    await recover(stage);
    await convict(stage);
    judge(stage);
    return undefined;
  } catch (error) {
    return error instanceof Violation ? error.message : (error as Error).stack;
  } finally {
    for (const peer of stage.hostile.flat()) peer.stop();
    for (const node of stage.nodes) node.crash();
  }
}

/** Ends the trace and the counts. */
function resultOf(seed: number, { nodes, network, notes, timeline, trace }: Stage): RunResult {
  for (const [name, times] of Object.entries(network.counts)) notes.count(name, times);
  notes.count("blocks sealed", notes.sealed.size);
  notes.count("acknowledged", notes.ledger.transactions.size);
  for (const { disk } of nodes) {
    for (const { value } of disk.reader().range("canonical", { limit: 10_000 })) trace.update(value);
  }
  return { seed, trace: trace.digest("hex"), coverage: notes.coverage, events: timeline.events };
}

export async function run({ seed, onLog = () => {} }: RunOptions): Promise<RunResult> {
  const stage = createStage(seed, onLog);
  const violation = await violationOf(stage);
  const result = resultOf(seed, stage);
  return violation === undefined ? result : { ...result, violation };
}
