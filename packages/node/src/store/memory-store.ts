/** A store in memory, for tests and simulations: same port, nothing durable. */

import { bytesToHex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import type { Entry, RangeOptions, Store, StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { keyText } from "./key-text.ts";

type Tables = Map<TableName, Map<string, Uint8Array>>;

function inRange(key: string, options: RangeOptions): boolean {
  if (options.start !== undefined && key < bytesToHex(options.start)) return false;
  return options.end === undefined || key < bytesToHex(options.end);
}

/** What others use in place of the key is of that key. */
function checkName(key: Uint8Array, name: string | undefined): void {
  assert(name === undefined || name === keyText(key), "a row is named after another key");
}

function readerOf(tables: Tables): StoreReader {
  return {
    get(table, key, name) {
      checkName(key, name);
      return tables.get(table)?.get(bytesToHex(key))?.slice();
    },
    range(table, options): readonly Entry[] {
      const rows = [...(tables.get(table) ?? [])].filter(([key]) => inRange(key, options));
      rows.sort(([a], [b]) => (a < b ? -1 : 1));
      if (options.reverse === true) rows.reverse();
      return rows.slice(0, options.limit).map(([key, value]) => ({ key: hexToBytes(key), value: value.slice() }));
    },
  };
}

function apply(tables: Tables, writes: Iterable<StoreWrite>): void {
  for (const { table, key, value, name } of writes) {
    checkName(key, name);
    const rows = tables.get(table) ?? new Map<string, Uint8Array>();
    tables.set(table, rows);
    if (value === null) rows.delete(bytesToHex(key));
    else rows.set(bytesToHex(key), value.slice());
  }
}

export function createMemoryStore(): Store {
  const tables: Tables = new Map();
  return {
    ...readerOf(tables),
    write: (writes) => apply(tables, writes),
    snapshot() {
      const frozen: Tables = new Map([...tables].map(([name, rows]) => [name, new Map(rows)]));
      return { ...readerOf(frozen), done() {} };
    },
    async close() {},
  };
}
