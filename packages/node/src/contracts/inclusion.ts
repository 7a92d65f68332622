/** Waiting for transactions to be included. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { ChainEngine, TransactionStatus } from "../engine/types.ts";

export type Included = Extract<TransactionStatus, { status: "included" }>;

export interface InclusionWatch {
  /**
   * What has become of a transaction, as soon as it is included, has lost its nonce or is forgotten, at the latest after
   * `waitMs`, or when whoever waits is `gone`; undefined when it is not known.
   */
  wait(transaction: Hex, waitMs: number, gone?: AbortSignal): Promise<TransactionStatus | undefined>;
}

/** Those who wait at this moment for nothing but a block, counted together where several watches share it. */
export interface Waiters {
  count: number;
}

/** What is told to whoever sent a transaction that lost its nonce to the transaction `by`. */
export function transactionConflicted(transaction: Hex, by: Hex): CodedError {
  const message = `the transaction ${transaction} will not be included: ${by} took its nonce`;
  return new CodedError("TRANSACTION_CONFLICTED", message, { transaction_hash: transaction, by });
}

/** What is told to whoever sent a transaction that a development node has forgotten. */
export function transactionForgotten(transaction: Hex): CodedError {
  const why = "it was dropped, taken back with the chain, or its nonce set as used";
  const message = `the transaction ${transaction} will not be included: ${why}`;
  return new CodedError("TRANSACTION_NOT_FOUND", message, { transaction_hash: transaction });
}

/** Callers that wait at the same time; one more gets its answer at once. */
const WAITING_MAX = 16_384;

export function createInclusionWatch(
  engine: Pick<ChainEngine, "transaction" | "on">,
  clock: Clock,
  waiters: Waiters = { count: 0 },
): InclusionWatch {
  const waiting = new Map<Hex, Set<() => void>>();
  let count = 0;
  const wake = (hash: Hex): void => {
    for (const check of [...(waiting.get(hash) ?? [])]) check();
  };
  engine.on("head", ({ applied }) => {
    if (count === 0) return;
    for (const { transactions } of applied) for (const hash of transactions) wake(hash);
  });
  engine.on("conflicted", wake);
  engine.on("forgotten", () => [...waiting.keys()].forEach(wake));

  const enter = (hash: Hex, isReady: boolean, check: () => void): (() => void) => {
    const checks = waiting.get(hash) ?? new Set();
    waiting.set(hash, checks.add(check));
    count++;
    if (isReady) waiters.count++;
    return () => {
      if (!checks.delete(check)) return;
      count--;
      if (isReady) waiters.count--;
      if (checks.size === 0) waiting.delete(hash);
    };
  };

  return {
    wait(hash, waitMs, gone) {
      const status = engine.transaction(hash);
      const isOver = status?.status !== "pending" || waitMs <= 0 || gone?.aborted === true;
      if (isOver || count >= WAITING_MAX) return Promise.resolve(status);
      return new Promise((resolve) => {
        const finish = (now: TransactionStatus | undefined): void => {
          leave();
          cancel();
          gone?.removeEventListener("abort", finishNow);
          resolve(now);
        };
        const finishNow = (): void => finish(engine.transaction(hash));
        const leave = enter(hash, status.reason === undefined, () => {
          const now = engine.transaction(hash);
          if (now?.status !== "pending") finish(now);
        });
        const cancel = clock.setTimer(waitMs, finishNow);
        gone?.addEventListener("abort", finishNow);
      });
    },
  };
}
