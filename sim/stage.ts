/** Everything of one run before anything happens in it: nodes, clients, faults, and who listens to them. */

import { createHash, type Hash } from "node:crypto";
import type { Hex } from "@counterpart/core/base/bytes";
import { DEV_GENESIS, type Genesis, type GenesisAccount } from "@counterpart/core/chain/genesis";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { compareArtifacts } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import { Violation } from "./checks.ts";
import { type Court, createCourt } from "./court.ts";
import { createDice, type Dice } from "./dice.ts";
import { createFaults, type Faults, type Profile } from "./faults.ts";
import { createHostilePeer, type HostilePeer } from "./hostile.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { createSimNetwork, type SimNetwork } from "./network.ts";
import { accountOf, createSimNode, type Life, type LogEntry, type SimNode, type World } from "./node.ts";
import { createTimeline, type Timeline } from "./timeline.ts";
import { CLIENTS, type Coverage, createWorkload, type Workload } from "./workload.ts";

const START_MS = Date.UTC(2026, 5, 1);
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

export const GENESIS = simGenesis();
/** Of all runs, those with hostile peers. */
const HOSTILE_RUNS = 1 / 3;
/** So often a hostile peer comes back under another name. */
const NAMES = 4;
/** Said by a node that blames another; between honest nodes nobody may. */
const BLAME = "a peer is at fault";
/** Except for what a bad link does. */
const EXCUSED: ReadonlySet<string> = new Set(["TIMEOUT", "EMPTY_REPLY"]);

/** What listeners write down while a run goes on. */
export interface Notes {
  readonly coverage: Coverage;
  readonly ledger: Ledger;
  /** Every block that a node sealed and wrote. */
  readonly sealed: Map<Hex, SealedHeader>;
  readonly blames: string[];
  readonly failures: unknown[];
  /** The artifact last shown, by node, address and code. */
  readonly shown: Map<string, ArtifactRecord>;
  /** When something last came into being, rather than arrived. */
  lastChangeMs: number;
  count(what: string, by?: number): void;
}

export interface Stage {
  readonly dice: Dice;
  readonly timeline: Timeline;
  readonly network: SimNetwork;
  readonly nodes: readonly SimNode[];
  /** Hostile peers, each with the names that it comes under, one after another. */
  readonly hostile: readonly (readonly HostilePeer[])[];
  readonly court: Court;
  readonly profile: Profile;
  readonly faults: Faults;
  readonly workload: Workload;
  readonly notes: Notes;
  readonly trace: Hash;
  /** Starts a node that is down. */
  start(node: SimNode): void;
}

function createNotes(): Notes {
  const coverage: Coverage = {};
  return {
    coverage,
    ledger: createLedger(),
    sealed: new Map(),
    blames: [],
    failures: [],
    shown: new Map(),
    lastChangeMs: START_MS,
    count(what, by = 1) {
      coverage[what] = (coverage[what] ?? 0) + by;
    },
  };
}

function noteArtifact(notes: Notes, node: SimNode, record: ArtifactRecord): void {
  const name = `${node.name} ${record.address} ${record.codeHash}`;
  const before = notes.shown.get(name);
  if (before !== undefined && compareArtifacts(record, before) < 0) {
    notes.failures.push(new Violation(`${name}: an older artifact took the place of a newer one`));
  }
  notes.shown.set(name, record);
}

/** Listens to one life of a node. */
function listen(
  notes: Notes,
  timeline: Timeline,
  node: SimNode,
  { engine, contracts }: Pick<Life, "engine" | "contracts">,
) {
  engine.on("head", ({ head, reverted, sealedHere }) => {
    if (sealedHere) notes.sealed.set(head.hash, head);
    if (sealedHere) notes.lastChangeMs = timeline.now;
    if (reverted.length > 0) notes.count("reorganisation");
    if (reverted.length > 3) notes.count("reorganisation of more than 3");
  });
  engine.on("conflicted", () => notes.count("conflict"));
  engine.on("transaction", (_, origin) => origin === "reinjected" && notes.count("reinjected"));
  contracts.onArtifact((record, origin) => {
    noteArtifact(notes, node, record);
    if (origin === "peer") return notes.count("artifact from a peer");
    notes.lastChangeMs = timeline.now;
    notes.ledger.noteArtifact(record);
  });
}

/** A ring with chords: what a node does not hear from one it hears from another. */
function peersOf(node: SimNode, nodes: readonly SimNode[]): string[] {
  const at = nodes.indexOf(node);
  const next = new Set([(at + 1) % nodes.length, (at + 2) % nodes.length]);
  return [...next].filter((to) => to !== at).map((to) => `n${to}`);
}

/** Names of the hostile peers, if the run has any. */
function hostileNames(dice: Dice): readonly (readonly string[])[] {
  if (!dice.chance(HOSTILE_RUNS)) return [];
  const names = (at: number): readonly string[] => Array.from({ length: NAMES }, (_, times) => `x${at}.${times}`);
  return dice.chance(0.3) ? [names(0), names(1)] : [names(0)];
}

export function createStage(seed: number, onLog: (entry: LogEntry, now: number) => void): Stage {
  const dice = createDice(seed);
  const timeline = createTimeline(START_MS);
  const network = createSimNetwork(timeline, dice.fork("network"));
  const notes = createNotes();
  const trace = createHash("sha256");
  const world: World = {
    ...{ timeline, network, genesis: GENESIS, dice: dice.fork("nodes") },
    evm: seed % 10 === 9,
    onLog(entry) {
      onLog(entry, timeline.now);
      court.logged(entry);
      if (
        court.isHostile(String(entry.fields.peer)) ||
        entry.message !== BLAME ||
        EXCUSED.has(String(entry.fields.fault))
      )
        return;
      notes.blames.push(`${entry.node}: ${JSON.stringify(entry.fields)}`);
    },
  };
  const nodes = Array.from({ length: 2 + dice.below(4) }, (_, at) => createSimNode(world, `n${at}`));
  for (const node of nodes) node.onLife = (life) => listen(notes, timeline, node, life);
  const onFailure = (error: unknown): void => void notes.failures.push(error);
  const hostileDice = dice.fork("hostile");
  const names = hostileNames(hostileDice);
  const profile = PROFILES[seed % PROFILES.length] as Profile;
  const court = createCourt({
    ...{ nodes, network, timeline, hostile: names.flat(), count: notes.count, onFailure },
    isRough: profile.disks || profile.clocks,
  });
  network.onArrival = (from, to, frame) => {
    trace.update(`${timeline.now} ${from} ${to} ${frame.length}\n`).update(frame);
    court.arrived(from, to, frame);
  };
  network.onAnswer = court.arrived;
  network.onSend = court.sent;
  const hostile = names.map((peer) =>
    peer.map((name) =>
      createHostilePeer({ ...{ name, nodes, world, court, onFailure }, dice: hostileDice.fork(name) }),
    ),
  );
  if (hostile.length > 0) notes.count("runs with hostile peers");
  /** Some honest nodes have been told to stay connected to a hostile one. */
  const dialled = new Map(nodes.map((node) => [node, names.flat().filter(() => hostileDice.chance(0.2))]));
  const start = (node: SimNode): void => {
    if (node.life !== undefined) return;
    notes.count("start");
    court.started(node);
    node.start([...peersOf(node, nodes), ...(dialled.get(node) ?? [])]).catch((error: unknown) => {
      if (node.life !== undefined) notes.failures.push(error);
    });
  };
  const { coverage, ledger } = notes;
  const common = { nodes, coverage };
  const faults = createFaults({ ...common, network, timeline, profile, restart: start, dice: dice.fork("faults") });
  const workload = createWorkload({ ...common, ledger, onFailure, evm: world.evm, dice: dice.fork("workload") });
  return { dice, timeline, network, nodes, hostile, court, profile, faults, workload, notes, trace, start };
}
