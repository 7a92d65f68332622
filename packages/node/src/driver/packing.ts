/**
 * Frames on the wire: as they are, or compressed where both sides can and it pays. A frame is an RLP list, which starts
 * with 0xc0 or more; a compressed one is a mark and what the compressor made of it.
 */

import { CodedError } from "@counterpart/core/base/errors";
import type { Compressor } from "@counterpart/core/ports/compressor";
import type { MessageType } from "@counterpart/core/sync/message-types";
import { frameType } from "@counterpart/core/sync/messages";
import type { DriverMetrics } from "./driver-metrics.ts";
import { PACKED_BYTES_MIN, PACKED_RATIO_MAX, UNPACKED_BYTES_MAX } from "./limits.ts";

const MARK = 0x01;
/** What does not shrink by a tenth is sent as it is. */
const GAIN_MIN = 0.9;

/** What has text, code or repetition in it. Proofs are hashes, which do not shrink. */
const PACKED: ReadonlySet<MessageType> = new Set<MessageType>([
  "Headers",
  "Blocks",
  "Blobs",
  "NewBlock",
  "NewTransaction",
  "NewContract",
  "UpdateContract",
]);

export interface Packing {
  /** What this side can read, for `Version`. */
  readonly codecs: readonly string[];
  /**
   * @param codecs what the peer can read, once it has said so
   * @param always also a type that is not always worth it
   */
  pack(frame: Uint8Array, codecs: readonly string[] | undefined, always?: boolean): Uint8Array;
  /** @throws CodedError `BAD_MESSAGE` for what is neither a frame nor one compressed, or is too large */
  unpack(bytes: Uint8Array): Uint8Array;
}

/** Without a compressor nothing is compressed, and nothing compressed is read. */
export function createPacking(compressor: Compressor | undefined, metrics: DriverMetrics): Packing {
  /** A frame that goes to many peers is compressed once. */
  const packedBefore = new WeakMap<Uint8Array, Uint8Array>();
  const note = (direction: "sent" | "received", raw: number, wire: number): void => {
    metrics.packed.add({ direction, form: "raw" }, raw);
    metrics.packed.add({ direction, form: "wire" }, wire);
  };
  const compress = (frame: Uint8Array, { compress: make }: Compressor): Uint8Array => {
    const body = make(frame);
    const pays = body.length + 1 < frame.length * GAIN_MIN && frame.length <= body.length * PACKED_RATIO_MAX;
    if (!pays) return frame;
    const packed = new Uint8Array(body.length + 1);
    packed[0] = MARK;
    packed.set(body, 1);
    return packed;
  };
  return {
    codecs: compressor === undefined ? [] : [compressor.name],
    pack(frame, codecs = [], always = false) {
      if (compressor === undefined || !codecs.includes(compressor.name)) return frame;
      if (frame.length < PACKED_BYTES_MIN || !(always || PACKED.has(frameType(frame)))) return frame;
      const packed = packedBefore.get(frame) ?? compress(frame, compressor);
      packedBefore.set(frame, packed);
      if (packed !== frame) note("sent", frame.length, packed.length);
      return packed;
    },
    unpack(bytes) {
      if (bytes[0] !== MARK) return bytes;
      if (compressor === undefined)
        throw new CodedError("BAD_MESSAGE", "the frame is compressed, which was not agreed");
      const sizeMax = Math.min(UNPACKED_BYTES_MAX, (bytes.length - 1) * PACKED_RATIO_MAX);
      let frame: Uint8Array;
      try {
        frame = compressor.decompress(bytes.subarray(1), sizeMax);
      } catch (error) {
        throw new CodedError("BAD_MESSAGE", `the frame cannot be decompressed within its limits: ${String(error)}`);
      }
      note("received", frame.length, bytes.length);
      return frame;
    },
  };
}
