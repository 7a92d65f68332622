/**
 * Whether a transaction may come into the pool. What a peer sends and a block could hold finds room where there is some
 * that only waits: otherwise a peer could fill its room, or that of all, with what can never be included, and nobody who
 * sends by way of others would be heard any more.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import type { Transaction } from "@counterpart/core/chain/types";
import type { EngineCore } from "./core.ts";
import { type Pending, type Pool, stuckFromPeers } from "./pool.ts";
import { removedRow } from "./pool-rows.ts";
import type { TransactionOrigin } from "./types.ts";

/** After a search of the whole pool on one head so many changes of the pool have to come before the next. */
const SEARCH_AFTER_CHANGES = 1_024;

/**
 * @returns the pending transaction that it replaces
 * @throws CodedError with the reason for which the pool refuses it, `STORE_WRITE_FAILED`
 */
export type CheckIn = (transaction: Transaction, origin: TransactionOrigin, peerId?: string) => Pending | undefined;

export function createCheckIn(core: EngineCore): CheckIn {
  const { pool, store, accounts, clock, metrics } = core;
  let searched: { readonly version: number; readonly head: Hex } | undefined;

  /** Of the next block, for which another one may have been set. */
  const gasLimit = (): number => core.irregular.header(core.head, clock.now()).gasLimit ?? core.head.gasLimit;
  const isNext = ({ sender, nonce }: Transaction): boolean =>
    nonce <= pool.nextNonce(sender, accounts.account(sender)?.nonce ?? 0n);

  /**
   * Drops what only waits of what peers sent: it is kept where it was sent first, and offered again when a block could
   * hold it. Gives whether there was any.
   */
  const makeRoom = (): boolean => {
    const [{ version }, head] = [pool, core.head.hash];
    if (searched?.head === head && version < searched.version + SEARCH_AFTER_CHANGES) return false;
    searched = { version, head };
    const stuck = stuckFromPeers(pool, accounts, head).map(({ transaction: { hash } }) => hash);
    if (stuck.length === 0) return false;
    store.write(stuck.map(removedRow));
    for (const hash of stuck) pool.remove(hash);
    metrics.crowdedOut.add({}, stuck.length);
    return true;
  };

  return (transaction, origin, peerId) => {
    const check = (): ReturnType<Pool["check"]> => pool.check(transaction, origin, accounts, gasLimit(), peerId);
    try {
      return check();
    } catch (error) {
      const lacksRoom = isCodedError(error, "POOL_PEER_QUOTA") || isCodedError(error, "POOL_FULL");
      if (!lacksRoom || origin !== "peer" || !isNext(transaction) || !makeRoom()) throw error;
      return check();
    }
  };
}
