/**
 * Changes on top of the store that are not written yet. A candidate branch is executed here whole, and becomes one
 * atomic write only when it wins; what memory has no room for waits in staging. While recording, the first previous value of every flat row is kept: that is what
 * unwinding a block puts back.
 */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
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

export interface Overlay {
  get(table: TableName, key: Uint8Array): Uint8Array | undefined;
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

type Rows = Map<Hex, Uint8Array | null>;

/** A row before it was put; undefined: nothing was said of it. */
interface Undo {
  readonly rows: Rows;
  readonly name: Hex;
  readonly before: Uint8Array | null | undefined;
  readonly bytes: number;
}

function isRecorded(table: TableName): table is RecordedTable {
  return (RECORDED_TABLES as readonly TableName[]).includes(table);
}

function* rowsOf(tables: ReadonlyMap<TableName, Rows>): Iterable<StoreWrite> {
  for (const [table, rows] of tables) {
    for (const [name, value] of rows) yield { table, key: hexToBytes(name), value };
  }
}

/** @param staging takes what exceeds `bytesMax`; without it everything stays in memory */
export function createOverlay(
  base: Pick<StoreReader, "get">,
  staging?: Staging,
  bytesMax = OVERLAY_BYTES_MAX,
): Overlay {
  const tables = new Map<TableName, Rows>();
  let recording: Map<string, PreviousValue> | undefined;
  let bytes = 0;
  let staged: Staging | undefined;
  let undo: Undo[] | undefined;

  const read = (table: TableName, key: Uint8Array, name: Hex): Uint8Array | undefined => {
    const inMemory = tables.get(table)?.get(name);
    const value = inMemory === undefined ? staged?.get(table, key) : inMemory;
    return value === undefined ? base.get(table, key) : (value ?? undefined);
  };
  const stage = (): void => {
    staging?.add(rowsOf(tables));
    staged = staging;
    tables.clear();
    bytes = 0;
  };
  const keepPrevious = (table: TableName, key: Uint8Array, name: Hex): void => {
    if (recording === undefined || !isRecorded(table)) return;
    const id = `${table}${name}`;
    if (recording.has(id)) return;
    recording.set(id, { table, key, value: read(table, key, name) ?? null });
  };

  return {
    get: (table, key) => read(table, key, bytesToHex(key)),
    put(table, key, value) {
      const name = bytesToHex(key);
      keepPrevious(table, key, name);
      const rows = tables.get(table) ?? new Map<Hex, Uint8Array | null>();
      tables.set(table, rows);
      const before = rows.get(name);
      undo?.push({ rows, name, before, bytes });
      if (before === undefined) bytes += key.length * 2 + ROW_BYTES;
      bytes += (value?.length ?? 0) - (before?.length ?? 0);
      rows.set(name, value);
      if (staging !== undefined && bytes > bytesMax) stage();
    },
    checkpoint() {
      assert(staging === undefined, "rows that were put aside cannot be taken back");
      const puts: Undo[] = [];
      undo = puts;
      return () => {
        for (const { rows, name, before, bytes: then } of puts.splice(0).reverse()) {
          if (before === undefined) rows.delete(name);
          else rows.set(name, before);
          bytes = then;
        }
        recording = undefined;
      };
    },
    get bytes() {
      return bytes;
    },
    record() {
      assert(recording === undefined, "an overlay records one block at a time");
      recording = new Map();
    },
    recorded() {
      assert(recording !== undefined, "the overlay was not recording");
      const previous = [...recording.values()];
      recording = undefined;
      return previous;
    },
    *writes() {
      if (staged !== undefined) yield* staged.moves();
      yield* rowsOf(tables);
    },
  };
}
