/**
 * Writes that are durable before the database has them, in files beside it: a file begins with the database that it
 * belongs to and the number of its first write, and holds whole writes one after the other. A write that a crash cut short
 * is at the end of the last file, was acknowledged to nobody, and counts as not made.
 */

import { randomBytes } from "node:crypto";
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { bytesToHex, concatBytes, equalBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { nameAt, numberAt, placesIn, recordAt, rowAt, tableCodeAt } from "./log-record.ts";

const MAGIC = new TextEncoder().encode("cptlog01");
const ID_BYTES = 16;
const NUMBER_BYTES = 8;
const CHECK_BYTES = 4;
/** What a file has behind its last write, so that the next ones do not make it longer. */
const ROOM_BYTES = 64 * 1024;
const ZEROS = new Uint8Array(ROOM_BYTES);
/** Digits of the number in a file's name: names in order are files in order. */
const DIGITS = 16;

export interface LogFile {
  readonly path: string;
  /** What was appended, without the room behind it. */
  readonly bytes: number;
  /** Durable when it returns. @throws CodedError `STORE_WRITE_FAILED`; the write is not made then */
  append(record: Buffer): void;
  /** Whether the file holds nothing but what was appended; tries again to cut off what a refused append has left. */
  isWhole(): boolean;
  /** To be called on a whole one. */
  close(): void;
}

/** What one file holds. */
export interface LoggedWrites {
  readonly path: string;
  /** Which database it belongs to. */
  readonly id: Uint8Array;
  /** Whose places are their codes. */
  readonly tables: readonly TableName[];
  readonly bytes: Buffer;
  /** Where the records lie, by number, one after the other. */
  readonly writes: readonly { readonly number: number; readonly start: number; readonly end: number }[];
  /** Whether something follows that is no whole write. */
  readonly isCutShort: boolean;
  /** Whether a whole write follows on what is none: no crash leaves that. */
  readonly isDamaged: boolean;
}

export const logPrefix = (database: string): string => `${basename(database)}-log-`;

/** Files of a database's log, in order. */
export function logFiles(database: string): string[] {
  const prefix = logPrefix(database);
  const names = readdirSync(dirname(database)).filter((name) => name.startsWith(prefix));
  return names.sort().map((name) => join(dirname(database), name));
}

function syncFolderOf(path: string): void {
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * Magic, id, number of the first write, names of the tables in the order of their codes, each ended by 0x0a; a 0x00 and
 * the CRC-32 of all this.
 */
function encodeStart(id: Uint8Array, first: number, tables: readonly TableName[]): Buffer {
  const number = Buffer.alloc(NUMBER_BYTES);
  number.writeBigUInt64BE(BigInt(first));
  const names = Buffer.from(`${tables.map((name) => `${name}\n`).join("")}\0`);
  const start = Buffer.concat([MAGIC, id, number, names, Buffer.alloc(CHECK_BYTES)]);
  const end = start.length - CHECK_BYTES;
  start.writeUInt32BE(crc32(start.subarray(0, end)), end);
  return start;
}

function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, position + at);
}

const refused = (cause: unknown): CodedError =>
  new CodedError("STORE_WRITE_FAILED", `the disk has no room for a write, or refuses it: ${String(cause)}`);

/** Does what is worth no failure. */
function attempt(work: () => void): void {
  try {
    work();
  } catch {}
}

/** A file that has some room ahead of it: most writes then change no more than themselves. */
function openWithRoom(path: string) {
  const file = openSync(path, "w", 0o600);
  let bytes = 0;
  let room = 0;
  return {
    get bytes() {
      return bytes;
    },
    append(added: Uint8Array): void {
      const end = bytes + added.length;
      writeAll(file, added, bytes);
      if (end > room) {
        writeAll(file, ZEROS, end);
        room = end + ROOM_BYTES;
      }
      fdatasyncSync(file);
      bytes = end;
    },
    /** What is behind the last whole append goes. */
    trim(): void {
      room = bytes;
      ftruncateSync(file, bytes);
    },
    close: () => closeSync(file),
  };
}

/**
 * Begins a file.
 * @throws CodedError `STORE_WRITE_FAILED`
 */
export function createLogFile(database: string, id: Uint8Array, first: number, tables: readonly TableName[]): LogFile {
  const path = join(dirname(database), `${logPrefix(database)}${String(first).padStart(DIGITS, "0")}`);
  let file: ReturnType<typeof openWithRoom> | undefined;
  try {
    file = openWithRoom(path);
    file.append(encodeStart(id, first, tables));
    syncFolderOf(path);
  } catch (cause) {
    attempt(() => file?.close());
    // Without its start it says nothing, and is in the way of those that follow.
    attempt(() => rmSync(path, { force: true }));
    throw refused(cause);
  }
  const log = file;
  /** Set while the file holds what was refused. */
  let broken: CodedError | undefined;
  const isWhole = (): boolean => {
    attempt(() => {
      if (broken !== undefined) log.trim();
      broken = undefined;
    });
    return broken === undefined;
  };
  return {
    path,
    get bytes() {
      return log.bytes;
    },
    isWhole,
    append(record) {
      if (!isWhole()) throw broken;
      try {
        log.append(record);
      } catch (cause) {
        broken = refused(cause);
        isWhole();
        throw refused(cause);
      }
    },
    close() {
      // What is behind its writes is room, zeros, which readers know: they may stay.
      attempt(() => log.trim());
      attempt(() => log.close());
    },
  };
}

interface Start {
  readonly id: Uint8Array;
  readonly first: number;
  readonly tables: readonly TableName[];
  readonly end: number;
}

function decodeStart(bytes: Buffer): Start | undefined {
  const idEnd = MAGIC.length + ID_BYTES;
  const end = bytes.indexOf(0, idEnd + NUMBER_BYTES);
  const isWhole = end >= 0 && end + 1 + CHECK_BYTES <= bytes.length;
  if (!isWhole || crc32(bytes.subarray(0, end + 1)) !== bytes.readUInt32BE(end + 1)) return undefined;
  if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) return undefined;
  const names = bytes
    .toString("latin1", idEnd + NUMBER_BYTES, end)
    .split("\n")
    .slice(0, -1);
  return {
    id: bytes.subarray(MAGIC.length, idEnd),
    first: Number(bytes.readBigUInt64BE(idEnd)),
    tables: names as TableName[],
    end: end + 1 + CHECK_BYTES,
  };
}

/** How many writes may be unreadable before one that is found again. */
const LOST_MAX = 1 << 20;

/** Whether a whole write with that number or a later one lies somewhere from `at` on. */
function hasWrite(bytes: Buffer, at: number, number: number): boolean {
  for (let place = at; place < bytes.length; place++) {
    const found = numberAt(bytes, place);
    if (found >= number && found <= number + LOST_MAX && recordAt(bytes, place) !== undefined) return true;
  }
  return false;
}

/** @throws errors of the file system, `ENOENT` when it has gone meanwhile */
export function readLogFile(path: string): LoggedWrites {
  const bytes = readFileSync(path);
  const { id, first, tables, end } = decodeStart(bytes) ?? {
    id: new Uint8Array(0),
    first: Number(path.slice(-DIGITS)),
    tables: [],
    end: 0,
  };
  const writes: LoggedWrites["writes"][number][] = [];
  let at = end;
  for (let record = end === 0 ? undefined : recordAt(bytes, at); record !== undefined; record = recordAt(bytes, at)) {
    const number = first + writes.length;
    if (numberAt(record, 0) !== number) break;
    writes.push({ number, start: at, end: at + record.length });
    at += record.length;
  }
  // What was made ready and not written to is zeros.
  const isCutShort = end === 0 || bytes.subarray(at).some((byte) => byte !== 0);
  const next = first + writes.length;
  return { path, id, tables, bytes, writes, isCutShort, isDamaged: isCutShort && hasWrite(bytes, at, next) };
}

export function damagedLog(path: string, why: string): CodedError {
  const advice =
    "restore a backup, or move the database and its logs away and let the node fetch the chain from a peer";
  return new CodedError("STORE_CORRUPT", `the log ${path} is damaged: ${why}`, { path, advice });
}

/** Which database, and the number of the last write that it has. */
export interface LogPosition {
  readonly id: Uint8Array;
  readonly last: number;
}

const POSITION_KEY = new TextEncoder().encode("log");

/** Undefined for a database that never had a log. */
export function readPosition(rows: Pick<StoreReader, "get">): LogPosition | undefined {
  const row = rows.get("meta", POSITION_KEY);
  if (row === undefined) return undefined;
  return { id: row.subarray(0, ID_BYTES), last: Number(Buffer.from(row).readBigUInt64BE(ID_BYTES)) };
}

/** Belongs into the same write as what it speaks of. */
export function positionRow({ id, last }: LogPosition): StoreWrite {
  const number = Buffer.alloc(NUMBER_BYTES);
  number.writeBigUInt64BE(BigInt(last));
  return { table: "meta", key: POSITION_KEY, value: concatBytes(id, number) };
}

export const newPosition = (): LogPosition => ({ id: randomBytes(ID_BYTES), last: 0 });

/**
 * Writes that a database lacks, in order, of each of its log's files.
 * @throws CodedError `STORE_CORRUPT` where they do not follow on what the database has
 */
export function* missingWrites(
  files: readonly LoggedWrites[],
  position: LogPosition | undefined,
): Iterable<LoggedWrites> {
  let next = (position?.last ?? 0) + 1;
  for (const [at, file] of files.entries()) {
    if (file.isDamaged) throw damagedLog(file.path, "a write in it cannot be read, and others follow");
    // Cut short before its start was whole: nothing was written to it.
    if (file.id.length === 0) continue;
    if (file.isCutShort && at < files.length - 1) throw damagedLog(file.path, "it ends early, and others follow");
    if (position === undefined || !equalBytes(file.id, position.id))
      throw damagedLog(file.path, `it belongs to another database (${bytesToHex(file.id)})`);
    const writes = file.writes.filter(({ number }) => number >= next);
    if (writes.length === 0) continue;
    if (writes[0]?.number !== next) throw damagedLog(file.path, `it does not follow on write ${next - 1}`);
    yield { ...file, writes };
    next += writes.length;
  }
}

/** All rows, in the order in which they were put. */
export function* loggedRows({ bytes, tables, writes }: LoggedWrites): Iterable<StoreWrite> {
  for (const { start, end } of writes) for (const at of placesIn(bytes, start, end)) yield rowAt(bytes, at, tables);
}

/**
 * The last value of each row, table by table in the order of keys: as the database takes them with the least effort. They
 * are made one after the other, as so many at once would keep the garbage collector busy.
 */
export function* lastRows({ bytes, tables, writes }: LoggedWrites): Iterable<StoreWrite> {
  const places = tables.map(() => new Map<string, number>());
  for (const { start, end } of writes) {
    for (const at of placesIn(bytes, start, end)) places[tableCodeAt(bytes, at)]?.set(nameAt(bytes, at), at);
  }
  for (const rows of places) {
    // The order of names that `sort` has by itself is the order of keys.
    for (const name of [...rows.keys()].sort()) yield rowAt(bytes, rows.get(name) as number, tables);
  }
}
