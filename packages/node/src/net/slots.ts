/** A bounded number of things at once, and a bounded queue of those that wait for their turn, first come first served. */

import { CodedError } from "@counterpart/core/base/errors";

export class Slots {
  readonly #slotsMax: number;
  readonly #waitingMax: number;
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  constructor(slotsMax: number, waitingMax: number) {
    this.#slotsMax = slotsMax;
    this.#waitingMax = waitingMax;
  }

  /**
   * Resolves once a slot is taken; the caller gives it back with `release`.
   * @throws CodedError `RATE_LIMITED` when too many wait already
   * @throws Error when the signal is aborted first; no slot is taken then
   */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#taken < this.#slotsMax) {
      this.#taken++;
      return;
    }
    if (this.#waiting.size >= this.#waitingMax)
      throw new CodedError("RATE_LIMITED", "too many requests wait for this peer");
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(proceed);
        reject(new Error("aborted"));
      };
      const proceed = () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      this.#waiting.add(proceed);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  release(): void {
    const next = this.#waiting.values().next();
    if (next.done) {
      this.#taken--;
      return;
    }
    // the slot passes to the one that waited longest
    this.#waiting.delete(next.value);
    next.value();
  }
}
