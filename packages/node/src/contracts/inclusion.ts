/** Waiting for transactions to be included. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Engine, TransactionStatus } from "../engine/types.ts";

export type Included = Extract<TransactionStatus, { status: "included" }>;

export interface InclusionWatch {
  /** Resolves when the transaction is included, or with undefined after `waitMs`, or when it lost its nonce. */
  wait(transaction: Hex, waitMs: number): Promise<Included | undefined>;
}

/** Callers that wait at the same time; one more gets its answer at once. */
const WAITING_MAX = 16_384;

export function createInclusionWatch(engine: Pick<Engine, "transaction" | "on">, clock: Clock): InclusionWatch {
  const waiting = new Map<Hex, Set<() => void>>();
  let count = 0;
  const wake = (hash: Hex): void => {
    for (const check of [...(waiting.get(hash) ?? [])]) check();
  };
  engine.on("head", ({ applied }) => {
    if (count === 0) return;
    for (const { transactions } of applied) for (const { hash } of transactions) wake(hash);
  });
  engine.on("conflicted", wake);

  const enter = (hash: Hex, check: () => void): (() => void) => {
    const checks = waiting.get(hash) ?? new Set();
    waiting.set(hash, checks.add(check));
    count++;
    return () => {
      if (!checks.delete(check)) return;
      count--;
      if (checks.size === 0) waiting.delete(hash);
    };
  };

  return {
    wait(hash, waitMs) {
      const status = engine.transaction(hash);
      if (status?.status === "included") return Promise.resolve(status);
      const isPending = status?.status === "pending";
      if (!isPending || waitMs <= 0 || count >= WAITING_MAX) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        const finish = (included: Included | undefined): void => {
          leave();
          cancel();
          resolve(included);
        };
        const leave = enter(hash, () => {
          const now = engine.transaction(hash);
          if (now?.status === "included") finish(now);
          else if (now?.status === "conflicted") finish(undefined);
        });
        const cancel = clock.setTimer(waitMs, () => finish(undefined));
      });
    },
  };
}
