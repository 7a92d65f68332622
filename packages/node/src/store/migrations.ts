/**
 * The format of the database and the ways from older ones to it. A change of tables or encodings that an older program
 * would misread gets the next number, a migration, and a file in the old format among the fixtures of the tests.
 */

import { concatBytes, viewOf } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { decodeAnyHeader } from "@counterpart/core/chain/any-header";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import type { TableName } from "@counterpart/core/ports/tables";
import { CHECKSUM_BYTES, checkedValue, isSound, withChecksum } from "./row-checksum.ts";

export const FORMAT_VERSION = 6;

/** Rows as they lie on disk, within one transaction. */
export interface RawRows {
  readonly tables: readonly TableName[];
  get(table: TableName, key: Uint8Array): Uint8Array | undefined;
  put(table: TableName, key: Uint8Array, stored: Uint8Array): void;
  /** Rows of a table in order, after `after`. */
  page(table: TableName, after: Uint8Array | undefined, limit: number): readonly (readonly [Uint8Array, Uint8Array])[];
}

const PAGE = 1_000;
export const VERSION_KEY = new TextEncoder().encode("version");
const GENESIS_KEY = new TextEncoder().encode("genesis");
const HEAD_KEY = new TextEncoder().encode("head");
const HISTORY_KEY = new TextEncoder().encode("history");
const LOGS_KEY = new TextEncoder().encode("logs");
const NUMBER_BYTES = 8;

/** Rows of a table in order, read a page at a time, so that they may be written meanwhile. */
function* rowsOf(rows: RawRows, table: TableName): Iterable<readonly [Uint8Array, Uint8Array]> {
  let after: Uint8Array | undefined;
  do {
    const page = rows.page(table, after, PAGE);
    yield* page;
    after = page.at(-1)?.[0];
  } while (after !== undefined);
}

/** 1 → 2: every value gets its checksum. */
function addChecksums(rows: RawRows): void {
  for (const table of rows.tables) {
    for (const [key, value] of rowsOf(rows, table)) rows.put(table, key, withChecksum(table, key, value));
  }
}

/** 2 → 3: the address of every contract is found by its hash. What a damaged row says is not taken for an address. */
function addPreimages(rows: RawRows): void {
  for (const [address, stored] of rowsOf(rows, "contracts")) {
    if (!isSound("contracts", address, stored)) continue;
    const key = keccak256(address);
    rows.put("preimages", key, withChecksum("preimages", key, address));
  }
}

function encodeNumber(number: number): Uint8Array {
  const value = new Uint8Array(NUMBER_BYTES);
  viewOf(value).setBigUint64(0, BigInt(number));
  return value;
}

/** Number of the head; undefined where there is no chain. @throws CodedError `STORE_CORRUPT` */
function headNumber(rows: RawRows): number | undefined {
  const hash = rows.get("meta", HEAD_KEY);
  if (hash === undefined) return undefined;
  const key = checkedValue("meta", HEAD_KEY, hash);
  const header = rows.get("headers", key);
  if (header === undefined) throw new CodedError("STORE_CORRUPT", "the head's header is not in the store");
  return decodeAnyHeader(checkedValue("headers", key, header)).number;
}

/** 3 → 4: states of earlier blocks can be read. The history begins at the head; a node that runs makes what is before. */
function addHistory(rows: RawRows): void {
  const head = headNumber(rows);
  if (head === undefined) return;
  rows.put("meta", HISTORY_KEY, withChecksum("meta", HISTORY_KEY, encodeNumber(head)));
}

/** 4 → 5: logs are found by what is in them. The index begins at the head; a node that runs makes what is before. */
function addLogIndex(rows: RawRows): void {
  const head = headNumber(rows);
  if (head === undefined) return;
  const bounds = concatBytes(encodeNumber(head), encodeNumber(head));
  rows.put("meta", LOGS_KEY, withChecksum("meta", LOGS_KEY, bounds));
}

/**
 * 5 → 6: a log beside the database may hold writes that it lacks, which an older program would not know of. The rows are
 * as they were.
 */
function addLog(): void {}

/** By the format that each starts from. */
const MIGRATIONS: Readonly<Record<number, (rows: RawRows) => void>> = {
  1: addChecksums,
  2: addPreimages,
  3: addHistory,
  4: addLogIndex,
  5: addLog,
};

/** The format of what is stored; undefined for an empty database. Format 1 had no checksums, this row included. */
function readVersion(rows: RawRows): number | undefined {
  const stored = rows.get("meta", VERSION_KEY);
  if (stored === undefined) return rows.get("meta", GENESIS_KEY) === undefined ? undefined : 0;
  const isPlain = stored.length < NUMBER_BYTES + CHECKSUM_BYTES;
  const value = isPlain ? stored : checkedValue("meta", VERSION_KEY, stored);
  return value.reduce((number, byte) => number * 256 + byte, 0);
}

/** Whether `migrate` has anything to do. @throws CodedError `STORE_VERSION`, `STORE_CORRUPT` */
export function needsMigration(rows: RawRows): boolean {
  const version = readVersion(rows);
  if (version === undefined || version === FORMAT_VERSION) return version === undefined;
  if (MIGRATIONS[version] !== undefined) return true;
  throw new CodedError(
    "STORE_VERSION",
    `the database has format ${version}, and this program knows the formats up to ${FORMAT_VERSION}`,
    { stored: version, known: FORMAT_VERSION },
  );
}

/**
 * Brings the rows to the present format, within the transaction of the caller.
 * @returns the format that was found; undefined for an empty database
 */
export function migrate(rows: RawRows): number | undefined {
  const found = readVersion(rows);
  for (let version = found ?? FORMAT_VERSION; version < FORMAT_VERSION; version++) MIGRATIONS[version]?.(rows);
  rows.put("meta", VERSION_KEY, withChecksum("meta", VERSION_KEY, encodeNumber(FORMAT_VERSION)));
  return found;
}
