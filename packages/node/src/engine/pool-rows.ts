/** Durable form of the pool: the journal of pending transactions, and those that lost their nonce. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { decodeTakenTransaction } from "@counterpart/core/chain/transaction";
import type { Transaction } from "@counterpart/core/chain/types";
import { asBytes, asFixedHex, asList, asNumber, decodeRlp, encodeRlp, rlpNumber } from "@counterpart/core/codec/rlp";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import { rowsOf } from "./paging.ts";
import type { Pending, Pool } from "./pool.ts";
import type { TransactionOrigin } from "./types.ts";

const ORIGINS = ["local", "peer", "reinjected"] as const satisfies readonly TransactionOrigin[];
/** In place of the origin's place: of a peer, and not kept. Of what has the place of peers that was not always known. */
const NOT_KEPT = ORIGINS.length;

export type JournalEntry = Pick<Pending, "transaction" | "origin" | "arrivedAtMs" | "isKept">;

export function pendingRow({ transaction, origin, arrivedAtMs, isKept }: JournalEntry): StoreWrite {
  const code = isKept ? ORIGINS.indexOf(origin) : NOT_KEPT;
  const value = encodeRlp([transaction.raw, rlpNumber(code), rlpNumber(arrivedAtMs)]);
  return { table: "pool", key: hexToBytes(transaction.hash), value };
}

export const removedRow = (hash: Hex): StoreWrite => ({ table: "pool", key: hexToBytes(hash), value: null });

/** A pending transaction becomes one that lost its nonce. One that is not kept is for `Losers` to remember. */
export function lostRows(
  { transaction: { hash, raw }, isKept }: Pick<Pending, "transaction" | "isKept">,
  by: Hex,
): StoreWrite[] {
  const conflict: StoreWrite = {
    table: "conflicts",
    key: hexToBytes(hash),
    value: encodeRlp([raw, hexToBytes(by)]),
  };
  return isKept ? [removedRow(hash), conflict] : [removedRow(hash)];
}

function decodeConflict(row: Uint8Array): { readonly raw: Uint8Array; readonly by: Hex } {
  const [raw, by] = asList(decodeRlp(row), "conflict", 2);
  return { raw: asBytes(raw, "raw"), by: asFixedHex(by, "by", 32) };
}

export function readConflict(
  rows: Pick<StoreReader, "get">,
  hash: Hex,
  chainId: number,
): { readonly transaction: Transaction; readonly by: Hex } | undefined {
  const row = rows.get("conflicts", hexToBytes(hash));
  if (row === undefined) return undefined;
  const { raw, by } = decodeConflict(row);
  return { transaction: decodeTakenTransaction(raw, chainId), by };
}

/** Transactions that lost their nonce to one of `winners`. Looks at every row. */
export function* readLostTo(rows: StoreReader, winners: ReadonlySet<Hex>, chainId: number): Generator<Transaction> {
  for (const { value } of rowsOf(rows, "conflicts")) {
    const { raw, by } = decodeConflict(value);
    if (winners.has(by)) yield decodeTakenTransaction(raw, chainId);
  }
}

export const forgottenConflictRow = (hash: Hex): StoreWrite => ({
  table: "conflicts",
  key: hexToBytes(hash),
  value: null,
});

/** @throws CodedError `STORE_CORRUPT`, `INVALID_RLP`, `INVALID_TRANSACTION` */
export function decodeJournalEntry(row: Uint8Array, chainId: number): JournalEntry {
  const [raw, origin, arrivedAt] = asList(decodeRlp(row), "pending transaction", 3);
  const code = asNumber(origin, "origin");
  const named = code === NOT_KEPT ? "peer" : ORIGINS[code];
  if (named === undefined) throw new CodedError("STORE_CORRUPT", "the pool's journal names an unknown origin");
  return {
    transaction: decodeTakenTransaction(asBytes(raw, "raw"), chainId),
    origin: named,
    arrivedAtMs: asNumber(arrivedAt, "arrived"),
    isKept: code !== NOT_KEPT,
  };
}

/** Puts every journaled transaction back into the pool, in order of arrival. */
export function loadPool(rows: StoreReader, pool: Pool, chainId: number): void {
  const entries = [...rowsOf(rows, "pool")].map(({ value }) => decodeJournalEntry(value, chainId));
  entries.sort((a, b) => a.arrivedAtMs - b.arrivedAtMs);
  for (const { transaction, origin, arrivedAtMs, isKept } of entries) {
    pool.add(transaction, origin, arrivedAtMs).isKept = isKept;
  }
}
