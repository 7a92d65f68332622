/** Byte arrays and hexadecimal text. Hashes and addresses travel as lower-case `0x` text, data as bytes. */

import { CodedError } from "./errors.ts";

export type Hex = `0x${string}`;

const HEX_DIGITS = "0123456789abcdef";
const HEX_BYTES: string[] = Array.from(
  { length: 256 },
  (_, byte) => `${HEX_DIGITS[byte >> 4]}${HEX_DIGITS[byte & 15]}`,
);

export const EMPTY_BYTES = new Uint8Array(0);

/** Beyond so many bytes the digits are written beside each other first: joined text keeps a node in memory per byte. */
const JOINED_BYTES_MAX = 96;
const asciiDecoder = new TextDecoder("latin1");

function longToHex(bytes: Uint8Array): string {
  const digits = new Uint8Array(2 + 2 * bytes.length);
  digits[0] = 0x30;
  digits[1] = 0x78;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    digits[2 + 2 * i] = HEX_DIGITS.charCodeAt(byte >> 4);
    digits[3 + 2 * i] = HEX_DIGITS.charCodeAt(byte & 15);
  }
  return asciiDecoder.decode(digits);
}

export function bytesToHex(bytes: Uint8Array): Hex {
  if (bytes.length > JOINED_BYTES_MAX) return longToHex(bytes) as Hex;
  let text = "0x";
  for (let i = 0; i < bytes.length; i++) text += HEX_BYTES[bytes[i] as number];
  return text as Hex;
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
  const bytes = new Uint8Array(text.length / 2 - 1);
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

export const concatBytes = (...parts: readonly Uint8Array[]): Uint8Array => joinBytes(parts);

/** `concatBytes` of as many parts as there are. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = new Uint8Array(size);
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
const WORD_END = 2n ** 64n;

/** Unsigned big-endian value of any length; the empty array is zero. */
export function bytesToBigInt(bytes: Uint8Array): bigint {
  const { length } = bytes;
  if (length <= NUMBER_BYTES) {
    let value = 0;
    for (let i = 0; i < length; i++) value = value * 256 + (bytes[i] as number);
    return BigInt(value);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const first = length % 8;
  let value = 0n;
  for (let i = 0; i < first; i++) value = (value << 8n) | BigInt(bytes[i] as number);
  for (let at = first; at < length; at += 8) value = (value << 64n) | view.getBigUint64(at);
  return value;
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
  let words = 0;
  for (let rest = value; rest > 0n; rest >>= 64n) words++;
  const view = new DataView(new ArrayBuffer(words * 8));
  for (let at = words - 1, rest = value; at >= 0; at--, rest >>= 64n) view.setBigUint64(at * 8, rest % WORD_END);
  let zeros = 0;
  while (view.getUint8(zeros) === 0) zeros++;
  return new Uint8Array(view.buffer, zeros);
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
