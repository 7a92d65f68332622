/**
 * The store on LMDB. Only `transactionSync` writes: it is the one that rolls back when its body throws, and it flushes
 * before it returns. Reads outside a snapshot see the last write.
 */

import { CodedError } from "@counterpart/core/base/errors";
import type { Entry, RangeOptions, Store, StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { type Database, open, type Transaction } from "lmdb";

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
  staging: true,
  contracts: true,
  pool: true,
  conflicts: true,
  artifacts: true,
  artifactFeed: true,
  artifactDrafts: true,
  peers: true,
  checkpoints: true,
};

/** Address space reserved for the file; the file itself grows as needed. */
const MAP_SIZE_BYTES = 64 * 1024 ** 3;

type Tables = Record<TableName, Database<Uint8Array, Uint8Array>>;

const copy = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

function rangeBounds(options: RangeOptions): { start?: Uint8Array; end?: Uint8Array } {
  const { start, end } = options;
  return { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
}

function readRange(db: Database<Uint8Array, Uint8Array>, options: RangeOptions, transaction?: Transaction): Entry[] {
  const common = { ...rangeBounds(options), ...(transaction === undefined ? {} : { transaction }) };
  const toEntry = ({ key, value }: Entry): Entry => ({ key: copy(key), value: copy(value) });
  if (options.reverse !== true) return [...db.getRange({ ...common, limit: options.limit }).map(toEntry)];
  // LMDB's reverse ranges start at the upper bound and include it: ask from above and drop what is outside.
  const { start, end } = common;
  const reversed = db.getRange({
    ...(transaction === undefined ? {} : { transaction }),
    ...(end === undefined ? {} : { start: end }),
    ...(start === undefined ? {} : { end: start, inclusiveEnd: true }),
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
      return value === undefined ? undefined : copy(value);
    },
    range: (table, range) => readRange(tables[table], range, transaction),
  };
}

function openTables(path: string): { root: ReturnType<typeof open>; tables: Tables } {
  const root = open({
    path,
    maxDbs: 64,
    mapSize: MAP_SIZE_BYTES,
    keyEncoding: "binary",
    encoding: "binary",
    overlappingSync: false,
  });
  const names = Object.keys(TABLES) as TableName[];
  const opened = names.map((name) => [
    name,
    root.openDB<Uint8Array, Uint8Array>({ name, keyEncoding: "binary", encoding: "binary" }),
  ]);
  return { root, tables: Object.fromEntries(opened) as Tables };
}

/**
 * Opens or creates the database file at `path`.
 * @throws CodedError `DATA_DIR_UNUSABLE`
 */
export function openLmdbStore(path: string): Store {
  let opened: ReturnType<typeof openTables>;
  try {
    opened = openTables(path);
  } catch (cause) {
    throw new CodedError("DATA_DIR_UNUSABLE", `cannot open the database ${path}: ${String(cause)}`);
  }
  const { root, tables } = opened;
  const apply = (writes: Iterable<StoreWrite>): void => {
    for (const { table, key, value } of writes) {
      if (value === null) tables[table].removeSync(key);
      else tables[table].putSync(key, value);
    }
  };
  return {
    ...readerOf(tables),
    write(writes) {
      try {
        root.transactionSync(() => apply(writes));
      } catch (cause) {
        throw new CodedError("STORE_WRITE_FAILED", `the database refused a write: ${String(cause)}`);
      } finally {
        root.resetReadTxn();
      }
    },
    snapshot() {
      root.resetReadTxn();
      const transaction = root.useReadTransaction();
      return { ...readerOf(tables, transaction), done: () => transaction.done() };
    },
    close: () => root.close(),
  };
}
