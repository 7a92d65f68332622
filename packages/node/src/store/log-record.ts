/**
 * One write as bytes: its length (4), the CRC-32 of all that follows (4), its number (8); then of each row the code of its
 * table (1), the length of its key (2), of its value plus one (4; 0: removed), key and value.
 */

import { crc32 } from "node:zlib";
import type { StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";

const HEAD_BYTES = 16;
const ROW_HEAD_BYTES = 7;
/** Of the buffer in which records are made, at first. */
const SCRATCH_BYTES = 1024 * 1024;
/** A larger one is given up after use; full blocks need some of this again and again. */
const SCRATCH_BYTES_KEPT = 8 * 1024 * 1024;

/** Makes one record after the other. */
export interface RecordWriter {
  /** Of the record under way, so far. */
  readonly bytes: Buffer;
  readonly size: number;
  begin(): void;
  /** @param name the row's key as text; returns where the row begins */
  add(table: TableName, name: string, value: Uint8Array | null): number;
  /** The whole record, in bytes of its own. */
  end(number: number): Buffer;
}

/** @param tables whose places are their codes */
export function createRecordWriter(tables: readonly TableName[]): RecordWriter {
  const codes = new Map(tables.map((table, code) => [table, code]));
  let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  let size = HEAD_BYTES;
  const reserve = (bytes: number): void => {
    if (size + bytes <= scratch.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(size + bytes, scratch.length * 2));
    larger.set(scratch.subarray(0, size));
    scratch = larger;
  };
  return {
    get bytes() {
      return scratch;
    },
    get size() {
      return size;
    },
    begin() {
      if (scratch.length > SCRATCH_BYTES_KEPT) scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
      size = HEAD_BYTES;
    },
    add(table, name, value) {
      const start = size;
      const valueBytes = value?.length ?? 0;
      reserve(ROW_HEAD_BYTES + name.length + valueBytes);
      scratch.writeUInt8(codes.get(table) as number, start);
      scratch.writeUInt16BE(name.length, start + 1);
      scratch.writeUInt32BE(value === null ? 0 : valueBytes + 1, start + 3);
      scratch.write(name, start + ROW_HEAD_BYTES, "latin1");
      if (value !== null) scratch.set(value, start + ROW_HEAD_BYTES + name.length);
      size = start + ROW_HEAD_BYTES + name.length + valueBytes;
      return start;
    },
    end(number) {
      scratch.writeUInt32BE(size, 0);
      scratch.writeBigUInt64BE(BigInt(number), 8);
      scratch.writeUInt32BE(crc32(scratch.subarray(8, size)), 4);
      // `Buffer.from` would fill it with zeros first.
      const record = Buffer.allocUnsafeSlow(size);
      scratch.copy(record, 0, 0, size);
      return record;
    },
  };
}

/** The whole record that begins at `at`; undefined where there is none. */
export function recordAt(bytes: Buffer, at: number): Buffer | undefined {
  if (at + HEAD_BYTES > bytes.length) return undefined;
  const size = bytes.readUInt32BE(at);
  if (size < HEAD_BYTES || at + size > bytes.length) return undefined;
  const record = bytes.subarray(at, at + size);
  return crc32(record.subarray(8)) === record.readUInt32BE(4) ? record : undefined;
}

/** Also of bytes that turn out to be no record. */
export const numberAt = (bytes: Buffer, at: number): number =>
  at + HEAD_BYTES > bytes.length ? -1 : Number(bytes.readBigUInt64BE(at + 8));

/** The value of the row that begins at `at`, a view; `null`: removed. */
export function valueAt(bytes: Buffer, at: number): Buffer | null {
  const length = bytes.readUInt32BE(at + 3);
  if (length === 0) return null;
  const start = at + ROW_HEAD_BYTES + bytes.readUInt16BE(at + 1);
  return bytes.subarray(start, start + length - 1);
}

/** Where the rows of the whole record that is from `start` to `end` begin, in the order in which they were put. */
export function* placesIn(bytes: Buffer, start: number, end: number): Iterable<number> {
  for (let at = start + HEAD_BYTES; at < end; ) {
    yield at;
    at += ROW_HEAD_BYTES + bytes.readUInt16BE(at + 1) + Math.max(0, bytes.readUInt32BE(at + 3) - 1);
  }
}

export const tableCodeAt = (bytes: Buffer, at: number): number => bytes.readUInt8(at);

/** The key of the row that begins at `at`, as text. */
export const nameAt = (bytes: Buffer, at: number): string =>
  bytes.toString("latin1", at + ROW_HEAD_BYTES, at + ROW_HEAD_BYTES + bytes.readUInt16BE(at + 1));

/** The row that begins at `at`, as views. */
export function rowAt(bytes: Buffer, at: number, tables: readonly TableName[]): StoreWrite {
  const start = at + ROW_HEAD_BYTES;
  const key = bytes.subarray(start, start + bytes.readUInt16BE(at + 1));
  return { table: tables[tableCodeAt(bytes, at)] as TableName, key, value: valueAt(bytes, at) };
}
