/**
 * Where a node's log goes. It is written at once as long as it can be. A pipe whose reader pauses has some of it waiting for
 * it, and what cannot be written at all is dropped: a log is no reason for a node to end. A terminal that is held, as by
 * Ctrl-S, holds the node: there is no other way to write to one in order.
 */

import { writeSync } from "node:fs";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createSystemClock } from "./runtime.ts";

const STANDARD_OUTPUT = 1;
/** What waits for a reader at most, or one line; more is dropped. */
const WAITING_BYTES_MAX = 1_048_576;
const RETRY_MS = 50;
/** For so long a process that ends waits for its reader. */
const FLUSH_MS_MAX = 500;
const FLUSH_RETRY_MS = 10;

/** Takes whole lines, each ending in a line break. */
export interface LogSink {
  write(line: string): void;
  /** Returns when all is written, or cannot be. */
  flush(): void;
}

export interface LineOutputDeps {
  /** Called when something is written again after lines were dropped, with their number. */
  readonly onDropped: (lines: number) => void;
  /**
   * Writes what it can and gives how many bytes; throws errors of the file system. A pipe says that it is full instead of
   * waiting because Node has made it so, where `process.stdout` was asked for.
   */
  readonly put?: (bytes: Uint8Array) => number;
  readonly clock?: Pick<Clock, "setTimer">;
  readonly sleep?: (ms: number) => void;
}

const sleepSync = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

const isBusy = (error: unknown): boolean =>
  ["EAGAIN", "EBUSY", "EINTR"].includes((error as NodeJS.ErrnoException).code ?? "");

export function createLineOutput(deps: LineOutputDeps): LogSink {
  const { onDropped, clock = createSystemClock(), sleep = sleepSync } = deps;
  const { put = (bytes) => writeSync(STANDARD_OUTPUT, bytes) } = deps;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let isScheduled = false;
  let isTelling = false;
  /** Whether the last thing written is a part of a line whose rest was dropped. */
  let isCut = false;

  const drop = (): void => {
    dropped += waiting.length;
    waiting = [];
    waitingBytes = 0;
  };
  /** @returns whether something still waits for the reader */
  const drain = (): boolean => {
    while (waiting.length > 0) {
      const line = waiting[0] as Uint8Array;
      try {
        const written = put(line);
        if (written === 0) return true;
        waitingBytes -= written;
        isCut = written < line.length;
        if (isCut) waiting[0] = line.subarray(written);
        else waiting.shift();
      } catch (error) {
        if (isBusy(error)) return true;
        drop();
      }
    }
    return false;
  };
  const add = (line: string): void => {
    // A part of a line is followed by its rest, unless that was dropped.
    const bytes = Buffer.from(isCut && waiting.length === 0 ? `\n${line}` : line);
    if (waiting.length > 0 && waitingBytes + bytes.length > WAITING_BYTES_MAX) {
      dropped++;
      return;
    }
    waiting.push(bytes);
    waitingBytes += bytes.length;
  };
  const pump = (): void => {
    const isHeldUp = drain();
    if (isHeldUp && !isScheduled) {
      isScheduled = true;
      clock.setTimer(RETRY_MS, () => {
        isScheduled = false;
        pump();
      });
    }
  };
  const write = (line: string): void => {
    const before = dropped;
    add(line);
    pump();
    // Nothing waits and this line was not dropped: it was written.
    if (before === 0 || dropped !== before || waiting.length > 0 || isTelling) return;
    isTelling = true;
    onDropped(before);
    isTelling = false;
    // Unless that was dropped as well.
    if (dropped === before) dropped = 0;
  };
  return {
    write,
    flush() {
      for (let waitedMs = 0; drain() && waitedMs < FLUSH_MS_MAX; waitedMs += FLUSH_RETRY_MS) sleep(FLUSH_RETRY_MS);
    },
  };
}
