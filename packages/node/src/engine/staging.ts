/**
 * Room in the store for an overlay that outgrows memory. A long branch is executed before anything is given up, so what
 * it would write waits here, in a table that nobody reads, and becomes the real rows in the one write that moves the
 * head. What a crash leaves here means nothing.
 */

import { concatBytes, EMPTY_BYTES, utf8ToBytes } from "@counterpart/core/base/bytes";
import type { Entry, Store, StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";

export interface Staging {
  /** `null`: the row is to be removed; undefined: nothing is said of it here. */
  get(table: TableName, key: Uint8Array): Uint8Array | null | undefined;
  /** Puts rows aside, durably, later ones over earlier ones. */
  add(rows: Iterable<StoreWrite>): void;
  /** Every row that was put aside, and the removal of its place here: to be written together. */
  moves(): Iterable<StoreWrite>;
}

const PAGE = 256;
const REMOVED = new Uint8Array([0]);
const HELD = new Uint8Array([1]);
const SEPARATOR = new Uint8Array(1);

const stagingKey = (table: TableName, key: Uint8Array): Uint8Array => concatBytes(utf8ToBytes(table), SEPARATOR, key);

/** Rows of the table in order, read a page at a time, so that they may be removed meanwhile. */
function* entries(rows: StoreReader): Iterable<Entry> {
  let start: Uint8Array = EMPTY_BYTES;
  for (;;) {
    const page = rows.range("staging", { ...(start.length === 0 ? {} : { start }), limit: PAGE });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    start = concatBytes(last.key, SEPARATOR);
  }
}

const removal = (key: Uint8Array): StoreWrite => ({ table: "staging", key, value: null });

function toWrite({ key, value }: Entry): StoreWrite {
  const at = key.indexOf(0);
  const table = new TextDecoder().decode(key.subarray(0, at)) as TableName;
  return { table, key: key.slice(at + 1), value: value[0] === 0 ? null : value.slice(1) };
}

export function createStaging(store: Store): Staging {
  return {
    get(table, key) {
      const row = store.get("staging", stagingKey(table, key));
      if (row === undefined) return undefined;
      return row[0] === 0 ? null : row.subarray(1);
    },
    add(rows) {
      const aside = function* (): Iterable<StoreWrite> {
        for (const { table, key, value } of rows) {
          yield {
            table: "staging",
            key: stagingKey(table, key),
            value: value === null ? REMOVED : concatBytes(HELD, value),
          };
        }
      };
      store.write(aside());
    },
    *moves() {
      for (const entry of entries(store)) {
        yield toWrite(entry);
        yield removal(entry.key);
      }
    },
  };
}

/** Forgets what a branch left that did not win, or a crash. */
export function clearStaging(store: Store): void {
  for (;;) {
    const page = store.range("staging", { limit: PAGE });
    if (page.length === 0) return;
    store.write(page.map(({ key }) => removal(key)));
  }
}
