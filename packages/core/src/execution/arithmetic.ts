/** Arithmetic on words. Those of two numbers that stay numbers are in the interpreter's loop; these take any. */

import { big, isNegative, normal, signed, WORD_MAX, type Word, wrapped } from "./word.ts";

const TWO_32 = 2 ** 32;

export const add = (a: Word, b: Word): Word => wrapped(big(a) + big(b));
export const subtract = (a: Word, b: Word): Word => wrapped(big(a) - big(b));
export const multiply = (a: Word, b: Word): Word => wrapped(big(a) * big(b));
export const divide = (a: Word, b: Word): Word => (b === 0 ? 0 : normal(big(a) / big(b)));
export const modulo = (a: Word, b: Word): Word => (b === 0 ? 0 : normal(big(a) % big(b)));
export const divideSigned = (a: Word, b: Word): Word => (b === 0 ? 0 : wrapped(signed(a) / signed(b)));
export const moduloSigned = (a: Word, b: Word): Word => (b === 0 ? 0 : wrapped(signed(a) % signed(b)));

export function addModulo(a: Word, b: Word, modulus: Word): Word {
  return modulus === 0 ? 0 : normal((big(a) + big(b)) % big(modulus));
}

export function multiplyModulo(a: Word, b: Word, modulus: Word): Word {
  return modulus === 0 ? 0 : normal((big(a) * big(b)) % big(modulus));
}

/** a to the power of b, modulo 2^256: four bits of b at a time. */
export function power(a: Word, b: Word): Word {
  if (a === 2) return b < 256 ? normal(1n << BigInt(b)) : 0;
  if (a === 0 || a === 1) return b === 0 ? 1 : a;
  const powers = [1n, big(a)];
  let result = 1n;
  for (const digit of b.toString(16)) {
    for (let i = 0; i < 4 && result !== 1n; i++) result = BigInt.asUintN(256, result * result);
    const factor = nthPower(powers, Number.parseInt(digit, 16));
    if (factor !== 1n) result = BigInt.asUintN(256, result * factor);
  }
  return normal(result);
}

/** A power of the second of `powers`, which is the first's successor; those on the way are kept there. */
function nthPower(powers: bigint[], n: number): bigint {
  while (powers.length <= n) {
    powers.push(BigInt.asUintN(256, (powers.at(-1) as bigint) * (powers[1] as bigint)));
  }
  return powers[n] as bigint;
}

/** Bytes of an exponent, for its price. */
export function byteLength(word: Word): number {
  return word === 0 ? 0 : Math.ceil(word.toString(16).length / 2);
}

/** Extends the sign of a value of `index` + 1 bytes. */
export function signExtend(index: Word, word: Word): Word {
  return typeof index === "bigint" || index >= 31 ? word : wrapped(BigInt.asIntN(8 * index + 8, big(word)));
}

export const and = (a: Word, b: Word): Word => {
  if (typeof a === "bigint" || typeof b === "bigint") return normal(big(a) & big(b));
  return (Math.floor(a / TWO_32) & Math.floor(b / TWO_32)) * TWO_32 + ((a & b) >>> 0);
};

export const or = (a: Word, b: Word): Word => {
  if (typeof a === "bigint" || typeof b === "bigint") return normal(big(a) | big(b));
  return (Math.floor(a / TWO_32) | Math.floor(b / TWO_32)) * TWO_32 + ((a | b) >>> 0);
};

export const xor = (a: Word, b: Word): Word => {
  if (typeof a === "bigint" || typeof b === "bigint") return normal(big(a) ^ big(b));
  return (Math.floor(a / TWO_32) ^ Math.floor(b / TWO_32)) * TWO_32 + ((a ^ b) >>> 0);
};

export const not = (a: Word): Word => normal(WORD_MAX ^ big(a));

/** Byte `index` of a word, counted from the most significant. */
export function byteAt(index: Word, word: Word): Word {
  if (typeof index === "bigint" || index >= 32) return 0;
  return Number((big(word) >> BigInt(248 - 8 * index)) & 0xffn);
}

export function shiftLeft(shift: Word, word: Word): Word {
  if (word === 0 || typeof shift === "bigint" || shift >= 256) return 0;
  return wrapped(big(word) << BigInt(shift));
}

export function shiftRight(shift: Word, word: Word): Word {
  if (typeof shift === "bigint" || shift >= 256) return 0;
  if (typeof word === "number") return Math.floor(word / 2 ** shift);
  return normal(word >> BigInt(shift));
}

export function shiftRightSigned(shift: Word, word: Word): Word {
  if (!isNegative(word)) return shiftRight(shift, word);
  return typeof shift === "bigint" || shift >= 256 ? WORD_MAX : wrapped(signed(word) >> BigInt(shift));
}

/** EIP-7939. */
export function leadingZeros(word: Word): Word {
  if (word === 0) return 256;
  const digits = word.toString(16);
  return 256 - 4 * digits.length + Math.clz32(Number.parseInt(digits.charAt(0), 16)) - 28;
}
