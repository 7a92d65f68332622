/**
 * What keeps damage from passing for data: every stored value ends in the CRC-32 of table, key and value, so a row that
 * was garbled, cut short or put in another's place is noticed when it is read.
 */

import { crc32 } from "node:zlib";
import { bytesToHex, copyBytes, viewOf } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { TableName } from "@counterpart/core/ports/tables";

export const CHECKSUM_BYTES = 4;

const seeds = new Map<TableName, number>();

function seedOf(table: TableName): number {
  const known = seeds.get(table);
  if (known !== undefined) return known;
  const seed = crc32(table);
  seeds.set(table, seed);
  return seed;
}

const checksum = (table: TableName, key: Uint8Array, value: Uint8Array): number =>
  crc32(value, crc32(key, seedOf(table)));

/** The value as it is stored. */
export function withChecksum(table: TableName, key: Uint8Array, value: Uint8Array): Uint8Array {
  const stored = new Uint8Array(value.length + CHECKSUM_BYTES);
  stored.set(value);
  viewOf(stored).setUint32(value.length, checksum(table, key, value));
  return stored;
}

/** Beyond this a value gets bytes of its own. */
const SCRATCH_BYTES = 64 * 1024;

/**
 * The same for one who is done with what it gives before it is called again: most values then need no memory of their
 * own, whose address the database would have to ask for.
 */
export function createChecksummer(): typeof withChecksum {
  const scratch = Buffer.alloc(SCRATCH_BYTES);
  return (table, key, value) => {
    const end = key.length + value.length;
    if (end + CHECKSUM_BYTES > SCRATCH_BYTES) return withChecksum(table, key, value);
    scratch.set(key);
    scratch.set(value, key.length);
    scratch.writeUInt32BE(crc32(scratch.subarray(0, end), seedOf(table)), end);
    return scratch.subarray(key.length, end + CHECKSUM_BYTES);
  };
}

/** Whether a stored value has the checksum that belongs to it. */
export function isSound(table: TableName, key: Uint8Array, stored: Uint8Array): boolean {
  const size = stored.length - CHECKSUM_BYTES;
  if (size < 0) return false;
  const at = (i: number): number => stored[size + i] as number;
  const claimed = ((at(0) << 24) | (at(1) << 16) | (at(2) << 8) | at(3)) >>> 0;
  return claimed === checksum(table, key, stored.subarray(0, size));
}

/**
 * A copy of the value that was stored.
 * @throws CodedError `STORE_CORRUPT` with `{table, key}`
 */
export function checkedValue(table: TableName, key: Uint8Array, stored: Uint8Array): Uint8Array {
  if (isSound(table, key, stored)) return copyBytes(stored.subarray(0, stored.length - CHECKSUM_BYTES));
  const at = bytesToHex(key);
  throw new CodedError("STORE_CORRUPT", `the database is damaged: row ${at} of table ${table} fails its checksum`, {
    table,
    key: at,
  });
}
