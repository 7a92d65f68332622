/** Runs tasks of one key one after the other, those of different keys side by side. */

import { CodedError } from "@counterpart/core/base/errors";

export interface Locks {
  /** @throws CodedError `RATE_LIMITED` when too many tasks of this key wait */
  run<T>(key: string, task: () => Promise<T>): Promise<T>;
}

export function createLocks(waitingMax: number): Locks {
  const queues = new Map<string, { tail: Promise<unknown>; waiting: number }>();
  return {
    async run(key, task) {
      const queue = queues.get(key) ?? { tail: Promise.resolve(), waiting: 0 };
      if (queue.waiting >= waitingMax) throw new CodedError("RATE_LIMITED", `too many requests of ${key} wait`);
      queues.set(key, queue);
      queue.waiting++;
      const result = queue.tail.then(task);
      // The next one runs whatever became of this one; its caller gets the error.
      queue.tail = result.catch(() => undefined);
      try {
        return await result;
      } finally {
        if (--queue.waiting === 0) queues.delete(key);
      }
    },
  };
}
