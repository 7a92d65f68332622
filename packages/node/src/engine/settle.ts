/**
 * What a change of head means for transactions: those of the new blocks leave the pool, those of the blocks that were
 * given up come back, and of two with the same sender and nonce the one that is not in the chain has lost.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Block, Transaction } from "@counterpart/core/chain/types";
import type { StateReader } from "@counterpart/core/execution/types";
import type { StoreWrite } from "@counterpart/core/ports/store";
import type { Pending, Pool } from "./pool.ts";
import { conflictRows, pendingRow, removedRow } from "./pool-rows.ts";

export interface Conflict {
  readonly transaction: Transaction;
  readonly by: Hex;
}

export interface Settlement {
  /** Rows for the same write as the head. */
  readonly writes: readonly StoreWrite[];
  /** Changes the pool in memory; to be called once the write has succeeded. */
  readonly apply: () => void;
  readonly conflicts: readonly Conflict[];
  /** Transactions that were included and are pending again, in the order they had. */
  readonly reinjected: readonly Transaction[];
}

const slotOf = (sender: Hex, nonce: bigint): string => `${sender}:${nonce}`;

/** Who used each sender's nonces in these blocks; authorizations of EIP-7702 use nonces too. */
function nonceUsers(blocks: readonly Block[]): {
  readonly bySlot: Map<string, Hex>;
  readonly authority: Hex | undefined;
} {
  const bySlot = new Map<string, Hex>();
  let authority: Hex | undefined;
  for (const { transactions } of blocks) {
    for (const transaction of transactions) {
      bySlot.set(slotOf(transaction.sender, transaction.nonce), transaction.hash);
      if (transaction.authorizationList.length > 0) authority = transaction.hash;
    }
  }
  return { bySlot, authority };
}

/** Pending transactions that may have lost their nonce, which authorizations and creations by delegated accounts use too. */
function endangered(pool: Pool, state: StateReader): readonly Pending[] {
  return [...pool.senders()].flatMap((sender) => {
    const next = state.account(sender)?.nonce ?? 0n;
    return pool.of(sender).filter(({ transaction }) => transaction.nonce < next);
  });
}

/**
 * @param applied blocks that joined the canonical chain, lowest first
 * @param reverted blocks that left it, lowest first
 * @param state the new head's state
 */
export function settle(
  pool: Pool,
  applied: readonly Block[],
  reverted: readonly Block[],
  state: StateReader,
  nowMs: number,
): Settlement {
  const included = new Set(applied.flatMap((block) => block.transactions.map(({ hash }) => hash)));
  const { bySlot, authority } = nonceUsers(applied);
  const lastIncluded = applied.at(-1)?.transactions.at(-1)?.hash;

  const winnerOver = (transaction: Transaction): Hex | undefined => {
    const direct = bySlot.get(slotOf(transaction.sender, transaction.nonce));
    if (direct !== undefined) return direct;
    const used = transaction.nonce < (state.account(transaction.sender)?.nonce ?? 0n);
    return used ? (authority ?? lastIncluded) : undefined;
  };

  const conflicts: Conflict[] = [];
  const returning: Transaction[] = [];
  const consider = (transaction: Transaction): boolean => {
    const by = winnerOver(transaction);
    if (by !== undefined) conflicts.push({ transaction, by });
    return by === undefined;
  };
  for (const { transaction } of endangered(pool, state)) {
    if (!included.has(transaction.hash)) consider(transaction);
  }
  for (const transaction of reverted.flatMap((block) => block.transactions)) {
    if (!included.has(transaction.hash) && consider(transaction)) returning.push(transaction);
  }
  // A pending transaction that holds the nonce of a returning one came later: it has lost to it before.
  const displaced = returning.flatMap((transaction) => {
    const pending = pool.at(transaction.sender, transaction.nonce)?.transaction;
    return pending === undefined || pending.hash === transaction.hash
      ? []
      : [{ transaction: pending, by: transaction.hash }];
  });
  const leaving = [...included].flatMap((hash) => pool.get(hash) ?? []);
  const lost = [...conflicts, ...displaced];

  return {
    writes: [
      ...leaving.flatMap(({ transaction, companions = [] }) => [removedRow(transaction.hash), ...companions]),
      ...lost.flatMap(({ transaction, by }) => [
        ...conflictRows(transaction, by),
        ...(pool.get(transaction.hash)?.companions ?? []),
      ]),
      ...returning.map((transaction) => pendingRow({ transaction, origin: "reinjected", arrivedAtMs: nowMs })),
    ],
    apply() {
      for (const { transaction } of leaving) pool.remove(transaction.hash);
      for (const { transaction } of lost) pool.remove(transaction.hash);
      for (const transaction of returning) pool.add(transaction, "reinjected", nowMs);
    },
    conflicts: lost,
    reinjected: returning,
  };
}
