/**
 * The state of earlier blocks. Whatever a block changed has a row under its key and the number of that block, with the
 * value from before it; so the first such row after a block has the value at it, and where there is none, it is the
 * head's. The rows of the blocks after `start` up to the head are there, all of them, and no others.
 */

import { bytesToBigInt, concatBytes, EMPTY_BYTES } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import type { PreviousValue } from "./overlay.ts";
import { decodePrevious, metaKey, numberKey } from "./rows.ts";

const HISTORY_OF = { accounts: "accountHistory", storage: "storageHistory" } as const;

const START_KEY = metaKey("history");
/** Above the number of any block. */
const END = new Uint8Array(8).fill(0xff);

export interface HistoryRow {
  readonly table: "accountHistory" | "storageHistory";
  readonly key: Uint8Array;
  /** Empty where there was no value. */
  readonly value: Uint8Array;
}

/** What a block adds to the history, from its previous values. The index of contracts has none. */
export function* historyRows(number: number, previous: Iterable<PreviousValue>): Generator<HistoryRow> {
  const suffix = numberKey(number);
  for (const { table, key, value } of previous) {
    if (table === "contracts") continue;
    yield { table: HISTORY_OF[table], key: concatBytes(key, suffix), value: value ?? EMPTY_BYTES };
  }
}

/**
 * The same from what is stored of a canonical block that was executed here.
 * @throws CodedError `STORE_CORRUPT`
 */
export function storedHistoryRows(rows: Pick<StoreReader, "get">, number: number): Generator<HistoryRow> {
  const changes = rows.get("changes", numberKey(number));
  if (changes === undefined) throw new CodedError("STORE_CORRUPT", `the changes of block ${number} are not held`);
  return historyRows(number, decodePrevious(changes));
}

export const withoutRow = ({ table, key }: HistoryRow): StoreWrite => ({ table, key, value: null });

/** Number of the first block whose state can be read. @throws CodedError `STORE_CORRUPT` */
export function readHistoryStart(rows: Pick<StoreReader, "get">): number {
  const row = rows.get("meta", START_KEY);
  if (row === undefined) throw new CodedError("STORE_CORRUPT", "where the history of states begins is not stored");
  return Number(bytesToBigInt(row));
}

export const historyStartRow = (number: number) =>
  ({ table: "meta", key: START_KEY, value: numberKey(number) }) as const satisfies StoreWrite;

/** Rows as they were after the block with this number, which is not before the start of the history. */
export function rowsAt(rows: StoreReader, number: number): Pick<StoreReader, "get"> {
  const first = numberKey(number + 1);
  return {
    get(table: TableName, key: Uint8Array): Uint8Array | undefined {
      if (table !== "accounts" && table !== "storage") return rows.get(table, key);
      const bounds = { start: concatBytes(key, first), end: concatBytes(key, END) };
      const [changed] = rows.range(HISTORY_OF[table], { ...bounds, limit: 1 });
      if (changed === undefined) return rows.get(table, key);
      return changed.value.length === 0 ? undefined : changed.value;
    },
  };
}
