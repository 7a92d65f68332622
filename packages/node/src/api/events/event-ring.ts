/** The latest events, numbered, in a ring of limited size that every reader reads at its own pace. */

import type { EventData, EventType } from "./event-types.ts";

export interface FeedEvent {
  readonly sequence: number;
  readonly type: EventType;
  /** The JSON text of its data, made when somebody first reads it. */
  text(): string;
}

class HeldEvent implements FeedEvent {
  readonly sequence: number;
  readonly type: EventType;
  #data: EventData | string;

  constructor(sequence: number, type: EventType, data: EventData) {
    this.sequence = sequence;
    this.type = type;
    this.#data = data;
  }

  text(): string {
    if (typeof this.#data !== "string") this.#data = JSON.stringify(this.#data);
    return this.#data;
  }
}

export interface EventRing {
  /** Sequence of the newest event; 0 before the first. */
  readonly last: number;
  /** Sequence of the oldest event that is held; 1 before the first. */
  readonly first: number;
  push<T extends EventType>(type: T, data: EventData<T>): void;
  /** Undefined for what is not held. */
  at(sequence: number): FeedEvent | undefined;
}

export function createEventRing(size: number): EventRing {
  const slots: FeedEvent[] = [];
  let last = 0;
  return {
    get last() {
      return last;
    },
    get first() {
      return Math.max(1, last - size + 1);
    },
    push(type, data) {
      last++;
      slots[last % size] = new HeldEvent(last, type, data);
    },
    at(sequence) {
      const event = slots[sequence % size];
      return event?.sequence === sequence ? event : undefined;
    },
  };
}
