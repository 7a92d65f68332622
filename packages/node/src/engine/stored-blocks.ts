/** Blocks of the canonical chain as they were sealed, whichever chain is stored. */

import { bytesToHex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { type AnyBlock, decodeAnyBody, encodeAnyBlock, toAnyBlock } from "@counterpart/core/chain/any-block";
import { type AnySealedHeader, decodeAnyHeader } from "@counterpart/core/chain/any-header";
import { rawTransactionsOf } from "@counterpart/core/chain/block";
import type { StoreReader } from "@counterpart/core/ports/store";
import { createAnyChainReader } from "./chain-reader.ts";
import { readImported } from "./imported.ts";
import { numberKey } from "./rows.ts";

type Rows = Pick<StoreReader, "get">;

/** Number of the last block. */
export const headNumber = (rows: Rows): number => createAnyChainReader(rows).head().number;

/** @throws CodedError `PRUNED` when only the header is held, as before a state that was taken over */
function blockOf(rows: Rows, header: AnySealedHeader, isImported: boolean): AnyBlock {
  const body = rows.get("bodies", hexToBytes(header.hash));
  if (body === undefined) {
    throw new CodedError("PRUNED", `of block ${header.number} this node knows the header alone`, {
      block: header.number,
    });
  }
  if (isImported) return toAnyBlock({ header, ...decodeAnyBody(body) });
  return { header, transactions: rawTransactionsOf(body), ommers: [], withdrawals: [] };
}

/**
 * Encodings of the blocks with these numbers, both included.
 * @throws CodedError `BLOCK_NOT_FOUND`, `PRUNED`
 */
export function* encodedBlocks(rows: Rows, from: number, to: number): Generator<Uint8Array> {
  const isImported = readImported(rows) !== undefined;
  for (let number = from; number <= to; number++) {
    const hash = rows.get("canonical", numberKey(number));
    const row = hash === undefined ? undefined : rows.get("headers", hash);
    if (hash === undefined || row === undefined) {
      throw new CodedError("BLOCK_NOT_FOUND", `there is no block ${number} on the chain`, { block: number });
    }
    const header = decodeAnyHeader(row);
    if (header.hash !== bytesToHex(hash)) throw new CodedError("STORE_CORRUPT", `header ${number} has another hash`);
    yield encodeAnyBlock(blockOf(rows, header, isImported));
  }
}
