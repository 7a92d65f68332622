import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { constants, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { zstd } from "./zstd.ts";

const MIB = 1024 * 1024;

describe("zstd", () => {
  it("gives back what it was given", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5_000 }), fc.nat(20), (bytes, times) => {
        const whole = new Uint8Array(bytes.length * times).map((_, at) => bytes[at % bytes.length] as number);
        assert.deepEqual(new Uint8Array(zstd.decompress(zstd.compress(whole), whole.length + 1)), whole);
      }),
    );
    const large = randomBytes(4 * MIB);
    assert.ok(large.equals(zstd.decompress(zstd.compress(large), large.length)));
  });

  it("gives out no more than it may", () => {
    const bomb = zstd.compress(new Uint8Array(64 * MIB));
    assert.ok(bomb.length < 10_000);
    assert.throws(() => zstd.decompress(bomb, MIB));
    assert.throws(() => zstd.decompress(zstd.compress(new Uint8Array(1_001)), 1_000));
  });

  it("does not take the memory that a frame asks for", () => {
    const params = { [constants.ZSTD_c_windowLog]: 27 };
    const hungry = zstdCompressSync(randomBytes(8 * MIB), { params });
    assert.throws(() => zstd.decompress(hungry, 16 * MIB), {
      code: "ZSTD_error_frameParameter_windowTooLarge",
    });
  });

  it("refuses what is malformed or cut off", () => {
    const whole = zstd.compress(randomBytes(2_000));
    for (const bytes of [new Uint8Array(0), new Uint8Array(50), whole.subarray(0, 100), whole.subarray(1)]) {
      assert.throws(() => {
        if (zstd.decompress(bytes, MIB).length === 0) throw new Error("nothing came out");
      });
    }
  });
});
