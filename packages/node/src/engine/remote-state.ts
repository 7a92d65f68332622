/** Reading what a replica does not hold: whatever a read lacks is fetched with its proof, and the read begun again. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { SealedHeader } from "@counterpart/core/chain/types";
import type { WantedState } from "@counterpart/core/sync/message-types-state";
import type { ProvenAccount } from "@counterpart/core/verify/state-proof";
import type { EngineCore } from "./core.ts";
import { type Missing, NotHeld } from "./proven-state.ts";

/** Peers, as far as they prove state of recent blocks. */
export interface RemoteState {
  /** The first of what is wanted, at least one item. */
  state(block: SealedHeader, wanted: readonly WantedState[]): Promise<readonly ProvenAccount[]>;
  codes(hashes: readonly Hex[]): Promise<ReadonlyMap<Hex, Uint8Array>>;
}

/** How often one read is begun again: each time it has come as far as the next thing that is not held. */
const FETCHES_MAX = 512;
const TOO_MUCH = `this read needs more of the state than a replica that does not hold it fetches: ${FETCHES_MAX} parts`;
/** How long a peer's answer is waited for, each time. */
const FETCH_MS_MAX = 10_000;

/** What one read has lacked so far: accounts, each with its slots. */
type Lacked = Map<Hex, Set<Hex>>;

function addTo(lacked: Lacked, { address, slot }: Missing): void {
  const slots = lacked.get(address) ?? new Set();
  if (slot !== undefined) slots.add(slot);
  lacked.set(address, slots);
}

/** Code is kept: its hash says all of it, whatever the block. */
async function fetchCodes(core: EngineCore, remote: RemoteState, proven: readonly ProvenAccount[]): Promise<void> {
  const hashes = new Set(proven.flatMap(({ account }) => (account === undefined ? [] : [account.codeHash])));
  const missing = [...hashes].filter((hash) => !hasCode(core, hash));
  if (missing.length === 0) return;
  const codes = await remote.codes(missing);
  core.store.write([...codes].map(([hash, value]) => ({ table: "codes", key: hexToBytes(hash), value })));
}

function hasCode(core: EngineCore, hash: Hex): boolean {
  return hash === EMPTY_CODE_HASH || core.store.get("codes", hexToBytes(hash)) !== undefined;
}

/** An answer may be cut: what is not in it is asked for when the read comes to it. */
async function fetchWanted(
  core: EngineCore,
  remote: RemoteState,
  block: SealedHeader,
  wanted: readonly WantedState[],
): Promise<void> {
  const proven = await remote.state(block, wanted);
  await fetchCodes(core, remote, proven);
  for (const [index, { address, account, slots }] of proven.entries()) {
    if (account !== undefined && !hasCode(core, account.codeHash)) continue;
    const values = slots.map((value, at): [Hex, bigint] => [wanted[index]?.slots[at] as Hex, value]);
    core.proven.note(block.hash, address, account, new Map(values));
  }
}

/** Whether peers have answered in time. Where there are none, whoever reads is not to wait for one. */
async function isFetched(
  core: EngineCore,
  remote: RemoteState,
  block: SealedHeader,
  wanted: readonly WantedState[],
): Promise<boolean> {
  const over = Promise.withResolvers<boolean>();
  const cancel = core.clock.setTimer(FETCH_MS_MAX, () => over.resolve(false));
  const fetched = fetchWanted(core, remote, block, wanted).then(
    () => true,
    (error: unknown) => {
      // The head has moved on, and what peers have is the state of the next one.
      if (isCodedError(error, "PRUNED")) return false;
      throw error;
    },
  );
  try {
    return await Promise.race([fetched, over.promise]);
  } finally {
    cancel();
    // It may fail when nobody waits for it any more.
    fetched.catch(() => {});
  }
}

/** Of the block that the last of it was fetched for, the newest lack; of a later one, all that the read has lacked. */
function wantedFor(isSameBlock: boolean, lacked: Lacked, { address, slot }: Missing): readonly WantedState[] {
  if (isSameBlock) return [{ address, slots: slot === undefined ? [] : [slot] }];
  return [...lacked].map(([of, slots]) => ({ address: of, slots: [...slots] }));
}

/**
 * Runs a read of the head's state until it lacks nothing. Where everything is held it runs once. What it has lacked is
 * fetched again together when the head moves, so that it comes to its end on a chain that does not pause.
 * @throws CodedError of the read; `NOT_HELD` when no peer gives what it lacks, or it lacks too much
 */
export async function withRemoteState<T>(core: EngineCore, read: () => T | Promise<T>): Promise<T> {
  const lacked: Lacked = new Map();
  let last: Hex | undefined;
  for (let fetches = 0; ; fetches++) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof NotHeld) || core.remote === undefined) throw error;
      if (fetches >= FETCHES_MAX) throw new CodedError("NOT_HELD", TOO_MUCH, { ...error.missing });
      addTo(lacked, error.missing);
      const block = core.head;
      const wanted = wantedFor(block.hash === last, lacked, error.missing);
      last = block.hash;
      if (!(await isFetched(core, core.remote, block, wanted))) throw error;
    }
  }
}
