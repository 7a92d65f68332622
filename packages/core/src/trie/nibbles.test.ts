import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesToHex, hexToBytes } from "../base/bytes.ts";
import { decodeCompact, encodeCompact, keyToNibbles, nibbleAt, nibbleOf, sharedLength } from "./nibbles.ts";

const path = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), maxLength: 70 });

describe("nibble paths", () => {
  test("have one character a nibble, whose value is found again", () => {
    assert.equal(keyToNibbles(hexToBytes("0x0a9f")), "0a9f");
    for (let value = 0; value < 16; value++) assert.equal(nibbleAt(`7${nibbleOf(value)}`, 1), value);
  });

  test("count what they share from the start", () => {
    assert.equal(sharedLength("abcd", "abef"), 2);
    assert.equal(sharedLength("abcd", "abcdef", 2), 4);
    assert.equal(sharedLength("", "abc"), 0);
  });

  test("have the hex-prefix forms of the yellow paper", () => {
    assert.equal(bytesToHex(encodeCompact("12345", false)), "0x112345");
    assert.equal(bytesToHex(encodeCompact("012345", false)), "0x00012345");
    assert.equal(bytesToHex(encodeCompact("0f1cb8", true)), "0x200f1cb8");
    assert.equal(bytesToHex(encodeCompact("f1cb8", true)), "0x3f1cb8");
    assert.equal(bytesToHex(encodeCompact("", true)), "0x20");
  });

  test("survive hex-prefix encoding, which has exactly one form of each path", () => {
    fc.assert(
      fc.property(path, fc.boolean(), (nibbles, isLeaf) => {
        assert.deepEqual(decodeCompact(encodeCompact(nibbles, isLeaf)), { path: nibbles, isLeaf });
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), (bytes) => {
        const decoded = decodeCompact(bytes);
        if (decoded) assert.deepEqual(encodeCompact(decoded.path, decoded.isLeaf), bytes);
      }),
      { numRuns: 2000 },
    );
    for (const wrong of ["0x", "0x01", "0x2f", "0x40", "0xff12"]) {
      assert.equal(decodeCompact(hexToBytes(wrong)), undefined, wrong);
    }
  });
});
