/** Everything of one run before anything happens in it: nodes, clients, faults, and who listens to them. */

import { createHash, type Hash } from "node:crypto";
import type { Hex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { DEV_GENESIS, type Genesis, type GenesisAccount } from "@counterpart/core/chain/genesis";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { compareArtifacts } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import { type Archive, createArchive } from "./archive.ts";
import { Violation } from "./checks.ts";
import { type Court, createCourt } from "./court.ts";
import { createDice, type Dice } from "./dice.ts";
import { Crashed } from "./disk.ts";
import { createFaults, type Faults, type Profile } from "./faults.ts";
import { createHostilePeer, type HostilePeer } from "./hostile.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { createSimNetwork, type SimNetwork } from "./network.ts";
import { accountOf, createSimNode, type Life, type LogEntry, type Role, type SimNode, type World } from "./node.ts";
import { createPages, type Pages } from "./pages.ts";
import { createReaders, type Readers } from "./readers.ts";
import { SUBJECTS, type Subject } from "./state-lies.ts";
import { checkTaken, type TakenDeps } from "./taken.ts";
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

/** @param signers names of those who may seal; none: anybody */
function simGenesis(signers: readonly string[]): Genesis {
  const account: GenesisAccount = { balance: BALANCE, nonce: 0n, code: new Uint8Array(0), storage: new Map() };
  const funded = CLIENTS.map((name): [Hex, GenesisAccount] => [accountOf(name), account]);
  const alloc = new Map([...DEV_GENESIS.alloc, ...funded]);
  return { ...DEV_GENESIS, signers: signers.map(accountOf), alloc };
}

/** Of each two dozen seeds, those whose runs have nodes that take state over. */
const TAKING_SEEDS: ReadonlySet<number> = new Set([11, 12, 13, 14, 18, 19, 20, 21]);
/** A node that finds no room to begin with is started again after this. */
const AGAIN_MS = 1_000;
/** When such a node comes, at the latest. */
const LATE_MS_MAX = 15_000;
/** Of all runs, those with hostile peers. */
const HOSTILE_RUNS = 1 / 3;
/** Of runs whose nodes take state over, those in which two storages change all the time. */
const RESTLESS_RUNS = 0.5;
/** So often a hostile peer comes back under another name. */
const NAMES = 4;
/** Said by a node that blames another; between honest nodes nobody may. */
const BLAME = "a peer is at fault";
/** Except for what a bad link does. */
const EXCUSED: ReadonlySet<string> = new Set(["TIMEOUT", "EMPTY_REPLY"]);

/** Said by a node that could not take a state over, */
const STATE_FAILURE = "the state could not be taken over";
/** which is foreseen when nobody holds the state any more, the disk is full, or the node dies. */
const FORESEEN = /no peer (holds|gives)|disk is full|node (is dead|died|stops)|link ended/;

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
  readonly genesis: Genesis;
  readonly archive: Archive;
  readonly pages: Pages;
  readonly readers: Readers;
  /** What nodes that take state over are held against. */
  readonly taken: TakenDeps;
  /** When a node starts, after the others. */
  lateMs(node: SimNode): number;
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

/** What is executed is noted, and what is taken over is looked at, with each change of head. */
function watchState(notes: Notes, taken: TakenDeps, node: SimNode, { engine }: Pick<Life, "engine">): void {
  engine.on("head", ({ head, applied, reverted }) => {
    if (applied.length > 0) {
      taken.archive.note(node, head.hash);
      return;
    }
    notes.count(`state taken over: ${node.role}`);
    if (node.role === "full" && reverted.length > 0)
      notes.count("went over to a branch from below the block it joined at");
    try {
      checkTaken(node, { engine }, taken);
    } catch (error) {
      notes.failures.push(error);
    }
  });
}

/** A ring with chords: what a node does not hear from one it hears from another. Who takes state over hangs on to it. */
function peersOf(node: SimNode, all: readonly SimNode[]): string[] {
  const nodes = all.filter(({ role }) => role === "full");
  const at = all.indexOf(node);
  const next = new Set([(at + 1) % nodes.length, (at + 2) % nodes.length]);
  return [...next].filter((to) => to !== at).map((to) => `n${to}`);
}

/** Names of the hostile peers, if the run has any. */
function hostileNames(dice: Dice): readonly (readonly string[])[] {
  if (!dice.chance(HOSTILE_RUNS)) return [];
  const names = (at: number): readonly string[] => Array.from({ length: NAMES }, (_, times) => `x${at}.${times}`);
  return dice.chance(0.3) ? [names(0), names(1)] : [names(0)];
}

/** Roles of the nodes that take state over, if the run has any. */
function takingRoles(seed: number, dice: Dice): readonly Role[] {
  if (!TAKING_SEEDS.has(seed % 24)) return [];
  const role = (): Role => dice.pick(["joins", "joins", "all", "chosen"] as const);
  return dice.chance(0.4) ? [role(), role()] : [role()];
}

export function createStage(seed: number, onLog: (entry: LogEntry, now: number) => void): Stage {
  const dice = createDice(seed);
  const timeline = createTimeline(START_MS);
  const network = createSimNetwork(timeline, dice.fork("network"));
  const notes = createNotes();
  const trace = createHash("sha256");
  const archive = createArchive();
  const takingDice = dice.fork("taking");
  takingDice.fraction();
  const hostileDice = dice.fork("hostile");
  const names = hostileNames(hostileDice);
  const roles: readonly Role[] = [
    ...Array.from({ length: 2 + dice.below(4) }, () => "full" as const),
    ...takingRoles(seed, takingDice),
  ];
  const takes = roles.some((role) => role !== "full");
  // State is taken on the word of who may seal: a stranger who may would need no lie.
  const isListed = takes && (names.length > 0 || takingDice.chance(0.5));
  // Where nobody lies about everything, some lie about one part of the state each, and get further with that.
  const liars = isListed && names.length === 0 ? SUBJECTS.map((subject) => [`y.${subject}`]) : [];
  const genesis = simGenesis(isListed ? roles.map((_, at) => `n${at}`) : []);
  const world: World = {
    ...{ timeline, network, genesis, dice: dice.fork("nodes") },
    evm: seed % 10 === 9,
    onLog(entry) {
      onLog(entry, timeline.now);
      court.logged(entry);
      if (entry.message === STATE_FAILURE && !FORESEEN.test(String(entry.fields.reason))) {
        notes.failures.push(new Violation(`${entry.node}: ${entry.fields.reason}`));
      }
      if (
        court.isHostile(String(entry.fields.peer)) ||
        entry.message !== BLAME ||
        EXCUSED.has(String(entry.fields.fault))
      )
        return;
      notes.blames.push(`${entry.node}: ${JSON.stringify(entry.fields)}`);
    },
  };
  const onFailure = (error: unknown): void => void notes.failures.push(error);
  const nodes = roles.map((role, at) => createSimNode(world, `n${at}`, role));
  const taken: TakenDeps = { archive, count: notes.count };
  for (const node of nodes) {
    node.onLife = (life) => {
      listen(notes, timeline, node, life);
      watchState(notes, taken, node, life);
      life.engine.on("head", ({ head }) => {
        const forgery = court.forgeries.blocks.get(head.hash);
        if (forgery !== undefined)
          onFailure(new Violation(`${node.name} went over to a block with a forged ${forgery}`));
      });
    };
  }
  const profile = PROFILES[seed % PROFILES.length] as Profile;
  const court = createCourt({
    ...{ nodes, network, timeline, hostile: [...names, ...liars].flat(), count: notes.count, onFailure },
    isRough: profile.disks || profile.clocks,
  });
  network.onArrival = (from, to, frame) => {
    trace.update(`${timeline.now} ${from} ${to} ${frame.length}\n`).update(frame);
    court.arrived(from, to, frame);
  };
  const pages = createPages(nodes, archive, notes.count, onFailure);
  network.onAnswer = (from, to, frame) => {
    court.arrived(from, to, frame);
    pages.answered(to, frame, !court.isHostile(from));
  };
  network.onSend = (from, to, frame) => {
    court.sent(from, to, frame);
    pages.sent(from, frame);
  };
  const create = (subject?: Subject) => (name: string) =>
    createHostilePeer({ ...{ name, subject, nodes, world, court, onFailure }, dice: hostileDice.fork(name) });
  const hostile = [
    ...names.map((peer) => peer.map(create())),
    ...liars.map((peer, at) => peer.map(create(SUBJECTS[at]))),
  ];
  if (liars.length > 0) notes.count("runs with some who lie about state alone");
  if (names.length > 0) notes.count("runs with hostile peers");
  /** Some honest nodes have been told to stay connected to a hostile one. */
  const dialled = new Map(nodes.map((node) => [node, names.flat().filter(() => hostileDice.chance(0.2))]));
  const start = (node: SimNode): void => {
    if (node.life !== undefined) return;
    notes.count("start");
    court.started(node);
    pages.started(node);
    node.start([...peersOf(node, nodes), ...(dialled.get(node) ?? [])]).catch((error: unknown) => {
      // One that died meanwhile is not expected to be there; one that cannot open what it wrote is.
      if (node.life === undefined && isCodedError(error, "STORE_WRITE_FAILED"))
        timeline.at(AGAIN_MS, () => start(node));
      else if (node.life !== undefined || !(error instanceof Crashed)) notes.failures.push(error);
    });
  };
  const { coverage, ledger } = notes;
  const common = { nodes, coverage };
  const faults = createFaults({ ...common, network, timeline, profile, restart: start, dice: dice.fork("faults") });
  const workload = createWorkload({
    ...{ ...common, ledger, onFailure, evm: world.evm, fills: takes, dice: dice.fork("workload") },
    isRestless: takes && dice.fork("restless").chance(RESTLESS_RUNS),
  });
  const readers = createReaders({ nodes, archive, onFailure, count: notes.count, dice: dice.fork("readers") });
  if (takes) notes.count(isListed ? "runs with takers and listed signers" : "runs with takers");
  const late = new Map(nodes.map((node) => [node, node.role === "full" ? 0 : takingDice.between(0, LATE_MS_MAX)]));
  return {
    ...{ dice, genesis, archive, pages, readers, taken, timeline, network, nodes, hostile, court, profile },
    ...{ faults, workload, notes, trace, start, lateMs: (node) => late.get(node) ?? 0 },
  };
}
