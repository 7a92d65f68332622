/**
 * Recursive Length Prefix, strict: canonical forms only, bounded depth and item count, no trailing bytes.
 * Source: Ethereum yellow paper, appendix B.
 */

import {
  bigIntToBytes,
  bytesToBigInt,
  bytesToHex,
  bytesToUtf8,
  EMPTY_BYTES,
  type Hex,
  numberToBytes,
  zeroBytes,
} from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";

/** What decoding yields: byte strings are views into the input, not copies. */
export type RlpItem = Uint8Array | RlpItem[];
/** What encoding takes. */
export type RlpInput = Uint8Array | readonly RlpInput[];

export interface RlpLimits {
  /** Nesting of lists; the outermost list is depth 1. */
  readonly depthMax: number;
  /** Items of all lists together. */
  readonly itemsMax: number;
}

export const RLP_DEFAULT_LIMITS: RlpLimits = { depthMax: 16, itemsMax: 1_000_000 };

function invalid(reason: string): CodedError {
  return new CodedError("INVALID_RLP", `invalid RLP: ${reason}`);
}

function lengthOfLength(size: number): number {
  let bytes = 1;
  for (let rest = Math.floor(size / 256); rest > 0; rest = Math.floor(rest / 256)) bytes++;
  return bytes;
}

const headerSize = (payloadSize: number): number => (payloadSize < 56 ? 1 : 1 + lengthOfLength(payloadSize));

function stringSize(bytes: Uint8Array): number {
  if (bytes.length === 1 && (bytes[0] as number) < 0x80) return 1;
  return headerSize(bytes.length) + bytes.length;
}

/** Size of an item's encoding; `payloads` gets that of the contents of each list in it, in the order of writing. */
function measure(item: RlpInput, payloads: number[]): number {
  if (item instanceof Uint8Array) return stringSize(item);
  const index = payloads.push(0) - 1;
  let payload = 0;
  for (const child of item) payload += measure(child, payloads);
  payloads[index] = payload;
  return headerSize(payload) + payload;
}

/** Size in bytes that `encodeRlp` would produce. */
export const encodedSize = (item: RlpInput): number =>
  item instanceof Uint8Array ? stringSize(item) : measure(item, []);

function writeHeader(out: Uint8Array, at: number, payloadSize: number, short: number, long: number): number {
  if (payloadSize < 56) {
    out[at] = short + payloadSize;
    return at + 1;
  }
  const count = lengthOfLength(payloadSize);
  out[at] = long + count;
  let rest = payloadSize;
  for (let i = count; i > 0; i--) {
    out[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return at + 1 + count;
}

/** @returns where it ends in `out` */
export function writeString(out: Uint8Array, start: number, bytes: Uint8Array): number {
  if (bytes.length === 1 && (bytes[0] as number) < 0x80) {
    out[start] = bytes[0] as number;
    return start + 1;
  }
  const at = writeHeader(out, start, bytes.length, 0x80, 0xb7);
  out.set(bytes, at);
  return at + bytes.length;
}

/** Size in bytes of what stands before a list's contents of that size. */
export const listHeaderSize = headerSize;

/** @returns where the contents begin in `out` */
export const writeListHeader = (out: Uint8Array, at: number, contentsSize: number): number =>
  writeHeader(out, at, contentsSize, 0xc0, 0xf7);

interface Writer {
  readonly out: Uint8Array;
  /** As `measure` gives them. */
  readonly payloads: readonly number[];
  at: number;
  lists: number;
}

function write(writer: Writer, item: RlpInput): void {
  if (item instanceof Uint8Array) {
    writer.at = writeString(writer.out, writer.at, item);
    return;
  }
  const payload = writer.payloads[writer.lists++] as number;
  writer.at = writeListHeader(writer.out, writer.at, payload);
  for (const child of item) write(writer, child);
}

export function encodeRlp(item: RlpInput): Uint8Array {
  if (item instanceof Uint8Array) {
    const out = zeroBytes(stringSize(item));
    writeString(out, 0, item);
    return out;
  }
  const payloads: number[] = [];
  const out = zeroBytes(measure(item, payloads));
  write({ out, payloads, at: 0, lists: 0 }, item);
  return out;
}

/**
 * The list whose items have been encoded already, one after the other.
 * @param type a byte that stands before it (EIP-2718)
 */
export function encodeRlpList(contents: Uint8Array, type?: number): Uint8Array {
  const start = type === undefined ? 0 : 1;
  const out = zeroBytes(start + headerSize(contents.length) + contents.length);
  if (type !== undefined) out[0] = type;
  out.set(contents, writeListHeader(out, start, contents.length));
  return out;
}

interface Cursor {
  readonly bytes: Uint8Array;
  readonly limits: RlpLimits;
  at: number;
  items: number;
}

function readLength(cursor: Cursor, count: number, end: number): number {
  if (cursor.at + count > end) throw invalid("length runs past the end");
  if (cursor.bytes[cursor.at] === 0) throw invalid("length has a leading zero");
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + (cursor.bytes[cursor.at + i] as number);
  if (length < 56) throw invalid("long form of a short length");
  cursor.at += count;
  return length;
}

function readString(cursor: Cursor, size: number, end: number): Uint8Array {
  if (size > end - cursor.at) throw invalid("string runs past the end");
  const start = cursor.at;
  cursor.at += size;
  return cursor.bytes.subarray(start, cursor.at);
}

function readList(cursor: Cursor, size: number, end: number, depth: number): RlpItem[] {
  if (size > end - cursor.at) throw invalid("list runs past the end");
  if (depth > cursor.limits.depthMax) throw invalid("nested too deep");
  const listEnd = cursor.at + size;
  const list: RlpItem[] = [];
  while (cursor.at < listEnd) {
    if (++cursor.items > cursor.limits.itemsMax) throw invalid("too many items");
    list.push(readItem(cursor, listEnd, depth + 1));
  }
  return list;
}

function readItem(cursor: Cursor, end: number, depth: number): RlpItem {
  if (cursor.at >= end) throw invalid("ends early");
  const prefix = cursor.bytes[cursor.at] as number;
  if (prefix < 0x80) return readString(cursor, 1, end);
  cursor.at++;
  if (prefix < 0xb8) {
    const text = readString(cursor, prefix - 0x80, end);
    if (text.length === 1 && (text[0] as number) < 0x80) throw invalid("single byte with a prefix");
    return text;
  }
  if (prefix < 0xc0) return readString(cursor, readLength(cursor, prefix - 0xb7, end), end);
  if (prefix < 0xf8) return readList(cursor, prefix - 0xc0, end, depth);
  return readList(cursor, readLength(cursor, prefix - 0xf7, end), end, depth);
}

/**
 * How many bytes the item takes that `bytes` begin with, its prefix included; undefined while too few of them are there to
 * say.
 * @throws CodedError `INVALID_RLP` when its length is not written in the shortest form
 */
export function frameOf(bytes: Uint8Array): number | undefined {
  const prefix = bytes[0];
  if (prefix === undefined) return undefined;
  if (prefix < 0x80) return 1;
  if (prefix < 0xb8) return 1 + prefix - 0x80;
  if (prefix >= 0xc0 && prefix < 0xf8) return 1 + prefix - 0xc0;
  const count = prefix < 0xc0 ? prefix - 0xb7 : prefix - 0xf7;
  if (bytes.length < 1 + count) return undefined;
  const cursor: Cursor = { bytes, limits: RLP_DEFAULT_LIMITS, at: 1, items: 0 };
  return readLength(cursor, count, bytes.length) + cursor.at;
}

/**
 * The one item that `bytes` encode.
 * @throws CodedError `INVALID_RLP`
 */
export function decodeRlp(bytes: Uint8Array, limits: RlpLimits = RLP_DEFAULT_LIMITS): RlpItem {
  const cursor: Cursor = { bytes, limits, at: 0, items: 0 };
  const item = readItem(cursor, bytes.length, 1);
  if (cursor.at !== bytes.length) throw invalid("trailing bytes");
  return item;
}

// Typed access: each function names the field in its error, so that a log line says what was wrong.

/** A list of exactly `count` items (any number when absent). */
export function asList(item: RlpItem | undefined, field: string, count?: number): RlpItem[] {
  if (!Array.isArray(item)) throw invalid(`${field} is not a list`);
  if (count !== undefined && item.length !== count) throw invalid(`${field} has ${item.length} items, not ${count}`);
  return item;
}

/** A list of at most `max` items. */
export function asListMax(item: RlpItem | undefined, field: string, max: number): RlpItem[] {
  const list = asList(item, field);
  if (list.length > max) throw invalid(`${field} has ${list.length} items, more than ${max}`);
  return list;
}

/** A byte string of at most `sizeMax` bytes. */
export function asBytes(item: RlpItem | undefined, field: string, sizeMax?: number): Uint8Array {
  if (!(item instanceof Uint8Array)) throw invalid(`${field} is not a byte string`);
  if (sizeMax !== undefined && item.length > sizeMax) throw invalid(`${field} is longer than ${sizeMax} bytes`);
  return item;
}

/** A byte string of exactly `size` bytes, as hex text. */
export function asFixedHex(item: RlpItem | undefined, field: string, size: number): Hex {
  const bytes = asBytes(item, field);
  if (bytes.length !== size) throw invalid(`${field} has ${bytes.length} bytes, not ${size}`);
  return bytesToHex(bytes);
}

/** A canonical unsigned integer of at most `bits` bits. */
export function asBigInt(item: RlpItem | undefined, field: string, bits = 256): bigint {
  const bytes = asBytes(item, field);
  if (bytes.length * 8 > bits) throw invalid(`${field} is longer than ${bits} bits`);
  if (bytes.length > 0 && bytes[0] === 0) throw invalid(`${field} has a leading zero`);
  return bytesToBigInt(bytes);
}

/** A canonical unsigned integer that JavaScript holds exactly (below 2^53). */
export function asNumber(item: RlpItem | undefined, field: string): number {
  const value = asBigInt(item, field, 64);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(`${field} is too large`);
  return Number(value);
}

/** UTF-8 text of at most `sizeMax` bytes. */
export function asText(item: RlpItem | undefined, field: string, sizeMax: number): string {
  return bytesToUtf8(asBytes(item, field, sizeMax));
}

export function asBoolean(item: RlpItem | undefined, field: string): boolean {
  const value = asNumber(item, field);
  if (value > 1) throw invalid(`${field} is not a boolean`);
  return value === 1;
}

export const rlpBigInt = (value: bigint): Uint8Array => bigIntToBytes(value);

/** @throws CodedError `INVALID_QUANTITY` unless `value` is an integer from 0 up to 2^53 - 1 */
export function rlpNumber(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) throw new CodedError("INVALID_QUANTITY", "not an exact integer");
  return numberToBytes(value);
}

export const rlpBoolean = (value: boolean): Uint8Array => (value ? new Uint8Array([1]) : EMPTY_BYTES);
