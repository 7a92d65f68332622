/** Waiting, by the clock port. */

import type { Clock, Random } from "@counterpart/core/ports/runtime";
import { RETRY_MAX_MS, RETRY_MIN_MS } from "./limits.ts";

export const sleep = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    clock.setTimer(delayMs, resolve);
  });

/** Work that may be put off: however often that is done, it is done once, `delayMs` after the first time. */
export interface Deferral {
  now(): void;
  later(): void;
  cancel(): void;
}

/** @param work must not throw */
export function createDeferral(clock: Clock, delayMs: number, work: () => void): Deferral {
  let cancelTimer: (() => void) | undefined;
  const cancel = (): void => {
    cancelTimer?.();
    cancelTimer = undefined;
  };
  const now = (): void => {
    cancel();
    work();
  };
  return {
    now,
    later() {
      cancelTimer ??= clock.setTimer(delayMs, now);
    },
    cancel,
  };
}

/** Delay after `failures` failures in a row: doubled each time, then jittered between half and the whole. */
export function backoffMs(failures: number, minMs: number, maxMs: number, random: Random): number {
  const whole = Math.min(maxMs, minMs * 2 ** Math.min(Math.max(0, failures - 1), 20));
  return Math.round(whole * (0.5 + random.fraction() / 2));
}

/** When to ask a peer again that failed to deliver. */
export interface Retry {
  /** In ms; 0: at once. */
  readonly notBefore: number;
  /** In a row. */
  readonly failures: number;
  fail(): void;
  reset(): void;
}

export function createRetry(clock: Clock, random: Random): Retry {
  let failures = 0;
  let notBefore = 0;
  return {
    get notBefore() {
      // No retry is so far away: the clock was set back.
      return notBefore - clock.now() > RETRY_MAX_MS ? 0 : notBefore;
    },
    get failures() {
      return failures;
    },
    fail() {
      failures++;
      notBefore = clock.now() + backoffMs(failures, RETRY_MIN_MS, RETRY_MAX_MS, random);
    },
    reset() {
      failures = 0;
      notBefore = 0;
    },
  };
}
