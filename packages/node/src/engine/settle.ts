/**
 * What a change of head means for transactions: those of the new blocks leave the pool, those of the blocks that were
 * given up come back, and of two with the same sender and nonce the one that is not in the chain has lost.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Block, Transaction } from "@counterpart/core/chain/types";
import { authorityOf } from "@counterpart/core/execution/authorizations";
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
  /** To blame for a nonce that no transaction has: who brought its authorization (EIP-7702), else the last one. */
  taker(account: Hex, nonce: bigint): Hex | undefined;
  note(block: Block, accounts: Iterable<Hex>): void;
}

/** Of a transaction with authorizations, without the rest of it: of a long branch that would be much. */
interface Authorizing extends Pick<Transaction, "hash" | "authorizationList"> {
  readonly chainId: Transaction["chainId"] | undefined;
  /** Its place among all transactions. */
  readonly at: number;
}

export function createNonceUses(): NonceUses {
  const included = new Set<Hex>();
  const accounts = new Set<Hex>();
  const bySlot = new Map<string, Pick<Authorizing, "hash" | "at">>();
  const authorizing: Authorizing[] = [];
  let last: Hex | undefined;
  /** Who brought the authorization of each nonce. To know that, its signature is recovered: it is seldom asked for. */
  let authorized: ReadonlyMap<string, Hex> | undefined;
  const bringers = (): ReadonlyMap<string, Hex> => {
    const found = new Map<string, Hex>();
    for (const { hash, chainId, at, authorizationList } of authorizing) {
      for (const authorization of authorizationList) {
        // One for another chain does nothing.
        if (authorization.chainId !== 0n && authorization.chainId !== chainId) continue;
        const authority = authorityOf(authorization);
        if (authority === undefined) continue;
        const slot = slotOf(authority, authorization.nonce);
        const before = bySlot.get(slotOf(authority, authorization.nonce - 1n));
        // The same one may be brought before its turn, or again, and does nothing then.
        if ((before === undefined || before.at <= at) && !found.has(slot)) found.set(slot, hash);
      }
    }
    return found;
  };
  return {
    included,
    accounts,
    user: (sender, nonce) => bySlot.get(slotOf(sender, nonce))?.hash,
    taker(account, nonce) {
      authorized ??= bringers();
      return authorized.get(slotOf(account, nonce)) ?? last;
    },
    note({ transactions }, changed) {
      authorized = undefined;
      for (const address of changed) accounts.add(address);
      for (const { hash, sender, nonce, chainId, authorizationList } of transactions) {
        const at = included.size;
        included.add(hash);
        bySlot.set(slotOf(sender, nonce), { hash, at });
        if (authorizationList.length > 0) authorizing.push({ hash, chainId, at, authorizationList });
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

const isUsed = ({ sender, nonce }: Transaction, state: StateReader): boolean =>
  nonce < (state.account(sender)?.nonce ?? 0n);

function winnerOver(transaction: Transaction, applied: NonceUses, state: StateReader): Hex | undefined {
  const { sender, nonce } = transaction;
  const direct = applied.user(sender, nonce);
  if (direct !== undefined) return direct;
  return isUsed(transaction, state) ? applied.taker(sender, nonce) : undefined;
}

/** What has lost its nonce to an authorization (EIP-7702) whose block was given up, and to no other one of its sender. */
function lostToAuthorizations({ pool, lostTo }: SettleDeps, reverted: readonly Transaction[]): readonly Transaction[] {
  const authorities = reverted.filter(({ authorizationList }) => authorizationList.length > 0);
  if (authorities.length === 0) return [];
  const taken = new Set(reverted.map(({ sender, nonce }) => slotOf(sender, nonce)));
  return [...lostTo(new Set(authorities.map(({ hash }) => hash)))].filter(({ sender, nonce }) => {
    const slot = slotOf(sender, nonce);
    const isOnly = !taken.has(slot) && pool.at(sender, nonce) === undefined;
    taken.add(slot);
    return isOnly;
  });
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

  const conflicts: Conflict[] = [];
  const returning: Transaction[] = [];
  const consider = (transaction: Transaction): boolean => {
    const by = winnerOver(transaction, applied, state);
    if (by !== undefined) conflicts.push({ transaction, by });
    return by === undefined;
  };
  for (const { transaction } of endangered(pool, state, applied.accounts)) {
    if (!included.has(transaction.hash)) consider(transaction);
  }
  for (const transaction of reverted) {
    if (!included.has(transaction.hash) && consider(transaction)) returning.push(transaction);
  }
  // Where the nonce is somebody else's now, that is written down: it is asked for when that one's block is given up.
  const back = lostToAuthorizations(deps, reverted).filter(
    (transaction) => !included.has(transaction.hash) && consider(transaction) && !isUsed(transaction, state),
  );
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
