/** The order in which pending transactions are offered to a block: highest tip first, then first come, nonces in turn. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { StateReader } from "@counterpart/core/execution/types";
import { firstExecutable, type Pending, type Pool } from "./pool.ts";

export interface PoolOrder {
  /** The next candidate: each sender's transactions come in order of nonce, without gaps. */
  next(): Pending | undefined;
  /** Nothing more of the last candidate's sender: it could not be included. */
  skipSender(): void;
}

const comesFirst = (a: Pending, b: Pending): boolean => {
  const tips = a.transaction.maxPriorityFeePerGas - b.transaction.maxPriorityFeePerGas;
  return tips === 0n ? a.sequence < b.sequence : tips > 0n;
};

/** A binary heap: `better(a, b)` when a must come out before b. */
function createHeap<T>(better: (a: T, b: T) => boolean): { push(item: T): void; pop(): T | undefined } {
  const items: T[] = [];
  const swap = (a: number, b: number): void => {
    [items[a], items[b]] = [items[b] as T, items[a] as T];
  };
  const isBetter = (a: number, b: number): boolean =>
    a < items.length && b < items.length && better(items[a] as T, items[b] as T);
  const siftDown = (): void => {
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const child = isBetter(left + 1, left) ? left + 1 : left;
      if (!isBetter(child, at)) return;
      swap(child, at);
      at = child;
    }
  };
  return {
    push(item) {
      items.push(item);
      for (let at = items.length - 1; at > 0 && isBetter(at, (at - 1) >> 1); at = (at - 1) >> 1)
        swap(at, (at - 1) >> 1);
    },
    pop() {
      if (items.length === 0) return undefined;
      swap(0, items.length - 1);
      const top = items.pop();
      siftDown();
      return top;
    },
  };
}

/** @param head what the block is built on: senders who could not get their first transaction into it are passed over */
export function createPoolOrder(pool: Pool, state: Pick<StateReader, "account">, head: Hex): PoolOrder {
  const heap = createHeap<Pending>(comesFirst);
  const offer = (sender: Hex, nonce: bigint): void => {
    const pending = pool.at(sender, nonce);
    if (pending !== undefined) heap.push(pending);
  };
  for (const { transaction } of firstExecutable(pool, state, head)) offer(transaction.sender, transaction.nonce);
  let last: Pending | undefined;
  return {
    next() {
      if (last !== undefined) offer(last.transaction.sender, last.transaction.nonce + 1n);
      last = heap.pop();
      return last;
    },
    skipSender() {
      last = undefined;
    },
  };
}
