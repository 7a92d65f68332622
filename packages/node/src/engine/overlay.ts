/**
 * Changes on top of the store that are not written yet. A candidate branch is executed here whole, and becomes one
 * atomic write only when it wins. While recording, the first previous value of every flat row is kept: that is what
 * unwinding a block puts back.
 */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";

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
  /** Everything put so far, last value of each row. */
  writes(): StoreWrite[];
}

type Rows = Map<Hex, Uint8Array | null>;

function isRecorded(table: TableName): table is RecordedTable {
  return (RECORDED_TABLES as readonly TableName[]).includes(table);
}

export function createOverlay(base: Pick<StoreReader, "get">): Overlay {
  const tables = new Map<TableName, Rows>();
  let recording: Map<string, PreviousValue> | undefined;

  const read = (table: TableName, key: Uint8Array, name: Hex): Uint8Array | undefined => {
    const value = tables.get(table)?.get(name);
    return value === undefined ? base.get(table, key) : (value ?? undefined);
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
      rows.set(name, value);
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
    writes: () =>
      [...tables].flatMap(([table, rows]) =>
        [...rows].map(([name, value]): StoreWrite => ({ table, key: hexToBytes(name), value })),
      ),
  };
}
