/** One run: faults and clients first, then everything heals, and then everything must have come out right. */

import { createHash } from "node:crypto";
import type { Hex } from "@counterpart/core/base/bytes";
import { DEV_GENESIS, type Genesis, type GenesisAccount } from "@counterpart/core/chain/genesis";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { compareArtifacts } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
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
import { createDice } from "./dice.ts";
import { createFaults, type Profile } from "./faults.ts";
import { createLedger } from "./ledger.ts";
import { createSimNetwork } from "./network.ts";
import { accountOf, createSimNode, type LogEntry, type SimNode, type World } from "./node.ts";
import { createTimeline } from "./timeline.ts";
import { CLIENTS, type Coverage, createWorkload } from "./workload.ts";

export interface RunOptions {
  readonly seed: number;
  readonly onLog?: (entry: LogEntry, now: number) => void;
}

export interface RunResult {
  readonly seed: number;
  /** What went wrong; absent when nothing did. */
  readonly violation?: string;
  /** Hash of everything that arrived, in order, and of the heads at the end: equal for equal seeds. */
  readonly trace: string;
  readonly coverage: Coverage;
  readonly events: number;
}

const START_MS = Date.UTC(2026, 5, 1);
const FAULTY_MS = 20_000;
/** Redials back off to 30 s, clocks that were ahead by 100 s leave blocks that must come due. */
const HEALING_MS = 240_000;
/** From the last change anywhere to agreement everywhere, where links never broke. */
const REPAIR_MS = 5_000;
const BALANCE = 10n ** 20n;

const PROFILES: readonly Profile[] = [
  { weather: true, partitions: false, crashes: false, disks: false, clocks: false },
  { weather: true, partitions: true, crashes: false, disks: false, clocks: false },
  { weather: true, partitions: true, crashes: true, disks: true, clocks: false },
  { weather: true, partitions: true, crashes: true, disks: true, clocks: true },
];

function simGenesis(): Genesis {
  const account: GenesisAccount = { balance: BALANCE, nonce: 0n, code: new Uint8Array(0), storage: new Map() };
  const funded = CLIENTS.map((name): [Hex, GenesisAccount] => [accountOf(name), account]);
  return { ...DEV_GENESIS, alloc: new Map([...DEV_GENESIS.alloc, ...funded]) };
}

const GENESIS = simGenesis();
/** Said by a node that blames another; between honest nodes nobody may. */
const BLAME = "a peer is at fault";
/** Except for what a bad link does. */
const EXCUSED: ReadonlySet<string> = new Set(["TIMEOUT", "EMPTY_REPLY"]);

export async function run({ seed, onLog = () => {} }: RunOptions): Promise<RunResult> {
  const dice = createDice(seed);
  const timeline = createTimeline(START_MS);
  const network = createSimNetwork(timeline, dice.fork("network"));
  const coverage: Coverage = {};
  const ledger = createLedger();
  const trace = createHash("sha256");
  const sealed = new Map<Hex, SealedHeader>();
  const blames: string[] = [];
  const failures: unknown[] = [];
  const shown = new Map<string, ArtifactRecord>();
  let lastChangeMs = timeline.now;
  const count = (what: string, by = 1): void => {
    coverage[what] = (coverage[what] ?? 0) + by;
  };

  network.onArrival = (from, to, frame) =>
    void trace.update(`${timeline.now} ${from} ${to} ${frame.length}\n`).update(frame);
  const world: World = {
    ...{ timeline, network, genesis: GENESIS, dice: dice.fork("nodes") },
    evm: seed % 10 === 9,
    onLog(entry) {
      onLog(entry, timeline.now);
      if (entry.message === BLAME && !EXCUSED.has(String(entry.fields.fault)))
        blames.push(`${entry.node}: ${JSON.stringify(entry.fields)}`);
    },
  };
  const nodes = Array.from({ length: 2 + dice.below(4) }, (_, at) => createSimNode(world, `n${at}`));
  for (const node of nodes) {
    node.onLife = ({ engine, contracts }) => {
      engine.on("head", ({ head, reverted, sealedHere }) => {
        if (sealedHere) lastChangeMs = timeline.now;
        if (sealedHere) sealed.set(head.hash, head);
        if (reverted.length > 0) count("reorganisation");
        if (reverted.length > 3) count("reorganisation of more than 3");
      });
      engine.on("conflicted", () => count("conflict"));
      engine.on("transaction", (_, origin) => origin === "reinjected" && count("reinjected"));
      contracts.onArtifact((record, origin) => {
        if (origin === "local") lastChangeMs = timeline.now;
        const name = `${node.name} ${record.address} ${record.codeHash}`;
        const before = shown.get(name);
        if (before !== undefined && compareArtifacts(record, before) < 0)
          failures.push(new Violation(`${name}: an older artifact took the place of a newer one`));
        shown.set(name, record);
        if (origin === "local") ledger.noteArtifact(record);
        else count("artifact from a peer");
      });
    };
  }
  /** A ring and a random chord or two: what a node does not hear from one it hears from another. */
  const peersOf = (node: SimNode): string[] => {
    const at = nodes.indexOf(node);
    return [...new Set([(at + 1) % nodes.length, (at + 2) % nodes.length])]
      .filter((to) => to !== at)
      .map((to) => `n${to}`);
  };
  const restart = (node: SimNode): void => {
    if (node.life !== undefined) return;
    count("start");
    node.start(peersOf(node)).catch((error: unknown) => {
      if (node.life !== undefined) failures.push(error);
    });
  };

  const profile = PROFILES[seed % PROFILES.length] as Profile;
  const faults = createFaults({ nodes, network, timeline, profile, coverage, restart, dice: dice.fork("faults") });
  const workload = createWorkload({
    nodes,
    ledger,
    coverage,
    dice: dice.fork("workload"),
    evm: world.evm,
    onFailure: (error) => void failures.push(error),
  });
  const checkAll = (): void => {
    if (failures.length > 0) throw failures[0];
    for (const node of nodes) if (node.life !== undefined) checkAcknowledged(ledger, node, node.life);
    const node = dice.pick(nodes);
    if (node.life !== undefined) checkReaders(node, node.life, GENESIS);
  };

  const misbehave = async (): Promise<void> => {
    const pace = dice.between(60, 500);
    const end = timeline.now + FAULTY_MS;
    const repeat = (meanMs: number, step: () => void): void => {
      timeline.at(dice.between(0, 2 * meanMs), () => {
        if (timeline.now >= end) return;
        step();
        repeat(meanMs, step);
      });
    };
    repeat(pace, workload.step);
    repeat(1_000, faults.step);
    while (timeline.now < end) {
      await timeline.pass(2_000);
      checkAll();
    }
    if (profile.partitions) return;
    // The last words are lost: nothing but the next Status can make up for them.
    network.weather = { ...network.weather, loss: 0.9 };
    for (let times = 0; times < 5; times++) workload.step();
    await timeline.pass(1_000);
  };
  const recover = async (): Promise<void> => {
    faults.heal();
    const healedMs = timeline.now;
    const inStep = await timeline.until(() => isInStep(nodes), HEALING_MS);
    if (!inStep) throw new Violation(`not in step ${HEALING_MS / 1000} s after everything healed`);
    count("seconds to heal", Math.round((timeline.now - healedMs) / 1_000));
    const repairedMs = timeline.now - Math.max(healedMs, lastChangeMs);
    if (!profile.partitions && repairedMs > REPAIR_MS)
      throw new Violation(`lost messages were repaired after ${repairedMs} ms`);
    // Whatever is still under way changes nothing any more.
    await timeline.pass(10_000);
    if (!isInStep(nodes)) throw new Violation("out of step again though nothing happened");
  };
  const judge = (): void => {
    checkAll();
    for (const node of nodes) if (node.life !== undefined) checkStore(node, node.life, GENESIS);
    checkHead(nodes, sealed);
    checkFates(ledger, nodes);
    checkArtifacts(ledger, nodes);
    if (blames.length > 0) throw new Violation(`an honest peer was blamed by ${blames[0]}`);
  };

  let violation: string | undefined;
  try {
    for (const node of nodes) restart(node);
    await misbehave();
    await recover();
    judge();
  } catch (error) {
    violation = error instanceof Violation ? error.message : (error as Error).stack;
  }
  for (const node of nodes) node.crash();
  for (const [name, times] of Object.entries(network.counts)) count(name, times);
  count("blocks sealed", sealed.size);
  count("acknowledged", ledger.transactions.size);
  for (const node of nodes)
    trace.update(
      JSON.stringify(
        node.disk
          .reader()
          .range("canonical", { limit: 1_000, reverse: true })
          .map(({ value }) => [...value]),
      ),
    );
  const result = { seed, trace: trace.digest("hex"), coverage, events: timeline.events };
  return violation === undefined ? result : { ...result, violation };
}
