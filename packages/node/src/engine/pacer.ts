/** Long work in slices: the EVM and the codecs never wait for anything, so without pauses nobody else would be served. */

import type { Clock } from "@counterpart/core/ports/runtime";

/** How long work may hold the thread at a stretch. */
const SLICE_MS = 10;

/** A pause between steps of long work, taken only when the work has held the thread for its slice. */
export type Pause = () => Promise<void>;

/** Work of callers that waits for its next slice, in the order in which that is due, of each thread by its clock. */
const lines = new WeakMap<Clock, (() => void)[]>();

const nextTurn = (clock: Clock): Promise<void> => new Promise((resolve) => clock.setTimer(0, resolve));

function turnInLine(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const waiting = lines.get(clock);
    if (waiting !== undefined) {
      waiting.push(resolve);
      return;
    }
    const line = [resolve];
    lines.set(clock, line);
    const next = (): void => {
      line.shift()?.();
      if (line.length === 0) lines.delete(clock);
      else clock.setTimer(0, next);
    };
    clock.setTimer(0, next);
  });
}

function pacerOf(clock: Clock, turn: (clock: Clock) => Promise<void>): Pause {
  let sliceStart = clock.now();
  return async () => {
    const heldMs = clock.now() - sliceStart;
    // Negative where the clock was set back.
    if (heldMs >= 0 && heldMs < SLICE_MS) return;
    await turn(clock);
    sliceStart = clock.now();
  };
}

/** For work of the node itself. */
export const createPacer = (clock: Clock): Pause => pacerOf(clock, nextTurn);

/** For work that callers ask for: however much of it there is, one slice of it is between two turns of everybody else. */
export const createPatientPacer = (clock: Clock): Pause => pacerOf(clock, turnInLine);
