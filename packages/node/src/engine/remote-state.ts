/** Reading what a replica does not hold: whatever a read lacks is fetched with its proof, and the read begun again. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
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
/** How long a peer's answer is waited for, each time. */
const FETCH_MS_MAX = 10_000;

async function fetchMissing(core: EngineCore, remote: RemoteState, { address, slot }: Missing): Promise<void> {
  const block = core.head;
  const slots = slot === undefined ? [] : [slot];
  const [proven] = await remote.state(block, [{ address, slots }]);
  if (proven === undefined) return;
  const { account } = proven;
  if (account !== undefined && core.store.get("codes", hexToBytes(account.codeHash)) === undefined) {
    await fetchCode(core, remote, account.codeHash);
  }
  core.proven.note(block.hash, address, account, new Map(slots.map((name, at) => [name, proven.slots[at] ?? 0n])));
}

/** Code is kept: its hash says all of it, whatever the block. */
async function fetchCode(core: EngineCore, remote: RemoteState, codeHash: Hex): Promise<void> {
  if (codeHash === EMPTY_CODE_HASH) return;
  const code = (await remote.codes([codeHash])).get(codeHash);
  if (code !== undefined) core.store.write([{ table: "codes", key: hexToBytes(codeHash), value: code }]);
}

/** Whether peers have answered in time. Where there are none, whoever reads is not to wait for one. */
async function isFetched(core: EngineCore, remote: RemoteState, missing: Missing): Promise<boolean> {
  const over = Promise.withResolvers<boolean>();
  const cancel = core.clock.setTimer(FETCH_MS_MAX, () => over.resolve(false));
  const fetched = fetchMissing(core, remote, missing).then(
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

/**
 * Runs a read of the head's state until it lacks nothing. Where everything is held it runs once.
 * @throws CodedError of the read; `NOT_HELD` when no peer gives what it lacks, or it lacks too much
 */
export async function withRemoteState<T>(core: EngineCore, read: () => T | Promise<T>): Promise<T> {
  for (let fetches = 0; ; fetches++) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof NotHeld) || core.remote === undefined || fetches >= FETCHES_MAX) throw error;
      if (!(await isFetched(core, core.remote, error.missing))) throw error;
    }
  }
}
