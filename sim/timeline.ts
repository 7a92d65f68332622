/** Virtual time: what is due happens in order, and between two moments every promise that can settle has settled. */

import type { Clock } from "@counterpart/core/ports/runtime";
import { Crashed } from "./disk.ts";

export interface Timeline {
  /** Milliseconds since 1970, as nobody's clock shows them. */
  readonly now: number;
  readonly events: number;
  at(delayMs: number, callback: () => void): () => void;
  /** Lets time pass until `holds`, or until the limit. @returns whether it came to hold */
  until(holds: () => boolean, limitMs: number): Promise<boolean>;
  pass(durationMs: number): Promise<void>;
}

interface Event {
  readonly at: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** A binary heap, the earliest first. */
class Agenda {
  readonly #heap: Event[] = [];

  get first(): Event | undefined {
    return this.#heap[0];
  }

  add(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  takeFirst(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

/** All promises that can settle without time passing have settled after this. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createTimeline(startMs: number): Timeline {
  const agenda = new Agenda();
  let now = startMs;
  let order = 0;
  let events = 0;

  const next = (limit: number): (() => void) | undefined => {
    for (let event = agenda.first; event !== undefined && event.at <= limit; event = agenda.first) {
      agenda.takeFirst();
      if (event.callback === undefined) continue;
      now = Math.max(now, event.at);
      events++;
      return event.callback;
    }
    return undefined;
  };
  const until = async (holds: () => boolean, limitMs: number): Promise<boolean> => {
    const limit = now + limitMs;
    await settle();
    while (!holds()) {
      const callback = next(limit);
      if (callback === undefined) {
        now = limit;
        return holds();
      }
      callback();
      await settle();
    }
    return true;
  };
  return {
    get now() {
      return now;
    },
    get events() {
      return events;
    },
    at(delayMs, callback) {
      const event: Event = { at: now + Math.ceil(Math.max(0, delayMs)), order: order++, callback };
      agenda.add(event);
      return () => {
        event.callback = undefined;
      };
    },
    until,
    async pass(durationMs) {
      await until(() => false, durationMs);
    },
  };
}

/** A node's own clock: wrong by `skewMs`, which a fault may change, and dead with its node. */
export interface NodeClock extends Clock {
  skewMs: number;
  /** No timer of this clock fires any more. */
  die(): void;
}

/** A node that dies in a callback takes nobody with it. */
function unlessCrashed(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    if (!(error instanceof Crashed)) throw error;
  }
}

export function createNodeClock(timeline: Timeline, skewMs: number): NodeClock {
  let dead = false;
  return {
    skewMs,
    now() {
      return timeline.now + this.skewMs;
    },
    setTimer: (delayMs, callback) => timeline.at(delayMs, () => dead || unlessCrashed(callback)),
    die() {
      dead = true;
    },
  };
}
