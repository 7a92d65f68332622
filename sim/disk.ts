/**
 * A disk: a store in memory that outlives its node. A write is atomic and durable when it returns, as LMDB's are. A crash
 * may come just before or just after one took effect, and for a while the disk may be full.
 */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { RangeOptions, Store, StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";

/** Rows of one table, in order of key once that was asked for. Never changed once a write has ended. */
interface Table {
  readonly rows: Map<Hex, Uint8Array>;
  keys: readonly Hex[] | undefined;
}

type Tables = Map<TableName, Table>;

/** What a node that died in the middle of a write meets. */
export class Crashed extends Error {}

export interface Disk {
  /** The store of one life of a node; it is useless once `isAlive` says so. */
  open(isAlive: () => boolean): Store;
  full: boolean;
  /** Called at the next write but `countdown`, before or after it takes effect; the node dies in it. */
  crash: { countdown: number; readonly when: "before" | "after"; readonly die: () => void } | undefined;
  readonly writes: number;
  /** Nothing is on it any more. */
  wipe(): void;
  /** The rows now, for checks. */
  reader(): StoreReader;
  /** Tables that have ever held anything. */
  tables(): readonly TableName[];
}

/** Index of the first key that is not before `key`. */
function lowerBound(keys: readonly Hex[], key: Hex): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as Hex) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function rangeOf(table: Table, { start, end, limit, reverse }: RangeOptions) {
  table.keys ??= [...table.rows.keys()].sort();
  const from = start === undefined ? 0 : lowerBound(table.keys, bytesToHex(start));
  const to = end === undefined ? table.keys.length : lowerBound(table.keys, bytesToHex(end));
  const chosen = reverse
    ? table.keys.slice(Math.max(from, to - limit), to).reverse()
    : table.keys.slice(from, Math.min(to, from + limit));
  return chosen.map((key) => ({ key: hexToBytes(key), value: (table.rows.get(key) as Uint8Array).slice() }));
}

function readerOf(tables: () => Tables): StoreReader {
  return {
    get: (table, key) => tables().get(table)?.rows.get(bytesToHex(key))?.slice(),
    range(table, options) {
      const found = tables().get(table);
      return found === undefined ? [] : rangeOf(found, options);
    },
  };
}

/** @param fresh tables that this write has already made its own */
function put(tables: Tables, fresh: Set<TableName>, { table: name, key, value }: StoreWrite): void {
  const before = tables.get(name);
  if (before === undefined || !fresh.has(name)) tables.set(name, { rows: new Map(before?.rows), keys: before?.keys });
  fresh.add(name);
  const table = tables.get(name) as Table;
  const id = bytesToHex(key);
  if (table.rows.has(id) === (value === null)) table.keys = undefined;
  if (value === null) table.rows.delete(id);
  else table.rows.set(id, value.slice());
}

export function createDisk(): Disk {
  let tables: Tables = new Map();
  let writes = 0;
  const reader = readerOf(() => tables);
  /** Rows may follow from rows just written, so reads see them at once; a write that fails leaves what was there. */
  const apply = (rows: Iterable<StoreWrite>): void => {
    const before = tables;
    const fresh = new Set<TableName>();
    tables = new Map(before);
    try {
      for (const row of rows) put(tables, fresh, row);
    } catch (error) {
      tables = before;
      throw error;
    }
  };
  const disk: Disk = {
    full: false,
    crash: undefined,
    get writes() {
      return writes;
    },
    wipe() {
      tables = new Map();
    },
    reader: () => reader,
    tables: () => [...tables.keys()],
    open(isAlive) {
      const dieIf = (when: "before" | "after"): void => {
        const { crash } = disk;
        if (crash === undefined || crash.when !== when || crash.countdown > 0) return;
        disk.crash = undefined;
        crash.die();
        throw new Crashed("the node died in a write");
      };
      return {
        ...reader,
        write(rows) {
          if (!isAlive()) throw new Crashed("the node is dead");
          if (disk.full) throw new CodedError("STORE_WRITE_FAILED", "the disk is full");
          if (disk.crash !== undefined) disk.crash.countdown--;
          dieIf("before");
          apply(rows);
          writes++;
          dieIf("after");
        },
        snapshot() {
          const frozen = tables;
          return { ...readerOf(() => frozen), done() {} };
        },
        async close() {},
      };
    },
  };
  return disk;
}
