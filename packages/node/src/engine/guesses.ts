/**
 * One run of a read that lacks parts of the state: it goes on with what is missing read as absent or zero, so that all
 * it lacks is known at once. What such a run gives is worth nothing, and it may be led astray: it is stopped early.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Clock } from "@counterpart/core/ports/runtime";
import { type Missing, NotHeld } from "./proven-state.ts";

/** Parts that one run guesses at the most, */
const GUESSES_MAX = 4_096;
/** and how long it reads on after the first. */
const GUESSING_MS_MAX = 500;

export interface Guesses {
  /** What was lacking first; undefined: nothing was guessed, and what the run gave holds. */
  readonly first: Missing | undefined;
  /** Everything that was lacking, each part once. */
  all(): Iterable<Missing>;
  /** @throws CodedError `NOT_HELD` when this run has guessed enough */
  note(missing: Missing): void;
  /** To be called with every read. @throws CodedError `NOT_HELD` when this run has guessed for long enough */
  check(): void;
}

export function createGuesses(clock: Pick<Clock, "now">): Guesses {
  const missing = new Map<Hex, Missing>();
  let first: Missing | undefined;
  let untilMs = Number.POSITIVE_INFINITY;
  return {
    get first() {
      return first;
    },
    all: () => missing.values(),
    note(lack) {
      if (first === undefined) untilMs = clock.now() + GUESSING_MS_MAX;
      first ??= lack;
      missing.set(`${lack.address}${lack.slot ?? ""}`, lack);
      if (missing.size >= GUESSES_MAX) throw new NotHeld(lack);
    },
    check() {
      if (first !== undefined && clock.now() >= untilMs) throw new NotHeld(first);
    },
  };
}
