/** Long work in slices: the EVM and the codecs never wait for anything, so without pauses nobody else would be served. */

import type { Clock } from "@counterpart/core/ports/runtime";

/** How long work may hold the thread at a stretch. */
const SLICE_MS = 10;
/** So many callers' pieces of work share the thread; the others wait until one of them is done, or too late. */
const AT_ONCE = 8;

/** A pause between steps of long work, taken only when the work has held the thread for its slice. */
export type Pause = () => Promise<void>;

/** Callers' work that waits for its next slice, whoever has waited longest first. */
interface Line {
  /** How many pieces of work there have been. */
  begun: number;
  readonly waiting: { readonly place: number; readonly go: () => void }[];
}

/** Of each thread by its clock. */
const lines = new WeakMap<Clock, Line>();

function lineOf(clock: Clock): Line {
  const line = lines.get(clock) ?? { begun: 0, waiting: [] };
  lines.set(clock, line);
  return line;
}

/** One of those that began first: if all had an equal share, none of many would be done before it is too late. */
function takeNext({ waiting }: Line): () => void {
  const places = waiting.map(({ place }) => place).sort((a, b) => a - b);
  const last = places[Math.min(AT_ONCE, places.length) - 1] as number;
  const [next] = waiting.splice(
    waiting.findIndex(({ place }) => place <= last),
    1,
  );
  return next?.go as () => void;
}

function turnOf(clock: Clock, line: Line, place: number): Promise<void> {
  const serve = (): void => {
    const go = takeNext(line);
    if (line.waiting.length > 0) clock.setTimer(0, serve);
    go();
  };
  return new Promise((go) => {
    if (line.waiting.push({ place, go }) === 1) clock.setTimer(0, serve);
  });
}

function pacerOf(clock: Clock, turn: () => Promise<void>): Pause {
  let sliceStart = clock.now();
  return async () => {
    const heldMs = clock.now() - sliceStart;
    // Negative where the clock was set back.
    if (heldMs >= 0 && heldMs < SLICE_MS) return;
    await turn();
    sliceStart = clock.now();
  };
}

/** For work of the node itself. */
export const createPacer = (clock: Clock): Pause =>
  pacerOf(clock, () => new Promise((resolve) => clock.setTimer(0, resolve)));

/**
 * For one piece of work that a caller asks for: however much of it there is, one slice of it is between two turns of
 * everybody else.
 */
export function createPatientPacer(clock: Clock): Pause {
  const line = lineOf(clock);
  const place = line.begun++;
  return pacerOf(clock, () => turnOf(clock, line, place));
}
