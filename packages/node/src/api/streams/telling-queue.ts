/** What is still to be told, one piece after the other, in slices beside everything else. */

import type { Clock } from "@counterpart/core/ports/runtime";
import { createPacer } from "../../engine/pacer.ts";

/** Some work of telling; it may pause where it yields. */
export type Telling = () => Generator<undefined>;

export interface TellingQueue {
  add(telling: Telling): void;
  /** Does all of it without a pause. */
  flush(): void;
  /** Resolves when all of it is done. */
  settled(): Promise<void>;
  clear(): void;
}

export interface TellingQueueOptions {
  readonly clock: Clock;
  /** Tellings that may wait. */
  readonly max: number;
  /** Something was left out: too much waits, or, with an error, it could not be told. What waits is not told either. */
  readonly onLost: (error?: unknown) => void;
}

export function createTellingQueue({ clock, max, onLost }: TellingQueueOptions): TellingQueue {
  const waiting: Telling[] = [];
  let current: Generator<undefined> | undefined;
  let running: Promise<void> | undefined;

  /** The next piece of work; whether there was any. */
  const advance = (): boolean => {
    current ??= waiting.shift()?.();
    if (current === undefined) return false;
    if (current.next().done === true) current = undefined;
    return true;
  };
  const fail = (error?: unknown): void => {
    current = undefined;
    waiting.length = 0;
    onLost(error);
  };
  const run = async (): Promise<void> => {
    const pause = createPacer(clock);
    try {
      // Not at once: whoever tells of something here has not ended yet.
      await Promise.resolve();
      while (advance()) await pause();
    } catch (error) {
      fail(error);
    } finally {
      running = undefined;
    }
  };
  return {
    add(telling) {
      if (waiting.length >= max) {
        waiting.length = 0;
        onLost();
        return;
      }
      waiting.push(telling);
      running ??= run();
    },
    flush() {
      try {
        while (advance());
      } catch (error) {
        fail(error);
      }
    },
    async settled() {
      while (running !== undefined) await running;
    },
    clear() {
      waiting.length = 0;
    },
  };
}
