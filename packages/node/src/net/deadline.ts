/** Time limits over the Clock port, as the abort signals that libp2p takes. */

import type { Clock } from "@counterpart/core/ports/runtime";

export interface Deadline {
  /** Aborted when the time is up or a parent is aborted. */
  readonly signal: AbortSignal;
  /** Must be called when the work is over: lets go of timer and parents. */
  cancel(): void;
}

/** @param parents signals that end the work earlier */
export function createDeadline(clock: Clock, timeoutMs: number, ...parents: readonly AbortSignal[]): Deadline {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const cancelTimer = clock.setTimer(timeoutMs, abort);
  for (const parent of parents) {
    if (parent.aborted) controller.abort();
    else parent.addEventListener("abort", abort);
  }
  return {
    signal: controller.signal,
    cancel() {
      cancelTimer();
      for (const parent of parents) parent.removeEventListener("abort", abort);
    },
  };
}

/** Settles as `work` does, or rejects as soon as the signal is aborted; `work` itself goes on. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(new Error("aborted"));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
