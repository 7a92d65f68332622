import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RLP } from "@ethereumjs/rlp";
import fc from "fast-check";
import { bytesToHex, EMPTY_BYTES, hexToBytes, utf8ToBytes } from "../base/bytes.ts";
import type { ErrorCode } from "../base/error-catalogue.ts";
import { isCodedError } from "../base/errors.ts";
import {
  asBigInt,
  asBoolean,
  asBytes,
  asFixedHex,
  asList,
  asListMax,
  asNumber,
  asText,
  decodeRlp,
  encodedSize,
  encodeRlp,
  type RlpItem,
  rlpBigInt,
  rlpBoolean,
  rlpNumber,
} from "./rlp.ts";

const coded = (code: ErrorCode) => (error: unknown) => isCodedError(error, code);
const invalid = coded("INVALID_RLP");

const item: fc.Arbitrary<RlpItem> = fc.letrec<{ item: RlpItem }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.uint8Array({ maxLength: 70 }),
    fc.uint8Array({ maxLength: 1 }),
    fc.array(tie("item"), { maxLength: 12 }),
  ),
})).item;

/** Bytes that are often almost RLP. */
const nearlyRlp = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.tuple(item, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
    const bytes = encodeRlp(value);
    bytes[at % bytes.length] = byte;
    return bytes;
  }),
);

function nested(depth: number): RlpItem {
  let value: RlpItem = [];
  for (let level = 1; level < depth; level++) value = [value];
  return value;
}

describe("encoding RLP", () => {
  test("gives the bytes of @ethereumjs/rlp, of the size foretold, which decode to the same", () => {
    fc.assert(
      fc.property(item, (value) => {
        const bytes = encodeRlp(value);
        assert.equal(bytesToHex(bytes), bytesToHex(RLP.encode(value)));
        assert.equal(encodedSize(value), bytes.length);
        assert.deepEqual(decodeRlp(bytes), value);
      }),
      { numRuns: 500 },
    );
  });

  test("chooses the header by the length at every boundary", () => {
    for (const size of [0, 1, 55, 56, 255, 256, 65_535, 65_536, 16_777_216]) {
      const text = new Uint8Array(size).fill(0x80);
      const bytes = encodeRlp(text);
      assert.equal(bytesToHex(bytes.subarray(0, 12)), bytesToHex(RLP.encode(text).subarray(0, 12)));
      assert.equal((decodeRlp(bytes) as Uint8Array).length, size);
    }
    for (const count of [55, 56, 255, 256, 65_536]) {
      const list = new Array<Uint8Array>(count).fill(Uint8Array.of(1));
      assert.equal((decodeRlp(encodeRlp(list)) as RlpItem[]).length, count);
    }
  });
});

describe("decoding RLP", () => {
  test("accepts only what encodes to the same bytes again, and fails in no other way", () => {
    fc.assert(
      fc.property(nearlyRlp, (bytes) => {
        let value: RlpItem;
        try {
          value = decodeRlp(bytes);
        } catch (error) {
          if (!invalid(error)) throw error;
          return;
        }
        assert.deepEqual(encodeRlp(value), bytes);
      }),
      { numRuns: 5000 },
    );
  });

  test("rejects every encoding that is cut short or followed by something", () => {
    fc.assert(
      fc.property(item, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 3 }), (value, cut, rest) => {
        const bytes = encodeRlp(value);
        assert.throws(() => decodeRlp(bytes.subarray(0, cut % bytes.length)), invalid);
        assert.throws(() => decodeRlp(Uint8Array.from([...bytes, ...rest])), invalid);
      }),
      { numRuns: 500 },
    );
  });

  test("rejects forms that are not the shortest, and items that overrun their list", () => {
    for (const wrong of [
      "0x", // nothing
      "0x8100", // a small byte with a prefix
      "0x817f",
      "0xb800", // the long form of a short length
      "0xb837",
      "0xf800",
      "0xb90038", // a length with a leading zero
      "0xf90038",
      "0xb8", // no length
      "0xf9ff",
      "0xbfffffffffffffffff", // lengths beyond any memory
      "0xffffffffffffffffff",
      "0xc18200", // the item goes on after its list
      "0xc2c20102",
      "0xc1b8",
    ]) {
      assert.throws(() => decodeRlp(hexToBytes(wrong)), invalid, wrong);
    }
  });

  test("limits the nesting and the number of items", () => {
    const limits = { depthMax: 3, itemsMax: 4 };
    assert.deepEqual(decodeRlp(encodeRlp(nested(3)), limits), nested(3));
    assert.throws(() => decodeRlp(encodeRlp(nested(4)), limits), invalid);
    const two = [EMPTY_BYTES, EMPTY_BYTES];
    assert.deepEqual(decodeRlp(encodeRlp([two, EMPTY_BYTES]), limits), [two, EMPTY_BYTES]);
    assert.throws(() => decodeRlp(encodeRlp([two, two]), limits), invalid);
    assert.deepEqual(decodeRlp(encodeRlp(nested(16))), nested(16));
    assert.throws(() => decodeRlp(encodeRlp(nested(17))), invalid);
  });

  test("does not recurse without end into a bomb of nested lists", () => {
    assert.throws(() => decodeRlp(new Uint8Array(1_000_000).fill(0xc1)), invalid);
  });
});

describe("typed access to RLP items", () => {
  const text = Uint8Array.of(1, 2, 3);

  test("tells lists from byte strings and counts them", () => {
    assert.deepEqual(asList([text], "f"), [text]);
    assert.deepEqual(asList([text], "f", 1), [text]);
    assert.throws(() => asList([text], "f", 2), invalid);
    assert.throws(() => asList(text, "f"), invalid);
    assert.throws(() => asList(undefined, "f"), invalid);
    assert.deepEqual(asListMax([text, text], "f", 2), [text, text]);
    assert.throws(() => asListMax([text, text], "f", 1), invalid);
    assert.deepEqual(asBytes(text, "f", 3), text);
    assert.throws(() => asBytes(text, "f", 2), invalid);
    assert.throws(() => asBytes([], "f"), invalid);
    assert.throws(() => asBytes(undefined, "f"), invalid);
    assert.equal(asFixedHex(text, "f", 3), "0x010203");
    assert.throws(() => asFixedHex(text, "f", 4), invalid);
  });

  test("names the field in the error", () => {
    assert.throws(() => asBytes([], "gas limit"), /gas limit/);
  });

  test("reads numbers in their only form and range", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }), fc.maxSafeNat(), (big, small) => {
        assert.equal(asBigInt(rlpBigInt(big), "f"), big);
        assert.equal(asNumber(rlpNumber(small), "f"), small);
      }),
    );
    assert.throws(() => asBigInt(rlpBigInt(1n << 256n), "f"), invalid);
    assert.equal(asBigInt(rlpBigInt(255n), "f", 8), 255n);
    assert.throws(() => asBigInt(rlpBigInt(256n), "f", 8), invalid);
    assert.throws(() => asBigInt(Uint8Array.of(0), "f"), invalid);
    assert.throws(() => asBigInt(Uint8Array.of(0, 1), "f"), invalid);
    assert.equal(asNumber(rlpBigInt((1n << 53n) - 1n), "f"), Number.MAX_SAFE_INTEGER);
    assert.throws(() => asNumber(rlpBigInt(1n << 53n), "f"), invalid);
  });

  test("reads booleans and text", () => {
    for (const value of [true, false]) assert.equal(asBoolean(rlpBoolean(value), "f"), value);
    assert.throws(() => asBoolean(Uint8Array.of(2), "f"), invalid);
    assert.throws(() => asBoolean(Uint8Array.of(0), "f"), invalid);
    assert.equal(asText(utf8ToBytes("naïve"), "f", 6), "naïve");
    assert.throws(() => asText(utf8ToBytes("naïve"), "f", 5), invalid);
    assert.throws(() => asText(Uint8Array.of(0xff), "f", 5), coded("INVALID_UTF8"));
  });

  test("refuses to encode a number that is negative, fractional or inexact", () => {
    for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      assert.throws(() => rlpNumber(value), coded("INVALID_QUANTITY"), String(value));
    }
    assert.throws(() => rlpBigInt(-1n), coded("INVALID_QUANTITY"));
  });
});
