/**
 * What a change of head means for transactions: those of the new blocks leave the pool, those of the blocks that were
 * given up come back, and of two with the same sender and nonce the one that is not in the chain has lost.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Block, Transaction } from "@counterpart/core/chain/types";
import type { StateReader } from "@counterpart/core/execution/types";
import type { StoreWrite } from "@counterpart/core/ports/store";
import type { Losers } from "./losers.ts";
import type { Pending, Pool } from "./pool.ts";
import { forgottenConflictRow, lostRows, pendingRow, removedRow } from "./pool-rows.ts";

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
  /** Transactions that were included and are pending again, in the order they had; then those that had lost their nonce. */
  readonly reinjected: readonly Transaction[];
}

export interface SettleDeps {
  readonly pool: Pool;
  readonly losers: Losers;
  /** What is kept for good that lost its nonce to one of these transactions. */
  readonly lostTo: (winners: ReadonlySet<Hex>) => Iterable<Transaction>;
}

const slotOf = (sender: Hex, nonce: bigint): string => `${sender}:${nonce}`;

/** What the blocks of a branch mean for transactions, noted one by one, so that a long branch need not be in memory. */
export interface NonceUses {
  readonly included: ReadonlySet<Hex>;
  /** Accounts whose nonce may be another one now: authorizations and creations by delegated accounts use nonces too. */
  readonly accounts: ReadonlySet<Hex>;
  /** Who used a sender's nonce. */
  user(sender: Hex, nonce: bigint): Hex | undefined;
  /** To blame for a nonce that no transaction has: the last with authorizations (EIP-7702), else the last one. */
  readonly last: Hex | undefined;
  note(block: Block, accounts: Iterable<Hex>): void;
}

export function createNonceUses(): NonceUses {
  const included = new Set<Hex>();
  const accounts = new Set<Hex>();
  const bySlot = new Map<string, Hex>();
  let authority: Hex | undefined;
  let last: Hex | undefined;
  return {
    included,
    accounts,
    user: (sender, nonce) => bySlot.get(slotOf(sender, nonce)),
    get last() {
      return authority ?? last;
    },
    note({ transactions }, changed) {
      for (const address of changed) accounts.add(address);
      for (const { hash, sender, nonce, authorizationList } of transactions) {
        included.add(hash);
        bySlot.set(slotOf(sender, nonce), hash);
        if (authorizationList.length > 0) authority = hash;
        last = hash;
      }
    },
  };
}

/** Pending transactions that have lost their nonce. */
function endangered(pool: Pool, state: StateReader, accounts: Iterable<Hex>): readonly Pending[] {
  return [...accounts].flatMap((account) => {
    const pending = pool.of(account);
    const next = pending.length === 0 ? 0n : (state.account(account)?.nonce ?? 0n);
    return pending.filter(({ transaction }) => transaction.nonce < next);
  });
}

/**
 * What has lost its nonce to an authorization (EIP-7702) whose block was given up, and finds the nonce free: nobody else
 * has taken it, as a transaction of the same sender would have.
 */
function revived(
  { pool, lostTo }: SettleDeps,
  included: ReadonlySet<Hex>,
  reverted: readonly Transaction[],
  state: StateReader,
): readonly Transaction[] {
  const authorities = reverted.filter(
    ({ hash, authorizationList }) => authorizationList.length > 0 && !included.has(hash),
  );
  if (authorities.length === 0) return [];
  const taken = new Set(reverted.map(({ sender, nonce }) => slotOf(sender, nonce)));
  const free: Transaction[] = [];
  for (const transaction of lostTo(new Set(authorities.map(({ hash }) => hash)))) {
    const { hash, sender, nonce } = transaction;
    const slot = slotOf(sender, nonce);
    const isFree = nonce >= (state.account(sender)?.nonce ?? 0n) && pool.at(sender, nonce) === undefined;
    if (!isFree || included.has(hash) || taken.has(slot)) continue;
    taken.add(slot);
    free.push(transaction);
  }
  return free;
}

/** Each arrives a millisecond after the one before, so that their order is the same after a restart. */
const returningRows = (transactions: readonly Transaction[], nowMs: number): StoreWrite[] =>
  transactions.map((transaction, index) => {
    const arrivedAtMs = Math.max(0, nowMs - (transactions.length - 1 - index));
    return pendingRow({ transaction, origin: "reinjected", arrivedAtMs, isKept: true });
  });

/**
 * @param applied of the blocks that joined the canonical chain
 * @param reverted transactions of the blocks that left it, in the order they had. They are all in memory, because those
 * that come back have to be in the pool
 * @param state the new head's state
 */
export function settle(
  deps: SettleDeps,
  applied: NonceUses,
  reverted: readonly Transaction[],
  state: StateReader,
  nowMs: number,
): Settlement {
  const [{ pool, losers }, { included }] = [deps, applied];

  const winnerOver = (transaction: Transaction): Hex | undefined => {
    const direct = applied.user(transaction.sender, transaction.nonce);
    if (direct !== undefined) return direct;
    const used = transaction.nonce < (state.account(transaction.sender)?.nonce ?? 0n);
    return used ? applied.last : undefined;
  };

  const conflicts: Conflict[] = [];
  const returning: Transaction[] = [];
  const consider = (transaction: Transaction): boolean => {
    const by = winnerOver(transaction);
    if (by !== undefined) conflicts.push({ transaction, by });
    return by === undefined;
  };
  for (const { transaction } of endangered(pool, state, applied.accounts)) {
    if (!included.has(transaction.hash)) consider(transaction);
  }
  for (const transaction of reverted) {
    if (!included.has(transaction.hash) && consider(transaction)) returning.push(transaction);
  }
  const back = revived(deps, included, reverted, state);
  returning.push(...back);
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
      ...lost.flatMap(({ transaction, by }) => {
        const { isKept = true, companions = [] } = pool.get(transaction.hash) ?? {};
        return [...lostRows({ transaction, isKept }, by), ...companions];
      }),
      ...back.map(({ hash }) => forgottenConflictRow(hash)),
      ...returningRows(returning, nowMs),
    ],
    apply() {
      for (const { transaction } of leaving) pool.remove(transaction.hash);
      for (const conflict of lost) if (pool.remove(conflict.transaction.hash)?.isKept === false) losers.add(conflict);
      for (const transaction of returning) pool.add(transaction, "reinjected", nowMs);
    },
    conflicts: lost,
    reinjected: returning,
  };
}
