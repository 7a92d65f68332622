import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  bigIntToBytes,
  bigIntToFixedBytes,
  bytesToBigInt,
  bytesToHex,
  bytesToUtf8,
  compareBytes,
  concatBytes,
  copyBytes,
  createBytePool,
  equalBytes,
  hexToBytes,
  isHex,
  leftPad,
  utf8ToBytes,
  zeroBytes,
} from "./bytes.ts";
import type { ErrorCode } from "./error-catalogue.ts";
import { isCodedError } from "./errors.ts";

const bytes = fc.uint8Array({ maxLength: 80 });
const coded = (code: ErrorCode) => (error: unknown) => isCodedError(error, code);

describe("a pool of bytes", () => {
  test("gives zeros, of one array each", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_100), { minLength: 1, maxLength: 40 }), (sizes) => {
        const arrays = sizes.map((size, index) => {
          const array = zeroBytes(size);
          assert.deepEqual(array, new Uint8Array(size));
          return array.fill(index + 1);
        });
        for (const [index, array] of arrays.entries()) {
          assert.deepEqual(array, new Uint8Array(sizes[index] as number).fill(index + 1));
        }
      }),
    );
  });

  test("lets arrays of some hundred bytes share memory, not smaller and larger ones, nor those of another pool", () => {
    const [pool, other] = [createBytePool(), createBytePool()];
    const [first, second] = [pool(100), pool(101)];
    assert.equal(first.buffer, second.buffer);
    assert.equal(second.byteOffset % 8, 0);
    assert.notEqual(other(100).buffer, first.buffer);
    for (const size of [64, 1_025]) assert.equal(pool(size).buffer.byteLength, size);
  });

  test("does not keep much more than a page for one array", () => {
    for (let size = 0; size < 5_000; size++) assert.ok(zeroBytes(size).buffer.byteLength <= Math.max(4_096, size));
  });

  test("has copies that are not the original, and plain arrays", () => {
    const original = Buffer.alloc(100, 7);
    const copy = copyBytes(original);
    original.fill(8);
    assert.deepEqual(copy, new Uint8Array(100).fill(7));
    assert.deepEqual(copyBytes(new Uint8Array(0)), new Uint8Array(0));
  });
});

describe("hexadecimal text", () => {
  test("gives back the bytes, is lower-case, and may be read in either case", () => {
    fc.assert(
      fc.property(bytes, (data) => {
        const text = bytesToHex(data);
        assert.equal(text, `0x${Buffer.from(data).toString("hex")}`);
        assert.deepEqual(hexToBytes(text), data);
        assert.deepEqual(hexToBytes(`0x${text.slice(2).toUpperCase()}`), data);
      }),
    );
  });

  test("is the same for any number of bytes, and of many takes no more memory than its digits", () => {
    const many = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 7919) >> 3);
    for (const length of [0, 1, 95, 96, 97, 98, 255, 4_096]) {
      const data = many.subarray(3, 3 + length);
      assert.equal(bytesToHex(data), `0x${Buffer.from(data).toString("hex")}`);
    }
    const before = process.memoryUsage().heapUsed;
    const texts = Array.from({ length: 10 }, () => bytesToHex(many));
    const bytesEach = (process.memoryUsage().heapUsed - before) / texts.length;
    assert.ok(bytesEach < 4 * many.length, `${bytesEach} bytes for ${many.length}`);
    assert.equal(texts[9], `0x${Buffer.from(many).toString("hex")}`);
  });

  test("is rejected without prefix, with an odd digit or with anything that is no digit", () => {
    for (const text of ["", "0", "x", "00", "0X00", "0x0", "0x000", "0xg0", "0x0g", "0x 0", "0x0\n", "0x0０", "1x00"]) {
      assert.throws(() => hexToBytes(text), coded("INVALID_HEX"), JSON.stringify(text));
    }
  });

  test("is recognised exactly when it can be read", () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(..."0x19aF g\n"), maxLength: 8 }),
      fc.string({ unit: fc.constantFrom(..."09aF"), maxLength: 8 }).map((digits) => `0x${digits}`),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        const size = isHex(candidate) ? hexToBytes(candidate).length : undefined;
        if (size === undefined) assert.throws(() => hexToBytes(candidate), coded("INVALID_HEX"));
        for (let expected = 0; expected < 6; expected++) assert.equal(isHex(candidate, expected), size === expected);
      }),
      { numRuns: 2000 },
    );
    for (const value of [undefined, null, 0, ["0x00"], {}]) assert.equal(isHex(value), false);
  });
});

describe("byte arrays", () => {
  test("are joined in order", () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 5 }), (parts) => {
        assert.deepEqual(concatBytes(...parts), Uint8Array.from(parts.flatMap((part) => [...part])));
      }),
    );
  });

  test("compare as Buffer does", () => {
    const short = fc.array(fc.nat(2), { maxLength: 3 }).map((values) => Uint8Array.from(values));
    fc.assert(
      fc.property(short, short, (a, b) => {
        assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(a, b));
        assert.equal(equalBytes(a, b), Buffer.compare(a, b) === 0);
      }),
      { numRuns: 1000 },
    );
  });

  test("are padded with zeros on the left, and never cut", () => {
    assert.deepEqual(leftPad(Uint8Array.of(1, 2), 4), Uint8Array.of(0, 0, 1, 2));
    assert.deepEqual(leftPad(Uint8Array.of(1, 2), 2), Uint8Array.of(1, 2));
    assert.throws(() => leftPad(Uint8Array.of(1, 2), 1), coded("INVALID_QUANTITY"));
  });
});

describe("numbers as bytes", () => {
  const value = fc.bigInt({ min: 0n, max: 1n << 300n });

  test("are read back from the shortest and from a padded form", () => {
    fc.assert(
      fc.property(value, (number) => {
        const shortest = bigIntToBytes(number);
        assert.equal(bytesToBigInt(shortest), number);
        assert.notEqual(shortest[0], 0);
        assert.equal(bytesToBigInt(bigIntToFixedBytes(number, 40)), number);
        assert.equal(bigIntToFixedBytes(number, 40).length, 40);
      }),
    );
    assert.equal(bigIntToBytes(0n).length, 0);
    assert.equal(bytesToBigInt(new Uint8Array(0)), 0n);
  });

  test("are rejected when negative or too large for their size", () => {
    assert.throws(() => bigIntToBytes(-1n), coded("INVALID_QUANTITY"));
    assert.throws(() => bigIntToFixedBytes(256n, 1), coded("INVALID_QUANTITY"));
    assert.deepEqual(bigIntToFixedBytes(255n, 1), Uint8Array.of(255));
  });
});

describe("UTF-8", () => {
  test("gives back any text, a byte order mark included", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string().map((rest) => `\ufeff${rest}`),
    );
    fc.assert(fc.property(text, (any) => assert.equal(bytesToUtf8(utf8ToBytes(any)), any)));
  });

  test("that is accepted has one byte form", () => {
    fc.assert(
      fc.property(fc.oneof(bytes, fc.string().map(utf8ToBytes)), (data) => {
        try {
          assert.deepEqual(utf8ToBytes(bytesToUtf8(data)), data);
        } catch (error) {
          if (!isCodedError(error, "INVALID_UTF8")) throw error;
        }
      }),
      { numRuns: 1000 },
    );
    assert.deepEqual(utf8ToBytes(bytesToUtf8(hexToBytes("0xefbbbf41"))), hexToBytes("0xefbbbf41"));
  });

  test("is rejected when malformed, and so is text that it cannot express", () => {
    for (const malformed of ["0xff", "0xc080", "0xe282", "0xeda080", "0xf4908080", "0x41c3"]) {
      assert.throws(() => bytesToUtf8(hexToBytes(malformed)), coded("INVALID_UTF8"), malformed);
    }
    for (const text of ["\ud800", "a\udc00b", "\udc00\ud800"]) {
      assert.throws(() => utf8ToBytes(text), coded("INVALID_UTF8"));
    }
  });
});
