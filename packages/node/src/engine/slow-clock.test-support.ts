/** A clock by which all work is slow, so that a test sees who lets others have their turn. */

import type { Clock } from "@counterpart/core/ports/runtime";
import { START_MS } from "./engine.test-support.ts";

export interface SlowClock extends Clock {
  /** How often somebody let others have their turn. */
  readonly turns: number;
}

/** @param stepMs what passes from one look at the clock to the next */
export function createSlowClock(stepMs: number): SlowClock {
  let now = START_MS;
  let turns = 0;
  return {
    now: () => (now += stepMs),
    get turns() {
      return turns;
    },
    setTimer(delayMs, callback) {
      if (delayMs > 0) return () => {};
      turns++;
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    },
  };
}
