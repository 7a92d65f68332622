/** The history of states against the previous values of the blocks: the same values, for those blocks and no others. */

import { bytesToBigInt, EMPTY_BYTES, equalBytes } from "@counterpart/core/base/bytes";
import { decodeAnyHeader } from "@counterpart/core/chain/any-header";
import type { StoreReader } from "@counterpart/core/ports/store";
import { type HistoryRow, readHistoryStart, storedHistoryRows } from "../history.ts";
import { rowsOf } from "../paging.ts";
import { metaKey, numberKey } from "../rows.ts";
import { corrupt, faultAt, faultOf, type StoreFault } from "./check.ts";
import { readHeld } from "./held.ts";

const TABLES = ["accountHistory", "storageHistory"] as const;

function headNumber(rows: StoreReader): number {
  const hash = rows.get("meta", metaKey("head"));
  const header = hash === undefined ? undefined : rows.get("headers", hash);
  if (header === undefined) throw corrupt("the head is missing");
  return decodeAnyHeader(header).number;
}

function rowFault(rows: StoreReader, { table, key, value }: HistoryRow): string | undefined {
  const stored = rows.get(table, key);
  if (stored === undefined) return "the value before a block that changed it is missing";
  return equalBytes(stored, value) ? undefined : "the value is not the one from before its block";
}

/** A start within what can be known: blocks whose state was taken over have none before them. */
function startFault(start: number, head: number, adopted: number): string | undefined {
  if (start > head) return "the history begins after the head";
  return start < adopted ? "the history begins before the state that was taken over" : undefined;
}

/** As every row that a block asks for is there, there is none too many when there are as many as are asked for. */
export function* checkHistory(rows: StoreReader): Generator<StoreFault | undefined> {
  const [start, head] = [readHistoryStart(rows), headNumber(rows)];
  const message = startFault(start, head, readHeld(rows).adopted);
  if (message !== undefined) return yield faultAt("meta", metaKey("history"), message);
  yield undefined;
  let wanted = 0;
  for (let number = start + 1; number <= head; number++) {
    const expected: HistoryRow[] = [];
    const lost = faultOf("changes", numberKey(number), () => {
      expected.push(...storedHistoryRows(rows, number));
      return undefined;
    });
    if (lost !== undefined) yield lost;
    for (const row of expected) yield faultOf(row.table, row.key, () => rowFault(rows, row));
    wanted += expected.length;
  }
  let held = 0;
  for (const table of TABLES) {
    for (const { key } of rowsOf(rows, table)) {
      held++;
      const number = Number(bytesToBigInt(key.subarray(-8)));
      const isWithin = number > start && number <= head;
      yield isWithin ? undefined : faultAt(table, key, "it is of a block that the history leaves out");
    }
  }
  const counts = `${held} values of earlier states, and the blocks changed ${wanted}`;
  yield held === wanted ? undefined : faultAt("accountHistory", EMPTY_BYTES, counts);
}
