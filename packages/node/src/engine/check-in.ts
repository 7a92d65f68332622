/**
 * Whether a transaction may come into the pool. What a peer sends and a block could hold finds room where there is some
 * that only waits: otherwise a peer could fill its room, or that of all, with what can never be included, and nobody who
 * sends by way of others would be heard any more.
 */

import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Transaction } from "@counterpart/core/chain/types";
import { checksumAddress } from "@counterpart/core/crypto/crypto";
import type { EngineCore } from "./core.ts";
import { type Pending, type Pool, stuckFromPeers } from "./pool.ts";
import { removedRow } from "./pool-rows.ts";
import type { TransactionOrigin } from "./types.ts";

/** The pool is searched for what makes room no more often: it may have to be looked through whole. */
const SEARCH_EVERY_MS = 2_000;
/** So much is dropped at a time. */
const DROPPED_MAX = 4_096;

/**
 * @returns the pending transaction that it replaces
 * @throws CodedError with the reason for which the pool refuses it, `STORE_WRITE_FAILED`
 */
export type CheckIn = (transaction: Transaction, origin: TransactionOrigin, peerId?: string) => Pending | undefined;

/** By the rules there is no base fee: what offers too little for one that was set waits, and all of its sender's with it. */
function requireBaseFee({ sender, maxFeePerGas }: Transaction, baseFee: bigint): void {
  if (maxFeePerGas >= baseFee) return;
  const fees = `maxFeePerGas: ${maxFeePerGas}, baseFee: ${baseFee}`;
  const who = `address ${checksumAddress(sender)}`;
  throw new CodedError("UNDERPRICED", `max fee per gas less than block base fee: ${who}, ${fees}`);
}

export function createCheckIn(core: EngineCore): CheckIn {
  const { pool, store, accounts, clock, metrics } = core;
  let searchedAtMs = Number.NEGATIVE_INFINITY;

  /** What may have been set for the next block of a development node. */
  const next = () => core.irregular.header(core.head, clock.now());
  const isNext = ({ sender, nonce }: Transaction): boolean =>
    nonce <= pool.nextNonce(sender, accounts.account(sender)?.nonce ?? 0n);

  /**
   * Drops what only waits of what peers sent: it is kept where it was sent first, and offered again when a block could
   * hold it. Gives whether there was any.
   */
  const makeRoom = (): boolean => {
    const nowMs = clock.now();
    // Either way: the clock may have been set back.
    if (Math.abs(nowMs - searchedAtMs) < SEARCH_EVERY_MS) return false;
    searchedAtMs = nowMs;
    const found = stuckFromPeers(pool, accounts, core.head.hash, DROPPED_MAX);
    const stuck = found.map(({ transaction: { hash } }) => hash);
    if (stuck.length === 0) return false;
    store.write(stuck.map(removedRow));
    for (const hash of stuck) pool.remove(hash);
    metrics.crowdedOut.add({}, stuck.length);
    return true;
  };

  return (transaction, origin, peerId) => {
    const { gasLimit = core.head.gasLimit, baseFeePerGas = 0n } = next();
    requireBaseFee(transaction, baseFeePerGas);
    const check = (): ReturnType<Pool["check"]> => pool.check(transaction, origin, accounts, gasLimit, peerId);
    try {
      return check();
    } catch (error) {
      const lacksRoom = isCodedError(error, "POOL_PEER_QUOTA") || isCodedError(error, "POOL_FULL");
      if (!lacksRoom || origin !== "peer" || !isNext(transaction) || !makeRoom()) throw error;
      return check();
    }
  };
}
