/** Runs what writes one after the other, in order of arrival. */

import { CodedError } from "@counterpart/core/base/errors";

/** Imports and seals that may wait; more would mean that callers do not await what they ask for. */
const WAITING_MAX = 1_024;

export interface WriterQueue {
  readonly stopped: boolean;
  /** @throws CodedError `NOT_READY` when stopping or when too much waits */
  run<T>(task: () => Promise<T>): Promise<T>;
  /** Refuses new tasks and waits for the ones taken. */
  stop(): Promise<void>;
}

export function createWriterQueue(): WriterQueue {
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let stopped = false;
  return {
    get stopped() {
      return stopped;
    },
    run(task) {
      if (stopped) return Promise.reject(new CodedError("NOT_READY", "the node is stopping"));
      if (waiting >= WAITING_MAX) return Promise.reject(new CodedError("NOT_READY", "too many writes wait"));
      waiting++;
      const result = tail.then(task);
      tail = result.then(
        () => waiting--,
        () => waiting--,
      );
      return result;
    },
    async stop() {
      stopped = true;
      await tail;
    },
  };
}
