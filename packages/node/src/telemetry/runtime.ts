/** The machine's own clock and randomness, behind core's ports. */

import { randomBytes, randomInt } from "node:crypto";
import { assert } from "@counterpart/core/base/errors";
import type { Clock, Random } from "@counterpart/core/ports/runtime";

/** Beyond this, Node's timers fire at once instead of late. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** The widest range that `randomInt` draws from uniformly. */
const RANDOM_RANGE = 2 ** 48 - 1;

export function createSystemClock(): Clock {
  return {
    now: () => Date.now(),
    setTimer(delayMs, callback) {
      assert(delayMs <= TIMER_MS_MAX, `a timer of ${delayMs} ms does not fit in 31 bits`);
      if (delayMs <= 0) {
        const immediate = setImmediate(callback);
        return () => clearImmediate(immediate);
      }
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

export function createSystemRandom(): Random {
  return {
    bytes: (size) => new Uint8Array(randomBytes(size)),
    fraction: () => randomInt(RANDOM_RANGE) / RANDOM_RANGE,
  };
}
