import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { concatBytes, utf8ToBytes } from "@counterpart/core/base/bytes";
import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import type { Counter, Metrics } from "@counterpart/core/ports/metrics";
import { encodeMessage } from "@counterpart/core/sync/messages";
import fc from "fast-check";
import { zstd } from "../compression/zstd.ts";
import { createDriverMetrics } from "./driver-metrics.ts";
import { PACKED_BYTES_MIN, PACKED_RATIO_MAX, UNPACKED_BYTES_MAX } from "./limits.ts";
import { createPacking } from "./packing.ts";

const metrics = createDriverMetrics(NO_METRICS);
const packing = createPacking(zstd, metrics);
const plain = createPacking(undefined, metrics);

/** Like an ABI: some text again and again, some of it new. */
const text = (length: number): Uint8Array => {
  const item = (at: number): string => `{"name":"function${at * 7919}","type":"uint${(at % 32) * 8}"}`;
  return utf8ToBytes(Array.from({ length: Math.ceil(length / 30) }, (_, at) => item(at)).join("")).subarray(0, length);
};
/** Bytes that do not shrink. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length + 32);
  for (let at = 0; at < length; at += 32) bytes.set(keccak256(Uint8Array.of(at & 255, at >> 8, at >> 16)), at);
  return bytes.subarray(0, length);
}
const blobs = (...items: readonly Uint8Array[]): Uint8Array => encodeMessage({ type: "Blobs", blobs: items });
const mark = (body: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(1), body);

describe("packing", () => {
  it("makes frames of text smaller for a peer that can read them, and gives them back", () => {
    const frame = blobs(text(50_000));
    const packed = packing.pack(frame, ["zstd"]);
    assert.ok(packed.length * 3 < frame.length, `${packed.length} of ${frame.length}`);
    assert.deepEqual(new Uint8Array(packing.unpack(packed)), frame);
    assert.equal(packing.pack(frame, ["zstd"]), packed, "a frame for many peers is compressed once");
  });

  it("leaves a frame as it is for a peer that cannot, or where it does not pay", () => {
    const frame = blobs(text(50_000));
    assert.equal(packing.pack(frame, []), frame);
    assert.equal(packing.pack(frame, ["lz9"]), frame);
    assert.equal(plain.pack(frame, ["zstd"]), frame);
    const small = blobs(text(PACKED_BYTES_MIN - 100));
    assert.equal(packing.pack(small, ["zstd"]), small);
    const random = blobs(noise(20_000));
    assert.equal(packing.pack(random, ["zstd"]), random);
    const request = encodeMessage({
      type: "GetBlocks",
      hashes: Array.from({ length: 60 }, () => `0x${"00".repeat(32)}` as const),
    });
    assert.equal(packing.pack(request, ["zstd"]), request);
  });

  it("makes nothing that a reader would have to refuse", () => {
    // Shrinks a thousandfold: more than a reader unpacks.
    const repetitive = blobs(new Uint8Array(250_000).fill(32));
    assert.equal(packing.pack(repetitive, ["zstd"]), repetitive);
    fc.assert(
      fc.property(fc.nat(200_000), fc.integer({ min: 1, max: 5_000 }), (length, period) => {
        const frame = blobs(Uint8Array.from({ length }, (_, at) => ((at % period) * 7 + at / period) & 255));
        assert.deepEqual(new Uint8Array(packing.unpack(packing.pack(frame, ["zstd"]))), frame);
      }),
      { numRuns: 50 },
    );
  });

  it("refuses a bomb, what is malformed, and what was not agreed", () => {
    const bad = { code: "BAD_MESSAGE" };
    assert.throws(() => packing.unpack(mark(zstd.compress(new Uint8Array(64 * 1024 * 1024)))), bad);
    assert.throws(() => packing.unpack(mark(zstd.compress(new Uint8Array(PACKED_RATIO_MAX * 1_000)))), bad);
    assert.throws(() => packing.unpack(mark(new Uint8Array(5_000))), bad);
    assert.throws(() => packing.unpack(mark(new Uint8Array(0))), bad);
    assert.throws(() => plain.unpack(mark(zstd.compress(text(5_000)))), bad);
    assert.throws(() => packing.unpack(mark(zstd.compress(noise(UNPACKED_BYTES_MAX + 1)))), bad);
  });

  it("counts the bytes that it saves", () => {
    const counts: Record<string, number> = {};
    const counter = (name: string): Counter<string> => ({
      add: (labels, amount = 1) => {
        if (name === "counterpart_compressed_frame_bytes_total") {
          const key = Object.values(labels).join(" ");
          counts[key] = (counts[key] ?? 0) + amount;
        }
      },
    });
    const counting = { ...NO_METRICS, counter: ({ name }: { name: string }) => counter(name) } as Metrics;
    const counted = createPacking(zstd, createDriverMetrics(counting));
    const frame = blobs(text(9_000));
    const packed = counted.pack(frame, ["zstd"]);
    counted.unpack(packed);
    assert.deepEqual(counts, {
      "sent raw": frame.length,
      "sent wire": packed.length,
      "received raw": frame.length,
      "received wire": packed.length,
    });
  });
});
