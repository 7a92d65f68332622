/**
 * Frames on a byte stream: a length as 4 bytes big-endian, then that many bytes of payload. The decoder is pure: bytes
 * in, whole frames out.
 */

import { CodedError } from "@counterpart/core/base/errors";

export const PREFIX_BYTES = 4;

/** First reservation for a payload; it doubles as bytes arrive, so a bare prefix costs next to nothing. */
const FIRST_RESERVATION_BYTES = 16 * 1024;

/** Cuts a stream of bytes, chunked in any way, into frames. Holds at most one frame, and never more than was sent. */
export class FrameDecoder {
  readonly #frameBytesMax: number;
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #prefixBytes = 0;
  /** The payload being collected; undefined while its prefix is incomplete. */
  #payload: Uint8Array | undefined;
  #payloadBytes = 0;
  #length = 0;

  /** @param frameBytesMax largest payload that is accepted, in bytes */
  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** Bytes of an incomplete frame that are held, its prefix included. */
  get pendingBytes(): number {
    return this.#prefixBytes + this.#payloadBytes;
  }

  /** Memory that is reserved for the incomplete frame, in bytes. */
  get reservedBytes(): number {
    return this.#payload?.length ?? 0;
  }

  /**
   * Takes the next bytes of the stream.
   * @returns the frames that they complete, as copies; empty payloads are frames too
   * @throws CodedError `BAD_MESSAGE` when a prefix exceeds the cap, before anything is reserved for it. The stream has
   * lost its frame boundaries then: every later call throws again.
   */
  push(bytes: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    let at = 0;
    this.#checkLength();
    while (at < bytes.length) {
      at += this.#payload === undefined ? this.#takePrefix(bytes, at) : this.#takePayload(this.#payload, bytes, at);
      if (this.#payload !== undefined && this.#payloadBytes === this.#length) {
        frames.push(this.#payload);
        this.#payload = undefined;
        this.#payloadBytes = 0;
        this.#prefixBytes = 0;
      }
    }
    return frames;
  }

  #takePrefix(bytes: Uint8Array, at: number): number {
    const taken = bytes.subarray(at, at + PREFIX_BYTES - this.#prefixBytes);
    this.#prefix.set(taken, this.#prefixBytes);
    this.#prefixBytes += taken.length;
    if (this.#prefixBytes === PREFIX_BYTES) {
      this.#length = new DataView(this.#prefix.buffer).getUint32(0);
      this.#checkLength();
      this.#payload = new Uint8Array(Math.min(this.#length, FIRST_RESERVATION_BYTES));
    }
    return taken.length;
  }

  #takePayload(payload: Uint8Array, bytes: Uint8Array, at: number): number {
    const taken = bytes.subarray(at, at + this.#length - this.#payloadBytes);
    const needed = this.#payloadBytes + taken.length;
    let room = payload;
    if (needed > payload.length) {
      room = new Uint8Array(Math.min(this.#length, Math.max(needed, payload.length * 2)));
      room.set(payload.subarray(0, this.#payloadBytes));
      this.#payload = room;
    }
    room.set(taken, this.#payloadBytes);
    this.#payloadBytes = needed;
    return taken.length;
  }

  #checkLength(): void {
    if (this.#length <= this.#frameBytesMax) return;
    throw new CodedError(
      "BAD_MESSAGE",
      `a frame of ${this.#length} bytes exceeds the limit of ${this.#frameBytesMax}`,
      {
        sizeBytes: this.#length,
        sizeBytesMax: this.#frameBytesMax,
      },
    );
  }
}
