/** Long work in slices: the EVM and the codecs never wait for anything, so without pauses nobody else would be served. */

import type { Clock } from "@counterpart/core/ports/runtime";

/** How long work may hold the thread at a stretch. */
const SLICE_MS = 10;

/** A pause between steps of long work, taken only when the work has held the thread for its slice. */
export type Pause = () => Promise<void>;

export function createPacer(clock: Clock): Pause {
  let sliceStart = clock.now();
  return async () => {
    const heldMs = clock.now() - sliceStart;
    // Negative where the clock was set back.
    if (heldMs >= 0 && heldMs < SLICE_MS) return;
    await new Promise<void>((resolve) => clock.setTimer(0, resolve));
    sliceStart = clock.now();
  };
}
