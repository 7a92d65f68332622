/**
 * Reading what a replica does not hold. A read runs with what is missing guessed, all that it lacked is fetched with
 * proofs at once, and it begins again, until a run has guessed nothing: only what that one gives is believed. All runs
 * are of the head at which the first one began, as peers prove the state of recent blocks: however fast blocks come.
 */

import { bytesToBigInt, bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { Block, SealedHeader } from "@counterpart/core/chain/types";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { WantedState, WantedStorage } from "@counterpart/core/sync/message-types-state";
import type { ProvenStorage } from "@counterpart/core/verify/peer-answers";
import type { ProvenAccount } from "@counterpart/core/verify/state-proof";
import type { EngineCore } from "./core.ts";
import { createGuesses, type Guesses } from "./guesses.ts";
import { type Missing, NotHeld } from "./proven-state.ts";
import { type Moment, openMoment, type Source } from "./snapshot.ts";

/** Peers, as far as they prove state of recent blocks and give their bodies. */
export interface RemoteState {
  /** Whether a peer is connected that could be asked. */
  hasPeers(): boolean;
  /** The first of what is wanted, at least one item. */
  state(block: SealedHeader, wanted: readonly WantedState[]): Promise<readonly ProvenAccount[]>;
  /** Slots of storages, of the first one from `start` on. */
  storages(block: SealedHeader, wanted: readonly WantedStorage[], start: Uint8Array): Promise<readonly ProvenStorage[]>;
  codes(hashes: readonly Hex[]): Promise<ReadonlyMap<Hex, Uint8Array>>;
  /** The block of a header, with the transactions that it commits to. */
  block(header: SealedHeader): Promise<Block>;
}

/** How often one read is begun again, */
const ROUNDS_MAX = 128;
/** how many parts of the state are fetched for it, */
const PARTS_MAX = 16_384;
/** and how long it may take with all that is fetched for it. */
export const READ_MS_MAX = 10_000;
const TOO_MUCH =
  "this read needs more of the state than a replica that does not hold it fetches: " +
  `${PARTS_MAX} parts, of which one leads to the next ${ROUNDS_MAX} times`;
/** Slots and accounts of one request, */
const REQUEST_PARTS_MAX = 512;
/** and such requests at once. */
const LANES = 4;
/** Where one slot leads to the next, a storage that an answer has room for is fetched whole after so many rounds. */
const ROUNDS_BY_SLOT = 3;

const LOWEST = new Uint8Array(32);

const NOBODY = "no peer is connected that could prove it";
const NO_TIME = `not all that this read needs was proven within ${READ_MS_MAX / 1_000} s`;

/** One read, over all its runs. */
interface Reading {
  /** What it has lacked so far: accounts, each with its slots. */
  readonly lacked: Map<Hex, Set<Hex>>;
  parts: number;
  /** Accounts whose storage no answer has room for. */
  readonly large: Set<Hex>;
  rounds: number;
  /** Whether something was fetched for the moment that it is of. */
  hasFetched: boolean;
  /** Nobody waits for what is being fetched any more. */
  isOver: boolean;
}

function addTo(lacked: Map<Hex, Set<Hex>>, { address, slot }: Missing): number {
  const slots = lacked.get(address) ?? new Set();
  const before = lacked.has(address) ? slots.size : -1;
  if (slot !== undefined) slots.add(slot);
  lacked.set(address, slots);
  return slots.size - before;
}

/** Code is kept: its hash says all of it, whatever the block. */
async function fetchCodes(core: EngineCore, remote: RemoteState, proven: readonly ProvenAccount[]): Promise<void> {
  const hashes = new Set(proven.flatMap(({ account }) => (account === undefined ? [] : [account.codeHash])));
  for (;;) {
    const missing = [...hashes].filter((hash) => !hasCode(core, hash));
    const codes = missing.length === 0 ? new Map<Hex, Uint8Array>() : await remote.codes(missing);
    if (codes.size === 0) return;
    core.store.write([...codes].map(([hash, value]) => ({ table: "codes", key: hexToBytes(hash), value })));
  }
}

function hasCode(core: EngineCore, hash: Hex): boolean {
  return hash === EMPTY_CODE_HASH || core.store.get("codes", hexToBytes(hash)) !== undefined;
}

/** What an answer leaves open: it may be cut after any item. */
function restOf(wanted: readonly WantedState[], proven: readonly ProvenAccount[]): readonly WantedState[] {
  const last = wanted[proven.length - 1];
  const left = last?.slots.slice(proven.at(-1)?.slots.length) ?? [];
  const rest = wanted.slice(proven.length);
  return last === undefined || left.length === 0 ? rest : [{ address: last.address, slots: left }, ...rest];
}

/** Pieces of a size that one answer has room for. */
function* piecesOf(wanted: Iterable<WantedState>): Generator<readonly WantedState[]> {
  let piece: WantedState[] = [];
  let parts = 0;
  for (const { address, slots } of wanted) {
    for (let at = 0; at === 0 || at < slots.length; at += REQUEST_PARTS_MAX) {
      const some = slots.slice(at, at + REQUEST_PARTS_MAX);
      if (parts > 0 && parts + 1 + some.length > REQUEST_PARTS_MAX) {
        yield piece;
        [piece, parts] = [[], 0];
      }
      piece.push({ address, slots: some });
      parts += 1 + some.length;
    }
  }
  if (piece.length > 0) yield piece;
}

/** All slots of an account, where one answer has room for them. */
async function fetchWhole(
  remote: RemoteState,
  { head, proven }: Moment,
  { address, account }: ProvenAccount,
  { large }: Reading,
): Promise<void> {
  if (account === undefined || large.has(address)) return;
  const wanted = [{ account: keccak256Hex(hexToBytes(address)), root: account.storageRoot }];
  const [storage] = await remote.storages(head, wanted, LOWEST);
  if (storage === undefined || storage.more) large.add(address);
  else {
    const values = storage.slots.map(({ key, value }): [Hex, bigint] => [bytesToHex(key), bytesToBigInt(value)]);
    proven.noteWhole(address, new Map(values));
  }
}

/** How many accounts peers have answered for. */
async function fetchPiece(
  core: EngineCore,
  remote: RemoteState,
  moment: Moment,
  piece: readonly WantedState[],
  reading: Reading,
): Promise<number> {
  let count = 0;
  for (let wanted = piece; wanted.length > 0 && !reading.isOver; ) {
    const proven = await remote.state(moment.head, wanted);
    await fetchCodes(core, remote, proven);
    for (const [index, { address, account, slots }] of proven.entries()) {
      if (account !== undefined && !hasCode(core, account.codeHash)) continue;
      count++;
      const values = slots.map((value, at): [Hex, bigint] => [wanted[index]?.slots[at] as Hex, value]);
      moment.proven.note(address, account, new Map(values));
    }
    if (reading.rounds > ROUNDS_BY_SLOT) {
      const stored = proven.filter(({ slots }) => slots.length > 0);
      for (const found of stored) await fetchWhole(remote, moment, found, reading);
    }
    if (proven.length === 0) break;
    wanted = restOf(wanted, proven);
  }
  return count;
}

/** Whether anything came of it; `over` where peers have the state of a later head alone. */
async function fetchAll(
  core: EngineCore,
  remote: RemoteState,
  moment: Moment,
  wanted: Iterable<WantedState>,
  reading: Reading,
): Promise<boolean | "over"> {
  const pieces = piecesOf(wanted);
  let count = 0;
  const lane = async (): Promise<void> => {
    for (const piece of pieces) count += await fetchPiece(core, remote, moment, piece, reading);
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
  } catch (error) {
    if (!isCodedError(error, "PRUNED")) throw error;
    return core.head.hash !== moment.head.hash && "over";
  }
  return count > 0;
}

/** Of the moment that something was fetched for, what is new; of another one, all that the read has lacked. */
function wantedFor({ lacked, hasFetched }: Reading, guesses: Guesses): readonly WantedState[] {
  const fresh = new Map<Hex, Set<Hex>>();
  for (const missing of guesses.all()) addTo(fresh, missing);
  return [...(hasFetched ? fresh : lacked)].map(([address, slots]) => ({ address, slots: [...slots] }));
}

/**
 * Waits for what a read lacks, until the time for it has run out. Whether the moment can still be read of.
 * @throws CodedError `NOT_HELD`
 */
async function bring(
  core: EngineCore,
  remote: RemoteState,
  moment: Moment,
  reading: Reading,
  guesses: Guesses,
  leftMs: number,
): Promise<boolean> {
  const missing = guesses.first as Missing;
  if (!remote.hasPeers()) throw new NotHeld(missing, NOBODY);
  if (leftMs <= 0) throw new NotHeld(missing, NO_TIME);
  const wanted = wantedFor(reading, guesses);
  reading.hasFetched = true;
  const over = Promise.withResolvers<"late">();
  const cancel = core.clock.setTimer(leftMs, () => over.resolve("late"));
  const fetched = fetchAll(core, remote, moment, wanted, reading);
  try {
    const outcome = await Promise.race([fetched, over.promise]);
    if (outcome === "late" || outcome === false) throw new NotHeld(missing, outcome === "late" ? NO_TIME : undefined);
    return outcome !== "over";
  } finally {
    cancel();
    // It may fail when nobody waits for it any more.
    fetched.catch(() => {});
  }
}

/** @throws CodedError `NOT_HELD` when the read needs too much */
function noteRound(reading: Reading, guesses: Guesses): void {
  for (const missing of guesses.all()) reading.parts += addTo(reading.lacked, missing);
  reading.rounds++;
  if (reading.rounds <= ROUNDS_MAX && reading.parts <= PARTS_MAX) return;
  throw new CodedError("NOT_HELD", TOO_MUCH, { ...guesses.first });
}

/** What a run gave or threw: which of them does not matter where it has guessed. */
async function runOf<T>(read: () => T | Promise<T>): Promise<() => T> {
  try {
    const value = await read();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/**
 * Runs a read until it lacks nothing. Where everything is held it runs once. It is of the head at which it began, or of
 * the present one when no peer has the state of that one any more: what it has lacked is fetched again together then.
 * @throws CodedError of the read; `NOT_HELD` when no peer gives what it lacks, or it lacks too much
 */
export async function withRemoteState<T>(
  core: EngineCore,
  read: (source: Source<SealedHeader>, guesses?: Guesses) => T | Promise<T>,
): Promise<T> {
  const { remote, clock } = core;
  if (remote === undefined || core.holding.role !== "chosen") return read(core);
  const untilMs = clock.now() + READ_MS_MAX;
  const reading: Reading = {
    ...{ lacked: new Map(), parts: 0, large: new Set(), rounds: 0 },
    ...{ hasFetched: false, isOver: false },
  };
  let moment = openMoment(core);
  try {
    for (;;) {
      const guesses = createGuesses(clock);
      const result = await runOf(() => read(moment.source, guesses));
      if (guesses.first === undefined) return result();
      noteRound(reading, guesses);
      if (await bring(core, remote, moment, reading, guesses, untilMs - clock.now())) continue;
      moment.done();
      moment = openMoment(core);
      reading.hasFetched = false;
    }
  } finally {
    moment.done();
    reading.isOver = true;
  }
}

/** Peers as a source of state: the engine needs them, and they need the engine. */
export interface LateRemote {
  source?: RemoteState;
}

/** Asks the source once there is one. */
export function lateRemote(late: LateRemote): RemoteState {
  const source = (): RemoteState => {
    if (late.source === undefined) throw new CodedError("NOT_READY", "the node is starting");
    return late.source;
  };
  return {
    hasPeers: () => late.source?.hasPeers() ?? false,
    state: async (block, wanted) => source().state(block, wanted),
    storages: async (block, wanted, start) => source().storages(block, wanted, start),
    block: async (header) => source().block(header),
    codes: async (hashes) => source().codes(hashes),
  };
}
