/**
 * What was written and is not in the database yet: a buffer with its log that writes go to, and at most one more that the
 * other thread is taking into the database.
 */

import { rmSync } from "node:fs";
import { CodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { FlushAnswer, StartFlusher } from "./flusher.ts";
import { TABLE_NAMES } from "./lmdb-store.ts";
import type { StoreMetrics, Unflushed } from "./store-metrics.ts";
import { createWriteBuffer, type WriteBuffer } from "./write-buffer.ts";
import { createLogFile, type LogFile } from "./write-log.ts";

export interface GenerationsDeps {
  /** Of the database. */
  readonly path: string;
  /** Of the database, for its log. */
  readonly id: Uint8Array;
  readonly clock: Pick<Clock, "now" | "setTimer">;
  readonly start: StartFlusher;
  readonly metrics: StoreMetrics;
  /** A buffer of this size (bytes as `WriteBuffer` counts them) goes to the database as soon as that is free. */
  readonly flushBytes: number;
  /** For so long what was written may stay in the log alone. */
  readonly flushAfterMs: number;
  /** Called when the database has more than before. */
  readonly onFlushed: () => void;
  /** Called when the database has refused what the log has: nothing is lost, and it is tried again. */
  readonly onFailure: (reason: string) => void;
  /** Called when nothing can take anything into the database any more; nothing is lost. */
  readonly onEnded: (reason: string) => void;
}

export interface Generations {
  /** Where writes are put. */
  readonly active: WriteBuffer;
  /** The newest first. */
  buffers(): readonly WriteBuffer[];
  unflushed(): Unflushed;
  /** Makes what was put durable, as the write with this number. @throws CodedError `STORE_WRITE_FAILED` */
  append(number: number, keepsOlder: boolean): void;
  /** Ends when the active buffer can take more. @throws CodedError `STORE_WRITE_FAILED` when the database takes nothing */
  makeRoom(bytesMax: number): void;
  /** Ends when everything is in the database. @throws CodedError `STORE_WRITE_FAILED` */
  drain(): void;
  /** Ends the other thread; what is not in the database stays in the log. */
  end(): Promise<void>;
}

interface Generation {
  readonly buffer: WriteBuffer;
  /** Made with the first write. */
  log: LogFile | undefined;
  /** When that was. */
  sinceMs: number;
  /** Number of the last write in it. */
  last: number;
}

const newGeneration = (): Generation => ({
  buffer: createWriteBuffer(TABLE_NAMES),
  log: undefined,
  sinceMs: 0,
  last: 0,
});

const RETRY_MS = 1_000;

/** The pair, and how one takes the other's place. */
function createPair({ path, start, clock, metrics, flushBytes, onFlushed, onFailure, onEnded }: GenerationsDeps) {
  let active = newGeneration();
  let flushing: (Generation & { readonly log: LogFile }) | undefined;
  let failure: string | undefined;
  let begunAtMs = 0;
  const onDone = (answer: FlushAnswer): void => {
    failure = answer.failure;
    if (failure !== undefined) {
      metrics.failed.add({});
      if (answer.hasEnded === true) onEnded(failure);
      else onFailure(failure);
      return;
    }
    metrics.flushes.observe({}, Math.max(0, clock.now() - begunAtMs) / 1_000);
    onFlushed();
    const taken = flushing?.log.path;
    flushing = undefined;
    try {
      if (taken !== undefined) rmSync(taken, { force: true });
    } catch (error) {
      // The database has it all: the next start removes it.
      onFailure(String(error));
    }
    if (active.buffer.bytes >= flushBytes) flush();
  };
  const flusher = start(path, onDone);
  /** The first write to it was refused. Writes that go to the database at once take the numbers that it would wait for. */
  const giveUpEmpty = (log: LogFile): void => {
    try {
      rmSync(log.path, { force: true });
    } catch (error) {
      onFailure(String(error));
      return;
    }
    log.close();
    active.log = undefined;
  };
  /** Gives the other thread what was written, or once more what it failed to take. */
  const flush = (): void => {
    if (flushing !== undefined && failure === undefined) return;
    if (flushing === undefined) {
      const { log, last } = active;
      // One that is not whole goes on until it is.
      if (log === undefined || !log.isWhole()) return;
      if (last === 0) {
        giveUpEmpty(log);
        return;
      }
      log.close();
      flushing = { ...active, log };
      active = newGeneration();
    }
    failure = undefined;
    begunAtMs = clock.now();
    flusher.flush(flushing.log.path, flushing.last);
  };
  return {
    get active() {
      return active;
    },
    get flushing() {
      return flushing;
    },
    get failure() {
      return failure;
    },
    flush,
    /** Ends when the other thread has nothing to do. */
    wait(): void {
      flusher.wait();
      if (failure !== undefined) throw new CodedError("STORE_WRITE_FAILED", failure);
    },
    async end() {
      await flusher.end();
      const { log, last } = active;
      if (log === undefined || last > 0) return;
      log.close();
      rmSync(log.path, { force: true });
    },
  };
}

export function createGenerations(deps: GenerationsDeps): Generations {
  const { path, id, clock, flushBytes, flushAfterMs } = deps;
  let cancelTimer: (() => void) | undefined;
  let isEnded = false;
  const pair = createPair({
    ...deps,
    onFailure(reason) {
      deps.onFailure(reason);
      flushIn(RETRY_MS);
    },
  });
  const flushIn = (ms: number): void => {
    if (isEnded) return;
    cancelTimer ??= clock.setTimer(ms, () => {
      cancelTimer = undefined;
      pair.flush();
      if (pair.active.log !== undefined) flushIn(flushAfterMs);
    });
  };
  const drain = (): void => {
    for (pair.flush(); pair.flushing !== undefined; pair.flush()) pair.wait();
    if (pair.active.log !== undefined) {
      throw new CodedError("STORE_WRITE_FAILED", "the log holds what cannot be cut off, or cannot be removed");
    }
  };
  return {
    get active() {
      return pair.active.buffer;
    },
    buffers: () => (pair.flushing === undefined ? [pair.active.buffer] : [pair.active.buffer, pair.flushing.buffer]),
    unflushed() {
      const logged = [pair.flushing, pair.active].filter((generation) => generation?.log !== undefined) as Generation[];
      const sum = (of: (generation: Generation) => number): number => logged.reduce((total, one) => total + of(one), 0);
      const [oldest] = logged;
      return {
        bytes: sum(({ buffer }) => buffer.bytes),
        logBytes: sum(({ log }) => log?.bytes ?? 0),
        ageMs: oldest === undefined ? 0 : Math.max(0, clock.now() - oldest.sinceMs),
      };
    },
    append(number, keepsOlder) {
      const { active } = pair;
      const record = active.buffer.record(number);
      if (active.log === undefined) {
        active.log = createLogFile(path, id, number, TABLE_NAMES);
        active.sinceMs = clock.now();
      }
      active.log.append(record);
      active.last = number;
      active.buffer.end(record, keepsOlder);
      if (active.buffer.bytes >= flushBytes) pair.flush();
      flushIn(flushAfterMs);
    },
    makeRoom(bytesMax) {
      if (pair.failure !== undefined) drain();
      if (pair.active.buffer.bytes < bytesMax) return;
      pair.wait();
      pair.flush();
    },
    drain,
    async end() {
      isEnded = true;
      cancelTimer?.();
      await pair.end();
    },
  };
}
