/**
 * The store on LMDB, every value with a checksum. Only `transactionSync` writes: it is the one that rolls back when its body throws, and it flushes
 * before it returns. Reads outside a snapshot see the last write.
 */

import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { LogFields } from "@counterpart/core/ports/runtime";
import type { Entry, RangeOptions, Store, StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { type Database, open, type Transaction } from "lmdb";
import { FORMAT_VERSION, migrate, needsMigration, type RawRows, VERSION_KEY } from "./migrations.ts";
import { recover } from "./recovery.ts";
import { createRooms, type FileFacts, type Room, type Rooms, requireRoomToOpen } from "./room.ts";
import { checkedValue, createChecksummer, isSound } from "./row-checksum.ts";

const TABLES: Record<TableName, true> = {
  meta: true,
  headers: true,
  bodies: true,
  receipts: true,
  canonical: true,
  side: true,
  transactions: true,
  accounts: true,
  storage: true,
  codes: true,
  accountNodes: true,
  storageNodes: true,
  changes: true,
  accountHistory: true,
  storageHistory: true,
  logItems: true,
  logSections: true,
  logEntries: true,
  staging: true,
  contracts: true,
  preimages: true,
  unnamed: true,
  pool: true,
  conflicts: true,
  idempotency: true,
  artifacts: true,
  artifactFeed: true,
  artifactDrafts: true,
  peers: true,
  bans: true,
  checkpoints: true,
};

/** Address space reserved for the file; the file itself grows as needed. */
const MAP_SIZE_BYTES = 64 * 1024 ** 3;

type Table = Database<Uint8Array, Uint8Array>;
type Tables = Record<TableName, Table>;
type RootDatabase = ReturnType<typeof open>;

/** Before all keys. */
const LOWEST = new Uint8Array(0);

const copy = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

function rangeBounds(options: RangeOptions): { start?: Uint8Array; end?: Uint8Array } {
  const { start, end } = options;
  return { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
}

function readRange(tables: Tables, table: TableName, options: RangeOptions, transaction?: Transaction): Entry[] {
  const db = tables[table];
  const common = { ...rangeBounds(options), ...(transaction === undefined ? {} : { transaction }) };
  const toEntry = ({ key, value }: Entry): Entry => ({ key: copy(key), value: checkedValue(table, key, value) });
  if (options.reverse !== true) return [...db.getRange({ ...common, limit: options.limit }).map(toEntry)];
  // LMDB's reverse ranges start at the upper bound and include it: ask from above and drop what is outside. Where they
  // are told no other end, they end before the key of one zero byte.
  const { start, end } = common;
  const reversed = db.getRange({
    ...(transaction === undefined ? {} : { transaction }),
    ...(end === undefined ? {} : { start: end }),
    end: start ?? LOWEST,
    inclusiveEnd: true,
    ...(end === undefined ? {} : { exclusiveStart: true }),
    reverse: true,
    limit: options.limit,
  });
  return [...reversed.map(toEntry)];
}

function readerOf(tables: Tables, transaction?: Transaction): StoreReader {
  const options = transaction === undefined ? undefined : { transaction };
  return {
    get(table, key) {
      const value = tables[table].get(key, options);
      return value === undefined ? undefined : checkedValue(table, key, value);
    },
    range: (table, range) => readRange(tables, table, range, transaction),
  };
}

export const TABLE_NAMES = Object.keys(TABLES) as readonly TableName[];

interface Opened {
  readonly root: RootDatabase;
  readonly tables: Tables;
}

function openTables(path: string): Opened {
  requireRoomToOpen(path);
  try {
    const root = open({
      path,
      maxDbs: 64,
      mapSize: MAP_SIZE_BYTES,
      keyEncoding: "binary",
      encoding: "binary",
      overlappingSync: false,
    });
    const opened = TABLE_NAMES.map((name) => [name, root.openDB({ name, keyEncoding: "binary", encoding: "binary" })]);
    return { root, tables: Object.fromEntries(opened) as Tables };
  } catch (cause) {
    throw new CodedError("DATA_DIR_UNUSABLE", `cannot open the database ${path}: ${String(cause)}`);
  }
}

function rawRows(tables: Tables, room?: Room): RawRows {
  return {
    tables: TABLE_NAMES,
    get(table, key) {
      const stored = tables[table].get(key);
      return stored === undefined ? undefined : copy(stored);
    },
    put(table, key, stored) {
      room?.take(key.length + stored.length);
      tables[table].putSync(key, stored);
    },
    page: (table, after, limit) => [
      ...tables[table]
        .getRange({ ...(after === undefined ? {} : { start: after, exclusiveStart: true }), limit })
        .map(({ key, value }) => [copy(key), copy(value)] as const),
    ],
  };
}

/** Everything that `work` writes, or nothing. @throws CodedError `STORE_WRITE_FAILED` */
function transact<T>(root: RootDatabase, work: () => T): T {
  try {
    return root.transactionSync(work);
  } catch (cause) {
    if (isCodedError(cause)) throw cause;
    throw new CodedError("STORE_WRITE_FAILED", `the database refused a write: ${String(cause)}`);
  } finally {
    root.resetReadTxn();
  }
}

/**
 * A first transaction of one row. Where nothing is free in the file, as in a copy without free pages, LMDB ends the process
 * in a first one of thousands of rows (lmdb 3.5.6, `mdb_page_alloc`).
 */
function rewriteVersion({ meta }: Tables, room: Room): void {
  const version = meta.get(VERSION_KEY);
  if (version === undefined) return;
  room.take(VERSION_KEY.length + version.length);
  meta.putSync(VERSION_KEY, copy(version));
}

/** Brings the database to the format of this program, in one transaction: a crash leaves the old one whole. */
function bringUpToDate({ root, tables }: Opened, rooms: Rooms, { migrates = true, onMigrated }: StoreOptions): void {
  if (!needsMigration(rawRows(tables))) return;
  if (!migrates) {
    throw new CodedError(
      "STORE_VERSION",
      `the database has no or an older format than ${FORMAT_VERSION}: start a node on it first`,
    );
  }
  const found = transact(root, () => migrate(rawRows(tables, rooms.begin())));
  if (found !== undefined) onMigrated?.({ from: found, to: FORMAT_VERSION });
}

/** What a table takes in the file. */
export interface TableStats {
  readonly name: TableName;
  readonly rows: number;
  /** Of its pages, which may have room in them. */
  readonly bytes: number;
}

export interface StoreStats {
  readonly tables: readonly TableStats[];
  /** Of the pages that the database has used so far, free ones included; the file may be longer. */
  readonly bytes: number;
  /** Of pages that nothing uses at present. */
  readonly freeBytes: number;
}

/** What LMDB can do beyond the port. */
export interface LmdbStore extends Store {
  /** Reads from then on see what other threads and processes have written. */
  refresh(): void;
  stats(): StoreStats;
  /** Every row of the database, with its place when it fails its checksum. */
  scan(): Iterable<{ readonly table: TableName; readonly key: Uint8Array } | undefined>;
  /**
   * Copies the database as it is at this moment into a new file, while others read and write.
   * @throws CodedError `STORE_WRITE_FAILED`, `STORE_CORRUPT` when pages of LMDB's own prove to be damaged
   */
  copyTo(path: string): Promise<void>;
}

/** LMDB names its own errors, and leaves those of the disk to the system; too many readers are neither. */
function copyError(copy: string, reason: string): CodedError {
  return /\bMDB_(?!READERS_FULL)/.test(reason)
    ? new CodedError("STORE_CORRUPT", `the database is damaged and cannot be copied: ${reason}`)
    : new CodedError("STORE_WRITE_FAILED", `the database cannot be copied to ${copy}: ${reason}`);
}

interface PageCounts {
  readonly pageSize: number;
  readonly entryCount: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** As LMDB counts pages (`mdb_stat`, `mdb_env_info`). */
function statsOf({ root, tables }: Opened): StoreStats {
  const bytesOf = (counts: PageCounts): number =>
    (counts.treeBranchPageCount + counts.treeLeafPageCount + counts.overflowPages) * counts.pageSize;
  const {
    lastPageNumber,
    pageSize,
    free,
    root: names,
  } = root.getStats() as FileFacts & Record<"free" | "root", PageCounts>;
  const shown = TABLE_NAMES.map((name) => {
    const counts = tables[name].getStats() as PageCounts;
    return { name, rows: counts.entryCount, bytes: bytesOf(counts) };
  });
  const bytes = (lastPageNumber + 1) * pageSize;
  // Two meta pages, the names of the tables, and the list of free pages are no table's.
  const used = shown.reduce((sum, table) => sum + table.bytes, 2 * pageSize + bytesOf(names) + bytesOf(free));
  return { tables: shown, bytes, freeBytes: Math.max(0, bytes - used) };
}

function* scanRows(tables: Tables): ReturnType<LmdbStore["scan"]> {
  for (const table of TABLE_NAMES) {
    for (const { key, value } of tables[table].getRange({}))
      yield isSound(table, key, value) ? undefined : { table, key };
  }
}

export interface StoreOptions {
  /** Whether a database of an older format may be brought up to date; else it is `STORE_VERSION`. True unless given. */
  readonly migrates?: boolean;
  /** Called after a database of an older format was brought up to date. */
  readonly onMigrated?: (versions: LogFields) => void;
}

/**
 * Opens or creates the database file at `path` as it is, without what its log may have beyond it: for one that must not
 * touch the log, because others write to it. Reads of a damaged row throw `STORE_CORRUPT`.
 * @throws CodedError `DATA_DIR_UNUSABLE`, `STORE_VERSION`, `STORE_CORRUPT`
 */
export function openDatabase(path: string, options: StoreOptions = {}): LmdbStore {
  const opened = openTables(path);
  const { root, tables } = opened;
  const rooms = createRooms(path, () => root.getStats() as FileFacts);
  bringUpToDate(opened, rooms, options);
  const withChecksum = createChecksummer();
  // A function of its own, which V8 compiles once: with its body in it, it would compile the loop anew for each flush.
  const put = ({ table, key, value }: StoreWrite, room: Room): void => {
    room.take(key.length + (value?.length ?? 0));
    if (value === null) tables[table].removeSync(key);
    else tables[table].putSync(key, withChecksum(table, key, value));
  };
  const apply = (writes: Iterable<StoreWrite>): void => {
    const room = rooms.begin();
    for (const row of writes) put(row, room);
  };
  let hasWritten = false;
  return {
    ...readerOf(tables),
    write(writes) {
      if (!hasWritten) transact(root, () => rewriteVersion(tables, rooms.begin()));
      hasWritten = true;
      transact(root, () => apply(writes));
    },
    snapshot() {
      root.resetReadTxn();
      const transaction = root.useReadTransaction();
      return { ...readerOf(tables, transaction), done: () => transaction.done() };
    },
    refresh: () => root.resetReadTxn(),
    scan: () => scanRows(tables),
    stats: () => statsOf(opened),
    async copyTo(copy) {
      try {
        await root.backup(copy, true);
      } catch (cause) {
        throw copyError(copy, String(cause));
      }
    },
    async close() {
      await root.close();
      rooms.close();
    },
  };
}

/**
 * The same with everything that was ever written to it, for the only one that uses it.
 * @throws CodedError those of `openDatabase`, `STORE_WRITE_FAILED`
 */
export function openLmdbStore(path: string, options: StoreOptions = {}): LmdbStore {
  const store = openDatabase(path, options);
  try {
    recover(store, path);
  } catch (error) {
    void store.close();
    throw error;
  }
  return store;
}
