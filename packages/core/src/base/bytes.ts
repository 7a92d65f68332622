/** Byte arrays and hexadecimal text. Hashes and addresses travel as lower-case `0x` text, data as bytes. */

import { CodedError } from "./errors.ts";

export type Hex = `0x${string}`;

const HEX_DIGITS = "0123456789abcdef";
const DIGIT_CODES = Uint8Array.from(HEX_DIGITS, (digit) => digit.charCodeAt(0));

export const EMPTY_BYTES = new Uint8Array(0);

/** V8 has the bytes of arrays up to this size on its heap. */
export const HEAP_BYTES_MAX = 64;
/** Beyond this an array gets memory of its own. */
const POOLED_BYTES_MAX = 1_024;
/** What several arrays share, so the most that one keeps alive. */
const POOL_BYTES = 4_096;

/** Gives arrays of so many zeros, to be filled. */
export type BytePool = (size: number) => Uint8Array;

/**
 * Arrays that share memory. One of its own takes some twenty times as long to get for a hundred bytes, as it has to be
 * given back too. So `buffer` may be larger than an array and of others: it is not to be viewed without `byteOffset`, nor
 * transferred.
 */
export function createBytePool(): BytePool {
  let pool = new ArrayBuffer(POOL_BYTES);
  let end = 0;
  return (size) => {
    if (size <= HEAP_BYTES_MAX || size > POOLED_BYTES_MAX) return new Uint8Array(size);
    if (end + size > POOL_BYTES) {
      pool = new ArrayBuffer(POOL_BYTES);
      end = 0;
    }
    const bytes = new Uint8Array(pool, end, size);
    // Where any typed array may begin.
    end += (size + 7) & ~7;
    return bytes;
  };
}

/** For what is soon gone. */
export const zeroBytes = createBytePool();

/** A copy out of a pool. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  const copy = zeroBytes(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Longer text is made by a decoder: there is an end to the arguments of a call. */
const SHORT_BYTES_MAX = 96;
const asciiDecoder = new TextDecoder("latin1");
/** Character codes of short texts by number of bytes, used again and again. */
const shortCodes: number[][] = [];

function writeDigits(bytes: Uint8Array, codes: number[] | Uint8Array): void {
  codes[0] = 0x30;
  codes[1] = 0x78;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    codes[2 + 2 * i] = DIGIT_CODES[byte >> 4] as number;
    codes[3 + 2 * i] = DIGIT_CODES[byte & 15] as number;
  }
}

function longToHex(bytes: Uint8Array): string {
  const codes = new Uint8Array(2 + 2 * bytes.length);
  writeDigits(bytes, codes);
  return asciiDecoder.decode(codes);
}

/** Not joined from parts, which stay in memory behind such a text, and are put together when it is first compared. */
export function bytesToHex(bytes: Uint8Array): Hex {
  const { length } = bytes;
  if (length > SHORT_BYTES_MAX) return longToHex(bytes) as Hex;
  let codes = shortCodes[length];
  if (codes === undefined) {
    codes = new Array<number>(2 + 2 * length).fill(0);
    shortCodes[length] = codes;
  }
  writeDigits(bytes, codes);
  return String.fromCharCode.apply(null, codes) as Hex;
}

/** Value of the digit with this character code; -1 where it is none. */
const DIGITS = new Int8Array(128).fill(-1);
for (let value = 0; value < 16; value++) {
  DIGITS[HEX_DIGITS.charCodeAt(value)] = value;
  DIGITS[HEX_DIGITS.toUpperCase().charCodeAt(value)] = value;
}

const digitAt = (text: string, at: number): number => DIGITS[text.charCodeAt(at)] ?? -1;

/**
 * Bytes of `0x` text with an even number of digits of either case.
 * @throws CodedError `INVALID_HEX`
 */
export function hexToBytes(text: string): Uint8Array {
  if (text.length % 2 !== 0 || text.charCodeAt(0) !== 48 || text.charCodeAt(1) !== 120) {
    throw new CodedError("INVALID_HEX", "expected 0x and an even number of hexadecimal digits");
  }
  const bytes = zeroBytes(text.length / 2 - 1);
  for (let i = 0; i < bytes.length; i++) {
    const value = (digitAt(text, 2 * i + 2) << 4) | digitAt(text, 2 * i + 3);
    if (value < 0) throw new CodedError("INVALID_HEX", "not a hexadecimal digit");
    bytes[i] = value;
  }
  return bytes;
}

/** Whether `text` is `0x` and exactly `sizeBytes` bytes of hexadecimal digits (any size when absent). */
export function isHex(text: unknown, sizeBytes?: number): text is Hex {
  if (typeof text !== "string" || !/^0x[0-9a-fA-F]*$/.test(text) || text.length % 2 !== 0) return false;
  return sizeBytes === undefined || text.length === 2 + 2 * sizeBytes;
}

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const concatBytes = (...parts: readonly Uint8Array[]): Uint8Array => joinBytes(parts);

/** `concatBytes` of as many parts as there are. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = zeroBytes(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** Lexicographic order: negative when `a` sorts before `b`. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Up to this many bytes, a number has room for the value and is faster than a BigInt. */
const NUMBER_BYTES = 6;
const NUMBER_END = 2n ** 48n;

/** Unsigned big-endian value of any length; the empty array is zero. */
export function bytesToBigInt(bytes: Uint8Array): bigint {
  const { length } = bytes;
  if (length <= NUMBER_BYTES) {
    let value = 0;
    for (let i = 0; i < length; i++) value = value * 256 + (bytes[i] as number);
    return BigInt(value);
  }
  return BigInt(bytesToHex(bytes));
}

/** Shortest big-endian form of an integer from 0 up to 2^53 - 1; zero is the empty array. */
export function numberToBytes(value: number): Uint8Array {
  let size = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) size++;
  const bytes = new Uint8Array(size);
  for (let i = size - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  return bytes;
}

/** Shortest big-endian form; zero is the empty array (the form RLP wants). */
export function bigIntToBytes(value: bigint): Uint8Array {
  if (value < 0n) throw new CodedError("INVALID_QUANTITY", "a negative value has no byte form");
  if (value === 0n) return EMPTY_BYTES;
  if (value < NUMBER_END) return numberToBytes(Number(value));
  const digits = value.toString(16);
  return hexToBytes(digits.length % 2 === 0 ? `0x${digits}` : `0x0${digits}`);
}

/** Big-endian form padded with zeros on the left to `sizeBytes`. */
export function bigIntToFixedBytes(value: bigint, sizeBytes: number): Uint8Array {
  return leftPad(bigIntToBytes(value), sizeBytes);
}

export function leftPad(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  if (bytes.length > sizeBytes) throw new CodedError("INVALID_QUANTITY", `does not fit in ${sizeBytes} bytes`);
  if (bytes.length === sizeBytes) return bytes;
  const padded = new Uint8Array(sizeBytes);
  padded.set(bytes, sizeBytes - bytes.length);
  return padded;
}

const encoder = new TextEncoder();
// A byte order mark is kept as text: otherwise two byte strings would give one text.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * UTF-8 of `text`.
 * @throws CodedError `INVALID_UTF8` when it has half of a surrogate pair, which UTF-8 cannot express
 */
export function utf8ToBytes(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new CodedError("INVALID_UTF8", "half of a surrogate pair has no UTF-8 form");
  return encoder.encode(text);
}

/** @throws CodedError `INVALID_UTF8` */
export function bytesToUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new CodedError("INVALID_UTF8", "not valid UTF-8");
  }
}
