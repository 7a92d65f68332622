/**
 * The writing half of a frame stream. A `send`/`onDrain` loop over a libp2p stream starves the event loop when the
 * other side does not read (`onDrain` resolves at once after its first use), so the writer is driven by the stream's
 * own events: it hands over chunks while `writableNeedsDrain` is false and goes on at the next `drain` or `idle`.
 */

import { viewOf } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Stream } from "@libp2p/interface";
import { PREFIX_BYTES } from "./frame-decoder.ts";
import type { NetLimits } from "./limits.ts";

/** Chunks are no larger than this, so that frames of several streams interleave on the connection. */
const CHUNK_BYTES_MAX = 64 * 1024;

/** What the writer needs of a libp2p stream. */
export type WritableStreamPart = Pick<
  Stream,
  "send" | "writableNeedsDrain" | "writeBufferLength" | "writeStatus" | "addEventListener" | "removeEventListener"
>;

export interface FrameWriterOptions {
  readonly clock: Clock;
  readonly limits: Pick<NetLimits, "frameBytesMax" | "queueBytesMax" | "queueFramesMax" | "stuckMs">;
  /**
   * Called once when the stream takes no more: `CONNECTION_TIMEOUT` when no byte of what waits has moved for
   * `stuckMs`, `PEER_DISCONNECTED` when it is broken.
   */
  readonly onFailed: (code: "CONNECTION_TIMEOUT" | "PEER_DISCONNECTED") => void;
}

export class FrameWriter {
  readonly #stream: WritableStreamPart;
  readonly #options: FrameWriterOptions;
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Bytes of the first queued frame, its prefix included, that were handed to the stream. */
  #headBytes = 0;
  #handedBytes = 0;
  #stopped = false;
  #cancelStuckTimer: (() => void) | undefined;
  #idleWaiters: (() => void)[] = [];

  constructor(stream: WritableStreamPart, options: FrameWriterOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.addEventListener("drain", this.#onProgress);
    stream.addEventListener("idle", this.#onProgress);
  }

  /**
   * Queues a frame; the bytes are not copied, so they must not change afterwards.
   * @returns false when the queue has no room or the writer is stopped: the frame was not queued
   * @throws CodedError `BAD_MESSAGE` when the frame exceeds the cap
   */
  write(frame: Uint8Array): boolean {
    assertFrameSize(frame, this.#options.limits.frameBytesMax);
    if (this.#stopped || !this.#hasRoom(frame)) return false;
    this.#queue.push(frame);
    this.#queuedBytes += frame.length + PREFIX_BYTES;
    this.#pump();
    return true;
  }

  /** Resolves when the stream has taken every queued byte, or the writer is stopped. */
  async idle(): Promise<void> {
    if (this.#stopped || this.#isIdle()) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Forgets what is queued and lets go of the stream. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stream.removeEventListener("drain", this.#onProgress);
    this.#stream.removeEventListener("idle", this.#onProgress);
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#settle();
  }

  #hasRoom(frame: Uint8Array): boolean {
    const { queueBytesMax, queueFramesMax } = this.#options.limits;
    return this.#queue.length < queueFramesMax && this.#queuedBytes + frame.length + PREFIX_BYTES <= queueBytesMax;
  }

  #isIdle(): boolean {
    return this.#queue.length === 0 && this.#stream.writeBufferLength === 0;
  }

  /** Deferred, because the stream clears its own flags and writes its own remainder first. */
  readonly #onProgress = (): void => {
    queueMicrotask(() => this.#pump());
  };

  #pump(): void {
    while (!this.#stopped && this.#queue.length > 0 && !this.#stream.writableNeedsDrain) {
      // a stream that is closing takes nothing more; its close event ends the link
      if (this.#stream.writeStatus !== "writable") return;
      const chunk = this.#nextChunk();
      this.#handedBytes += chunk.length;
      try {
        this.#stream.send(chunk);
      } catch {
        // the connection below it is closed, and this may be the first to notice
        this.stop();
        queueMicrotask(() => this.#options.onFailed("PEER_DISCONNECTED"));
      }
    }
    if (this.#stopped) return;
    if (this.#isIdle()) this.#settle();
    else this.#cancelStuckTimer ??= this.#startStuckTimer();
  }

  #nextChunk(): Uint8Array {
    const frame = this.#queue[0] as Uint8Array;
    const size = frame.length + PREFIX_BYTES;
    const from = this.#headBytes;
    const to = Math.min(size, from + CHUNK_BYTES_MAX);
    this.#headBytes = to;
    if (to === size) {
      this.#queue.shift();
      this.#headBytes = 0;
      this.#queuedBytes -= size;
    }
    return from === 0 ? prefixed(frame, to) : frame.subarray(from - PREFIX_BYTES, to - PREFIX_BYTES);
  }

  /** Looks at bytes, not at events: a stream sees the drain of the whole connection, also when nothing of its own moves. */
  #startStuckTimer(): () => void {
    const leftBytes = this.#handedBytes - this.#stream.writeBufferLength;
    return this.#options.clock.setTimer(this.#options.limits.stuckMs, () => {
      this.#cancelStuckTimer = undefined;
      if (this.#stopped || this.#isIdle()) return;
      if (this.#handedBytes - this.#stream.writeBufferLength === leftBytes)
        this.#options.onFailed("CONNECTION_TIMEOUT");
      else this.#cancelStuckTimer = this.#startStuckTimer();
    });
  }

  #settle(): void {
    this.#cancelStuckTimer?.();
    this.#cancelStuckTimer = undefined;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

/** A frame and its prefix, copied: for frames so small that they need no queue. */
export const encodeFrame = (frame: Uint8Array): Uint8Array => prefixed(frame, frame.length + PREFIX_BYTES);

/** The first `size` bytes of the frame with its prefix. */
function prefixed(frame: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  viewOf(bytes).setUint32(0, frame.length);
  bytes.set(frame.subarray(0, size - PREFIX_BYTES), PREFIX_BYTES);
  return bytes;
}

/** @throws CodedError `BAD_MESSAGE` when the frame exceeds the cap */
export function assertFrameSize(frame: Uint8Array, frameBytesMax: number): void {
  if (frame.length <= frameBytesMax) return;
  throw new CodedError("BAD_MESSAGE", `a frame of ${frame.length} bytes exceeds the limit of ${frameBytesMax}`, {
    sizeBytes: frame.length,
    sizeBytesMax: frameBytesMax,
  });
}
