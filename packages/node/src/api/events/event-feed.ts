/**
 * The event stream's readers. All of them read one ring, each at its own pace: what waits for a reader is the ring and
 * the little that its socket holds, so that a slow one costs nothing. One that falls behind the ring is cut. What happens
 * at once, as the thousands of events of a large block, is made into text once for all who are in step.
 */

import { utf8ToBytes } from "@counterpart/core/base/bytes";
import { dropOldest } from "@counterpart/core/base/drop-oldest";
import { CodedError } from "@counterpart/core/base/errors";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { Backend } from "../backend.ts";
import { createEventRing, type EventRing } from "./event-ring.ts";
import { followBackend } from "./event-source.ts";
import type { EventType } from "./event-types.ts";

/** Where a reader's bytes go: a response, as far as the feed needs to know it. */
export interface EventSink {
  /** Bytes that were written and not sent yet. */
  readonly writableLength: number;
  write(text: string | Uint8Array): unknown;
  end(): unknown;
  destroy(): unknown;
  on(event: "drain" | "close", listener: () => void): unknown;
}

export interface EventFeed {
  /**
   * To be asked before an answer begins, because none can be refused later.
   * @throws CodedError `TOO_MANY_SUBSCRIBERS`, `NOT_READY`
   */
  checkRoom(): void;
  /**
   * Sends events until the sink closes; from after `lastId`, where that is still held.
   * @param types undefined for all
   */
  subscribe(sink: EventSink, lastId: string | undefined, types: Types): void;
  /** Ends every stream; no more are taken. */
  close(): void;
}

export interface EventLimits {
  /** Events held for readers that are behind. */
  readonly held: number;
  readonly readers: number;
  /** What a reader's socket may hold unsent before the feed waits for it. */
  readonly sinkBytes: number;
}

/** An event takes about 300 bytes. */
export const EVENT_LIMITS: EventLimits = { held: 16_384, readers: 64, sinkBytes: 256 * 1024 };

/** Short enough for proxies, which close what is silent for a minute. */
const HEARTBEAT_MS = 15_000;
/** How long a client should wait before it connects again. */
const RETRY_MS = 1_000;
/** Pieces of the stream in memory, each about a quarter of what a reader's socket may hold, or one event. */
const PIECES_MAX = 16;

type Types = ReadonlySet<EventType> | undefined;

interface Reader {
  readonly sink: EventSink;
  readonly types: Types;
  /** The same as text, as a key. */
  readonly typesKey: string;
  /** Sequence of the next event to look at. */
  next: number;
}

/** Some events as they are sent, of those that a reader wants. */
interface Piece {
  readonly bytes: Uint8Array;
  /** Sequence of the event after them. */
  readonly end: number;
}

function createPieces(ring: EventRing, idOf: (sequence: number) => string, characters: number) {
  const pieces = new Map<string, Piece>();
  return {
    /** From an event that there is; undefined where it is not held any more. */
    from({ next, types, typesKey }: Pick<Reader, "next" | "types" | "typesKey">): Piece | undefined {
      const key = `${next} ${typesKey}`;
      const known = pieces.get(key);
      if (known !== undefined) return known;
      let text = "";
      let end = next;
      for (; end <= ring.last && text.length < characters; end++) {
        const event = ring.at(end);
        if (event === undefined) return undefined;
        if (types?.has(event.type) === false) continue;
        text += `id: ${idOf(event.sequence)}\nevent: ${event.type}\ndata: ${event.text()}\n\n`;
      }
      const piece = { bytes: utf8ToBytes(text), end };
      pieces.set(key, piece);
      dropOldest(pieces, PIECES_MAX);
      return piece;
    },
  };
}

export interface EventFeedDeps {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: EventLimits;
  /** A reader was too slow and its stream was ended. */
  readonly onCut?: () => void;
}

export function createEventFeed(deps: EventFeedDeps): EventFeed {
  const { backend, clock, logger, limits = EVENT_LIMITS, onCut = () => {} } = deps;
  const ring = createEventRing(limits.held);
  const readers = new Set<Reader>();
  /** Sequences begin anew with each start, so ids name the start too. */
  const run = `${backend.instanceId}-${backend.startedAt.toString(36)}`;
  let cut = 0;
  let closed = false;
  let cancelHeartbeat = (): void => {};

  const idOf = (sequence: number): string => `${run}-${sequence}`;
  const pieces = createPieces(ring, idOf, limits.sinkBytes / 4);
  const drop = (reader: Reader): void => {
    readers.delete(reader);
    if (readers.size === 0) cancelHeartbeat();
  };
  const cutOff = (reader: Reader): void => {
    drop(reader);
    reader.sink.destroy();
    onCut();
    logger.warn("an event stream was cut: its reader is too slow", { cut: ++cut, missed: ring.first - reader.next });
  };
  /** Sends what the reader's socket takes; goes on when it has drained. */
  const pump = (reader: Reader): void => {
    if (!readers.has(reader)) return;
    while (reader.next <= ring.last && reader.sink.writableLength < limits.sinkBytes) {
      const piece = pieces.from(reader);
      if (piece === undefined) {
        cutOff(reader);
        return;
      }
      reader.next = piece.end;
      if (piece.bytes.length > 0) reader.sink.write(piece.bytes);
    }
  };
  let isScheduled = false;
  /** What happens at once is sent together. */
  const schedulePumps = (): void => {
    if (isScheduled || readers.size === 0) return;
    isScheduled = true;
    clock.setTimer(0, () => {
      isScheduled = false;
      for (const reader of [...readers]) pump(reader);
    });
  };
  const beat = (): void => {
    for (const reader of [...readers]) {
      // The id takes a reader forward whose filter lets little through.
      const hasRoom = reader.sink.writableLength < limits.sinkBytes;
      if (reader.next < ring.first) cutOff(reader);
      else if (reader.next > ring.last && hasRoom) reader.sink.write(`: heartbeat\nid: ${idOf(ring.last)}\n\n`);
    }
    if (readers.size > 0) cancelHeartbeat = clock.setTimer(HEARTBEAT_MS, beat);
  };
  /** Where a reader goes on, or why it cannot. */
  const resume = (lastId: string): number | "TOO_OLD" | "UNKNOWN_ID" => {
    const number = lastId.startsWith(`${run}-`) ? lastId.slice(run.length + 1) : "";
    const sequence = /^\d{1,15}$/.test(number) ? Number(number) : Number.POSITIVE_INFINITY;
    if (sequence > ring.last) return "UNKNOWN_ID";
    return sequence + 1 < ring.first ? "TOO_OLD" : sequence + 1;
  };
  const begin = (sink: EventSink, lastId: string | undefined): number => {
    const from = lastId === undefined ? ring.last + 1 : resume(lastId);
    const next = typeof from === "number" ? from : ring.last + 1;
    const reset = typeof from === "number" ? "" : `event: reset\ndata: ${JSON.stringify({ reason: from })}\n`;
    // An id without data is no event, but it is what a client that hears nothing else resumes from.
    sink.write(`retry: ${RETRY_MS}\nid: ${idOf(next - 1)}\n${reset}\n`);
    return next;
  };
  const unfollow = followBackend(backend, (type, data) => {
    ring.push(type, data);
    schedulePumps();
  });

  return {
    checkRoom() {
      if (closed) throw new CodedError("NOT_READY", "the node is stopping");
      if (readers.size < limits.readers) return;
      throw new CodedError("TOO_MANY_SUBSCRIBERS", `this node serves ${limits.readers} event streams already`);
    },
    subscribe(sink, lastId, types) {
      const typesKey = types === undefined ? "*" : [...types].sort().join();
      const reader: Reader = { sink, types, typesKey, next: begin(sink, lastId) };
      readers.add(reader);
      sink.on("drain", () => pump(reader));
      sink.on("close", () => drop(reader));
      if (readers.size === 1) cancelHeartbeat = clock.setTimer(HEARTBEAT_MS, beat);
      pump(reader);
    },
    close() {
      closed = true;
      unfollow();
      cancelHeartbeat();
      for (const { sink } of readers) sink.end();
      readers.clear();
    },
  };
}
