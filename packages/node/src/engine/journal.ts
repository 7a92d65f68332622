/**
 * Transactions on their way into the pool. One takes its place there at once, so that the next nonce is known without
 * waiting, and counts as accepted when it is durable. Those that arrive together become durable in one write; one that
 * is sealed first is durable with its block and needs no journal.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Transaction } from "@counterpart/core/chain/types";
import type { StoreWrite } from "@counterpart/core/ports/store";
import { createCheckIn } from "./check-in.ts";
import type { EngineCore } from "./core.ts";
import type { Pending } from "./pool.ts";
import { lostRows, pendingRow } from "./pool-rows.ts";
import type { TransactionOrigin } from "./types.ts";
import type { WriterQueue } from "./writer-queue.ts";

/** An import or a seal may hold the writer queue; the journal does not wait longer for it. */
const WAIT_MS = 25;

export interface Journal {
  /**
   * Takes a transaction into the pool before it returns, unless it replaces another; resolves when it is durable, with
   * its companions. One that is known already is no error: its companions are a write of their own, after it.
   * @throws CodedError with the reason for which the pool refuses it, `STORE_WRITE_FAILED`, `NOT_READY`
   */
  submit(
    transaction: Transaction,
    origin: TransactionOrigin,
    companions: readonly StoreWrite[],
    peerId?: string,
  ): Promise<void>;
}

interface Batch {
  readonly entries: Pending[];
  readonly durable: Promise<void>;
  write(): void;
}

export function createJournal(core: EngineCore, queue: WriterQueue): Journal {
  const { pool, losers, store, chain, clock, emitter, accounts } = core;
  let batch: Batch | undefined;
  const checkIn = createCheckIn(core);
  /** What is in the pool and not durable yet. */
  const undecided = new Map<Hex, Promise<void>>();

  const isPending = (pending: Pending): boolean => pool.get(pending.transaction.hash) === pending;
  const rowsOf = (pending: Pending): StoreWrite[] =>
    isPending(pending) ? [pendingRow(pending), ...(pending.companions ?? [])] : [];
  const takeBack = (pending: Pending): void => {
    if (isPending(pending)) pool.remove(pending.transaction.hash);
  };
  const announce = (pending: Pending): void => {
    delete pending.companions;
    if (isPending(pending)) emitter.emit("transaction", pending.transaction, pending.origin);
  };
  /** What its sender has not come to yet is nowhere on the chain: most need no look at the index. */
  const isSealed = ({ hash, sender, nonce }: Transaction): boolean =>
    nonce < (accounts.account(sender)?.nonce ?? 0n) && chain.location(hash) !== undefined;
  const isKnown = (transaction: Transaction): boolean =>
    pool.get(transaction.hash) !== undefined || isSealed(transaction);

  const requireRunning = (): void => {
    if (queue.stopped) throw new CodedError("NOT_READY", "the node is stopping");
  };
  /** Marks what a caller hands in as kept, whoever sent it first. Gives whether it was not. */
  const keepFor = (hash: Hex, origin: TransactionOrigin): boolean => {
    const pending = pool.get(hash);
    if (pending === undefined || origin === "peer" || pending.isKept) return false;
    pending.isKept = true;
    return true;
  };
  /** What goes with a transaction that is durable already, and that it is kept from now on. */
  const writeAlone = (hash: Hex, isNewlyKept: boolean, companions: readonly StoreWrite[]): void => {
    const pending = isNewlyKept ? pool.get(hash) : undefined;
    const rows = [...(pending === undefined ? [] : [pendingRow(pending)]), ...companions];
    if (rows.length === 0) return;
    try {
      requireRunning();
      store.write(rows);
    } catch (error) {
      if (pending !== undefined) pending.isKept = false;
      throw error;
    }
  };

  /** Runs among the writers: until it is durable, the transaction that it replaces keeps its place. */
  const replace: (...input: Parameters<Journal["submit"]>) => void = (transaction, origin, companions, peerId) => {
    const { hash } = transaction;
    if (isKnown(transaction)) {
      writeAlone(hash, keepFor(hash, origin), companions);
      return;
    }
    const replaced = checkIn(transaction, origin, peerId);
    const arrivedAtMs = clock.now();
    store.write([
      ...(replaced === undefined ? [] : lostRows(replaced, hash)),
      ...(replaced?.companions ?? []),
      pendingRow({ transaction, origin, arrivedAtMs, isKept: origin !== "peer" || replaced?.isKept === true }),
      ...companions,
    ]);
    pool.add(transaction, origin, arrivedAtMs, peerId);
    emitter.emit("pooled");
    if (replaced?.isKept === false) losers.add({ transaction: replaced.transaction, by: hash });
    if (replaced !== undefined) emitter.emit("conflicted", replaced.transaction.hash, hash);
    emitter.emit("transaction", transaction, origin);
  };

  const open = (): Batch => {
    const entries: Pending[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const opened: Batch = {
      entries,
      durable: promise,
      write() {
        if (batch !== opened) return;
        batch = undefined;
        cancel();
        try {
          const rows = entries.flatMap(rowsOf);
          if (rows.length > 0) store.write(rows);
        } catch (error) {
          const giveUp = (): void => {
            entries.forEach(takeBack);
            reject(error);
          };
          // A block that is being built may hold some of them: what it makes durable has not failed.
          queue.run(async () => giveUp()).catch(giveUp);
          return;
        }
        resolve();
        entries.forEach(announce);
      },
    };
    const cancel = clock.setTimer(WAIT_MS, opened.write);
    return opened;
  };

  /** A batch that could not be written is no failure of what a block has made durable meanwhile. */
  const accepted = async ({ durable }: Batch, hash: Hex): Promise<void> => {
    try {
      await durable;
    } catch (error) {
      if (chain.location(hash) === undefined) throw error;
    } finally {
      undecided.delete(hash);
    }
  };

  /** Handed in before: it is, or becomes, durable. */
  const again: (...input: Parameters<Journal["submit"]>) => Promise<void> = async ({ hash }, origin, companions) => {
    const isNewlyKept = keepFor(hash, origin);
    await undecided.get(hash);
    writeAlone(hash, isNewlyKept, companions);
  };

  return {
    submit(transaction, origin, companions, peerId) {
      const { hash } = transaction;
      if (undecided.has(hash) || isKnown(transaction)) return again(transaction, origin, companions);
      requireRunning();
      if (checkIn(transaction, origin, peerId) !== undefined) {
        return queue.run(async () => replace(transaction, origin, companions, peerId));
      }
      const pending = pool.add(transaction, origin, clock.now(), peerId);
      if (companions.length > 0) pending.companions = companions;
      const isFirst = batch === undefined;
      const current = batch ?? open();
      batch = current;
      current.entries.push(pending);
      const outcome = accepted(current, hash);
      undecided.set(hash, outcome);
      // Whoever seals stands in the queue before the journal: what is in that block is durable with it.
      emitter.emit("pooled");
      if (isFirst) clock.setTimer(0, () => void queue.run(async () => current.write()).catch(current.write));
      return outcome;
    },
  };
}
