/** How much of the chain a node knows by its headers alone, because it took over the state of a later block. */

import { bytesToBigInt } from "@counterpart/core/base/bytes";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import { metaKey, numberKey } from "./rows.ts";

const ADOPTED_KEY = metaKey("adopted");
/** There while a state is being taken over, with what is left to do. */
export const ADOPTION_KEY = metaKey("adoption");

/** Whether the state that is held is no head's, as it is being taken over. */
export const isAdopting = (rows: Pick<StoreReader, "get">): boolean => rows.get("meta", ADOPTION_KEY) !== undefined;

/** Number of the block whose state was taken over last; 0 where every block was executed. */
export function readAdopted(rows: Pick<StoreReader, "get">): number {
  const row = rows.get("meta", ADOPTED_KEY);
  return row === undefined ? 0 : Number(bytesToBigInt(row));
}

export const adoptedRow = (number: number): StoreWrite => ({
  table: "meta",
  key: ADOPTED_KEY,
  value: numberKey(number),
});
