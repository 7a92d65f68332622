import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  add,
  addModulo,
  and,
  byteAt,
  byteLength,
  divide,
  divideSigned,
  leadingZeros,
  modulo,
  moduloSigned,
  multiply,
  multiplyModulo,
  not,
  or,
  power,
  shiftLeft,
  shiftRight,
  shiftRightSigned,
  signExtend,
  subtract,
  xor,
} from "./arithmetic.ts";
import {
  big,
  hexToWord,
  isLess,
  isLessSigned,
  normal,
  putWord,
  type Word,
  wordAt,
  wordFrom,
  wordOf,
  wordToBytes,
  wordToHex,
} from "./word.ts";

const END = 2n ** 256n;
const edges = [0n, 1n, 2n, 31n, 32n, 255n, 256n]
  .concat([31n, 32n, 53n, 64n, 128n, 255n].flatMap((bits) => [2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n]))
  .concat([END - 1n, END - 2n, END - 2n ** 53n]);
const values = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: END - 1n }), fc.bigInt(0n, 2n ** 54n));
const signed = (value: bigint): bigint => BigInt.asIntN(256, value);
const modular = (value: bigint): bigint => BigInt.asUintN(256, value);

/** A word as it must be: a number exactly when it is below 2^53. */
function expectWord(actual: Word, expected: bigint): void {
  assert.equal(typeof actual, expected < 2n ** 53n ? "number" : "bigint");
  assert.equal(big(actual), expected);
}

type Binary = readonly [(a: Word, b: Word) => Word, (a: bigint, b: bigint) => bigint];

const BINARY: Readonly<Record<string, Binary>> = {
  ADD: [add, (a, b) => a + b],
  SUB: [subtract, (a, b) => a - b],
  MUL: [multiply, (a, b) => a * b],
  DIV: [divide, (a, b) => (b === 0n ? 0n : a / b)],
  MOD: [modulo, (a, b) => (b === 0n ? 0n : a % b)],
  SDIV: [divideSigned, (a, b) => (b === 0n ? 0n : signed(a) / signed(b))],
  SMOD: [moduloSigned, (a, b) => (b === 0n ? 0n : signed(a) % signed(b))],
  AND: [and, (a, b) => a & b],
  OR: [or, (a, b) => a | b],
  XOR: [xor, (a, b) => a ^ b],
  SHL: [shiftLeft, (a, b) => (a > 255n ? 0n : b << a)],
  SHR: [shiftRight, (a, b) => (a > 255n ? 0n : b >> a)],
  SAR: [shiftRightSigned, (a, b) => signed(b) >> (a > 255n ? 255n : a)],
  BYTE: [byteAt, (a, b) => (a > 31n ? 0n : (b >> (8n * (31n - a))) & 0xffn)],
  SIGNEXTEND: [signExtend, (a, b) => (a > 30n ? b : BigInt.asIntN(Number(8n * a + 8n), b))],
  LT: [(a, b) => (isLess(a, b) ? 1 : 0), (a, b) => (a < b ? 1n : 0n)],
  SLT: [(a, b) => (isLessSigned(a, b) ? 1 : 0), (a, b) => (signed(a) < signed(b) ? 1n : 0n)],
};

describe("arithmetic on words", () => {
  for (const [name, [actual, expected]] of Object.entries(BINARY)) {
    it(`${name} is that of integers modulo 2^256`, () => {
      fc.assert(
        fc.property(values, values, (a, b) => {
          expectWord(actual(normal(a), normal(b)), modular(expected(a, b)));
        }),
        { numRuns: 500 },
      );
    });
  }

  it("ADDMOD and MULMOD do not wrap before the modulus", () => {
    fc.assert(
      fc.property(values, values, values, (a, b, m) => {
        const words = [normal(a), normal(b), normal(m)] as const;
        expectWord(addModulo(...words), m === 0n ? 0n : (a + b) % m);
        expectWord(multiplyModulo(...words), m === 0n ? 0n : (a * b) % m);
      }),
      { numRuns: 500 },
    );
  });

  it("EXP multiplies as often as it says", () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 300 }), (a, exponent) => {
        let expected = 1n;
        for (let i = 0; i < exponent; i++) expected = modular(expected * a);
        expectWord(power(normal(a), exponent), expected);
      }),
    );
    // Odd numbers have an order that divides 2^254.
    expectWord(power(3, 2n ** 254n), 1n);
    expectWord(power(3, END - 1n), modular(3n ** (2n ** 10n - 1n) * big(power(3, END - 2n ** 10n))));
  });

  it("NOT, CLZ and the length in bytes look at all 256 bits", () => {
    fc.assert(
      fc.property(values, (value) => {
        const bits = value === 0n ? 0 : value.toString(2).length;
        expectWord(not(normal(value)), END - 1n - value);
        expectWord(leadingZeros(normal(value)), BigInt(256 - bits));
        assert.equal(byteLength(normal(value)), Math.ceil(bits / 8));
      }),
    );
  });
});

describe("words", () => {
  it("come back from their bytes and their text", () => {
    fc.assert(
      fc.property(values, fc.nat(40), (value, offset) => {
        const word = normal(value);
        expectWord(hexToWord(wordToHex(word)), value);
        expectWord(wordOf(wordToBytes(word)), value);
        const memory = new Uint8Array(80).fill(0xaa);
        putWord(new DataView(memory.buffer), offset, word);
        assert.deepEqual(memory.subarray(offset, offset + 32), wordToBytes(word));
        expectWord(wordAt(new DataView(memory.buffer), offset), value);
        assert.equal(memory[offset + 32], 0xaa);
      }),
    );
  });

  it("read zeros beyond the end of bytes", () => {
    expectWord(wordFrom(new Uint8Array([1, 2]), 1), 2n << 248n);
    expectWord(wordFrom(new Uint8Array([1, 2]), 2), 0n);
    expectWord(wordFrom(new Uint8Array(40).fill(1), 8), big(wordOf(new Uint8Array(32).fill(1))));
  });
});
