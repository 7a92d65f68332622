/**
 * Changes on top of the store that are not written yet. A candidate branch is executed here whole, and becomes one
 * atomic write only when it wins; what memory has no room for waits in staging. While recording, the first previous value of every flat row is kept: that is what
 * unwinding a block puts back.
 */

import { assert } from "@counterpart/core/base/errors";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { keyBytes, keyText } from "../store/key-text.ts";
import type { Staging } from "./staging.ts";

/** Rows of a block's state that unwinding restores directly; trie nodes are recomputed from them. */
export const RECORDED_TABLES = ["accounts", "storage", "contracts"] as const satisfies readonly TableName[];
export type RecordedTable = (typeof RECORDED_TABLES)[number];

/** Previous value of a row; `null`: it did not exist. */
export interface PreviousValue {
  readonly table: RecordedTable;
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

export interface Overlay extends Pick<StoreReader, "get"> {
  put(table: TableName, key: Uint8Array, value: Uint8Array | null): void;
  /** Starts to keep previous values; ends with `recorded`. */
  record(): void;
  recorded(): readonly PreviousValue[];
  /**
   * Starts to note what would have to be taken back; until the next call, the function that it returns takes back
   * everything put since. Not where rows go to staging.
   */
  checkpoint(): () => void;
  /** What the rows put so far take in memory, roughly. */
  readonly bytes: number;
  /** Everything put so far, last value of each row. To be read while it is written, and once. */
  writes(): Iterable<StoreWrite>;
}

/** Beyond this the rows go to staging: little enough for a write that holds the thread only briefly. */
export const OVERLAY_BYTES_MAX = 8 * 1024 * 1024;
/** What a row takes besides key and value. */
const ROW_BYTES = 200;

/**
 * As it is written: there are too many for another object of each then. The array of the key is made when it is asked
 * for, as keys would be most of what waits in memory; so a row is not to be spread, which would lose it.
 */
class Row<Table extends TableName = TableName> implements StoreWrite {
  readonly table: Table;
  readonly name: string;
  value: Uint8Array | null;

  constructor(table: Table, name: string, value: Uint8Array | null) {
    this.table = table;
    this.name = name;
    this.value = value;
  }

  get key(): Uint8Array {
    return keyBytes(this.name);
  }
}
type Rows = Map<string, Row>;

/** A row before it was put; undefined: nothing was said of it. */
interface Undo {
  readonly rows: Rows;
  readonly name: string;
  readonly before: Uint8Array | null | undefined;
  readonly bytes: number;
}

function isRecorded(table: TableName): table is RecordedTable {
  return (RECORDED_TABLES as readonly TableName[]).includes(table);
}

function* rowsOf(tables: ReadonlyMap<TableName, Rows>): Iterable<StoreWrite> {
  for (const rows of tables.values()) yield* rows.values();
}

/** What is known of the recorded rows while one block is recorded. Its gas bounds it. */
interface Recording {
  /** First previous values. */
  readonly previous: Map<string, PreviousValue>;
  /** Rows as they were read beneath: most of what is read is written afterwards, and its previous value wanted then. */
  readonly read: Map<string, Uint8Array | undefined>;
}

function createRecordings(): Record<RecordedTable, Recording> {
  const create = (): Recording => ({ previous: new Map(), read: new Map() });
  return { accounts: create(), storage: create(), contracts: create() };
}

/** @param staging takes what exceeds `bytesMax`; without it everything stays in memory */
export function createOverlay(
  base: Pick<StoreReader, "get">,
  staging?: Staging,
  bytesMax = OVERLAY_BYTES_MAX,
): Overlay {
  const tables = new Map<TableName, Rows>();
  let recordings: Record<RecordedTable, Recording> | undefined;
  let bytes = 0;
  let staged: Staging | undefined;
  let undo: Undo[] | undefined;

  const readBeneath = (table: TableName, key: Uint8Array, name: string): Uint8Array | undefined => {
    const value = staged?.get(table, key);
    return value === undefined ? base.get(table, key, name) : (value ?? undefined);
  };
  const read = (table: TableName, key: Uint8Array, name: string): Uint8Array | undefined => {
    const row = tables.get(table)?.get(name);
    if (row !== undefined) return row.value ?? undefined;
    const known = isRecorded(table) ? recordings?.[table].read : undefined;
    if (known?.has(name) === true) return known.get(name);
    const value = readBeneath(table, key, name);
    known?.set(name, value);
    return value;
  };
  const stage = (): void => {
    staging?.add(rowsOf(tables));
    staged = staging;
    tables.clear();
    for (const table of RECORDED_TABLES) recordings?.[table].read.clear();
    bytes = 0;
  };
  const keepPrevious = (table: TableName, key: Uint8Array, name: string): void => {
    if (recordings === undefined || !isRecorded(table)) return;
    const { previous } = recordings[table];
    if (previous.has(name)) return;
    previous.set(name, new Row(table, name, read(table, key, name) ?? null));
  };

  return {
    get: (table, key, name = keyText(key)) => read(table, key, name),
    put(table, key, value) {
      const name = keyText(key);
      keepPrevious(table, key, name);
      const rows: Rows = tables.get(table) ?? new Map();
      tables.set(table, rows);
      const row = rows.get(name);
      undo?.push({ rows, name, before: row?.value, bytes });
      if (row === undefined) {
        bytes += key.length + ROW_BYTES;
        rows.set(name, new Row(table, name, value));
      } else {
        bytes -= row.value?.length ?? 0;
        row.value = value;
      }
      bytes += value?.length ?? 0;
      if (staging !== undefined && bytes > bytesMax) stage();
    },
    checkpoint() {
      assert(staging === undefined, "rows that were put aside cannot be taken back");
      const puts: Undo[] = [];
      undo = puts;
      return () => {
        for (const { rows, name, before, bytes: then } of puts.splice(0).reverse()) {
          const row = rows.get(name);
          if (before === undefined) rows.delete(name);
          else if (row !== undefined) row.value = before;
          bytes = then;
        }
        recordings = undefined;
      };
    },
    get bytes() {
      return bytes;
    },
    record() {
      assert(recordings === undefined, "an overlay records one block at a time");
      recordings = createRecordings();
    },
    recorded() {
      assert(recordings !== undefined, "the overlay was not recording");
      const { accounts, storage, contracts } = recordings;
      recordings = undefined;
      return [accounts, storage, contracts].flatMap(({ previous }) => [...previous.values()]);
    },
    *writes() {
      if (staged !== undefined) yield* staged.moves();
      yield* rowsOf(tables);
    },
  };
}
