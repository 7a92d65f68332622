/** A clock that a test moves, and logger and randomness that go with it. */

import assert from "node:assert/strict";
import type { Clock, LogFields, Logger, Random } from "@counterpart/core/ports/runtime";

export interface VirtualClock extends Clock {
  /** Lets everything happen, timers included, until `holds`; fails after so much virtual time. */
  until(holds: () => boolean, limitMs?: number): Promise<void>;
  /** The promise's result, while time passes. */
  run<T>(promise: Promise<T>, limitMs?: number): Promise<T>;
  /** Lets so much virtual time pass. */
  pass(durationMs: number): Promise<void>;
}

/** All promises that can settle without time passing have settled after this. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createVirtualClock(startMs = 1_700_000_000_000): VirtualClock {
  let now = startMs;
  let order = 0;
  let timers: { at: number; order: number; callback: () => void }[] = [];

  const fireNext = (limit: number): boolean => {
    timers.sort((a, b) => a.at - b.at || a.order - b.order);
    const next = timers[0];
    if (next === undefined || next.at > limit) return false;
    timers = timers.slice(1);
    now = Math.max(now, next.at);
    next.callback();
    return true;
  };
  const until = async (holds: () => boolean, limitMs = 60_000): Promise<void> => {
    const limit = now + limitMs;
    await settle();
    while (!holds()) {
      assert.ok(fireNext(limit), `it did not come to hold within ${limitMs} ms`);
      await settle();
    }
  };
  return {
    now: () => now,
    setTimer(delayMs, callback) {
      const timer = { at: now + delayMs, order: order++, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    until,
    async run(promise, limitMs) {
      let done = false;
      const finished = promise.finally(() => {
        done = true;
      });
      finished.catch(() => {});
      await until(() => done, limitMs);
      return finished;
    },
    async pass(durationMs) {
      const limit = now + durationMs;
      await settle();
      while (fireNext(limit)) await settle();
      now = limit;
    },
  };
}

export interface LogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

export function createTestLogger(entries: LogEntry[]): Logger {
  const at =
    (level: LogEntry["level"]) =>
    (message: string, fields: LogFields = {}): void => {
      entries.push({ level, message, fields });
    };
  const logger: Logger = {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: () => logger,
  };
  return logger;
}

/** Small and seeded (mulberry32), so that a run can be repeated. */
export function createTestRandom(seed: number): Random {
  let state = seed;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { fraction, bytes: (size) => Uint8Array.from({ length: size }, () => Math.floor(fraction() * 256)) };
}
