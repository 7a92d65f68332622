/** Reading more rows than one page of the store. */

import { concatBytes } from "@counterpart/core/base/bytes";
import type { Entry, StoreReader } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";

const PAGE = 256;

/** Rows of a table in order of key, from `start` on, read a page at a time. */
export function* rowsOf(
  rows: Pick<StoreReader, "range">,
  table: TableName,
  start?: Uint8Array,
  end?: Uint8Array,
): Generator<Entry> {
  let from = start;
  for (;;) {
    const bounds = { ...(from === undefined ? {} : { start: from }), ...(end === undefined ? {} : { end }) };
    const page = rows.range(table, { ...bounds, limit: PAGE });
    yield* page;
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) return;
    from = concatBytes(last.key, new Uint8Array(1));
  }
}
