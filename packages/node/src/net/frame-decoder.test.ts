import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import fc from "fast-check";
import { FrameDecoder } from "./frame-decoder.ts";
import { encodeFrame } from "./frame-writer.ts";

const MIB = 1024 * 1024;

/** Cuts the bytes at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [0, ...[...places].map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
}

test("frames come out whole, in whatever chunks their bytes arrive", () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
  fc.assert(
    fc.property(frames, fc.array(fc.nat(), { maxLength: 40 }), (payloads, places) => {
      const decoder = new FrameDecoder(300);
      const chunks = cut(concatBytes(...payloads.map(encodeFrame)), places);
      assert.deepEqual(
        chunks.flatMap((chunk) => decoder.push(chunk)),
        payloads,
      );
      assert.equal(decoder.pendingBytes, 0);
    }),
  );
});

test("a frame that arrives byte by byte is put together", () => {
  const decoder = new FrameDecoder(100_000);
  const payload = Uint8Array.from({ length: 70_000 }, (_, i) => i);
  const frames: Uint8Array[] = [];
  for (const byte of encodeFrame(payload)) frames.push(...decoder.push(Uint8Array.of(byte)));
  assert.deepEqual(frames, [payload]);
});

test("a frame of exactly the cap passes, one byte more is refused", () => {
  assert.deepEqual(new FrameDecoder(5).push(encodeFrame(new Uint8Array(5))), [new Uint8Array(5)]);
  assert.throws(
    () => new FrameDecoder(5).push(encodeFrame(new Uint8Array(6))),
    (error) => isCodedError(error, "BAD_MESSAGE"),
  );
});

test("the largest prefix is refused before anything is reserved, and the decoder stays refused", () => {
  const decoder = new FrameDecoder(MIB);
  assert.throws(
    () => decoder.push(Uint8Array.of(255, 255, 255, 255)),
    (error) => isCodedError(error, "BAD_MESSAGE"),
  );
  assert.equal(decoder.reservedBytes, 0);
  assert.throws(
    () => decoder.push(encodeFrame(new Uint8Array(1))),
    (error) => isCodedError(error, "BAD_MESSAGE"),
  );
});

test("memory follows what has arrived, not what a prefix promises", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: MIB }), fc.array(fc.nat(60_000), { maxLength: 20 }), (length, sizes) => {
      const decoder = new FrameDecoder(MIB);
      decoder.push(encodeFrame(new Uint8Array(length)).subarray(0, 4));
      let arrived = 0;
      for (const size of sizes) {
        if (arrived + size >= length) break;
        decoder.push(new Uint8Array(size));
        arrived += size;
        assert.ok(decoder.reservedBytes <= Math.max(16 * 1024, 2 * arrived));
      }
    }),
  );
});

test("a frame is a copy that later chunks do not change", () => {
  const decoder = new FrameDecoder(10);
  const bytes = encodeFrame(Uint8Array.of(1, 2, 3));
  const [frame] = decoder.push(bytes);
  bytes.fill(9);
  assert.deepEqual(frame, Uint8Array.of(1, 2, 3));
});
