/**
 * The 256-bit words of the EVM. A word is a JavaScript number while it is at most 2^53 - 1 and a BigInt beyond, never
 * otherwise: so two words are equal exactly when `===` says so, and most arithmetic of contracts stays with numbers.
 */

import type { Hex } from "../base/bytes.ts";

export type Word = number | bigint;

const SAFE = Number.MAX_SAFE_INTEGER;
const SAFE_BIG = BigInt(SAFE);
const TWO_32 = 2 ** 32;
/** Below this the upper half of a 64-bit value fits in a number together with the lower. */
const TWO_21 = 2 ** 21;
export const WORD_MAX = 2n ** 256n - 1n;

/** The word of a value that is in range. */
export const normal = (value: bigint): Word => (value <= SAFE_BIG ? Number(value) : value);

/** The word of a value modulo 2^256. */
export const wrapped = (value: bigint): Word => normal(BigInt.asUintN(256, value));

export const big = (word: Word): bigint => (typeof word === "number" ? BigInt(word) : word);

export const signed = (word: Word): bigint => (typeof word === "number" ? BigInt(word) : BigInt.asIntN(256, word));

/** A word as a number: exact up to 2^53 - 1, Infinity beyond. For sizes, offsets and gas, which are never so large. */
export const bounded = (word: Word): number => (typeof word === "number" ? word : Number.POSITIVE_INFINITY);

export const isLess = (a: Word, b: Word): boolean => (typeof a === typeof b ? a < b : typeof a === "number");

export function isNegative(word: Word): boolean {
  return typeof word === "bigint" && word >> 255n === 1n;
}

export function isLessSigned(a: Word, b: Word): boolean {
  const isNegativeA = isNegative(a);
  return isNegativeA === isNegative(b) ? isLess(a, b) : isNegativeA;
}

/** The 32 bytes at `offset` of a view that has them. */
export function wordAt(view: DataView, offset: number): Word {
  const high = view.getBigUint64(offset);
  const second = view.getBigUint64(offset + 8);
  const third = view.getBigUint64(offset + 16);
  if (high !== 0n) return (((((high << 64n) | second) << 64n) | third) << 64n) | view.getBigUint64(offset + 24);
  if (second !== 0n) return (((second << 64n) | third) << 64n) | view.getBigUint64(offset + 24);
  if (third !== 0n) return (third << 64n) | view.getBigUint64(offset + 24);
  const upper = view.getUint32(offset + 24);
  return upper < TWO_21 ? upper * TWO_32 + view.getUint32(offset + 28) : view.getBigUint64(offset + 24);
}

/** Writes the 32 bytes of a word. */
export function putWord(view: DataView, offset: number, word: Word): void {
  if (typeof word === "number") {
    view.setFloat64(offset, 0);
    view.setFloat64(offset + 8, 0);
    view.setFloat64(offset + 16, 0);
    view.setUint32(offset + 24, word / TWO_32);
    view.setUint32(offset + 28, word);
    return;
  }
  view.setBigUint64(offset, word >> 192n);
  view.setBigUint64(offset + 8, word >> 128n);
  view.setBigUint64(offset + 16, word >> 64n);
  view.setBigUint64(offset + 24, word);
}

const scratch = new Uint8Array(32);
const scratchView = new DataView(scratch.buffer);

/** The word of 32 bytes from `offset` on; what lies beyond the end of `bytes` is zero. */
export function wordFrom(bytes: Uint8Array, offset: number): Word {
  const end = Math.min(bytes.length - offset, 32);
  for (let i = 0; i < end; i++) scratch[i] = bytes[offset + i] as number;
  for (let i = Math.max(end, 0); i < 32; i++) scratch[i] = 0;
  return wordAt(scratchView, 0);
}

/** The word whose big-endian form is `bytes`, of at most 32. */
export function wordOf(bytes: Uint8Array): Word {
  const padding = 32 - bytes.length;
  for (let i = 0; i < padding; i++) scratch[i] = 0;
  for (let i = 0; i < bytes.length; i++) scratch[padding + i] = bytes[i] as number;
  return wordAt(scratchView, 0);
}

export function wordToBytes(word: Word): Uint8Array {
  const bytes = new Uint8Array(32);
  putWord(new DataView(bytes.buffer), 0, word);
  return bytes;
}

export const hexToWord = (hex: Hex): Word => normal(BigInt(hex));
export const wordToHex = (word: Word): Hex => `0x${word.toString(16).padStart(64, "0")}`;
export const wordToAddress = (word: Word): Hex => `0x${word.toString(16).padStart(40, "0")}`;

/** The lower 160 bits. */
export const addressWord = (word: Word): Word => (typeof word === "number" ? word : normal(BigInt.asUintN(160, word)));
