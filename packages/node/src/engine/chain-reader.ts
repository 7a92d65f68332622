/** Reads of blocks, receipts and transactions from any source of rows. */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import { decodeBody } from "@counterpart/core/chain/block";
import { decodeHeader } from "@counterpart/core/chain/header";
import { decodeReceipts } from "@counterpart/core/chain/receipt";
import type { Block, Receipt, SealedHeader } from "@counterpart/core/chain/types";
import type { StoreReader } from "@counterpart/core/ports/store";
import { decodeLocation, metaKey, numberKey } from "./rows.ts";

export interface ChainReader {
  head(): SealedHeader;
  canonicalHash(number: number): Hex | undefined;
  header(at: number | Hex): SealedHeader | undefined;
  block(at: number | Hex): Block | undefined;
  isCanonical(hash: Hex): boolean;
  receipts(hash: Hex): readonly Receipt[] | undefined;
  /** Where a canonical transaction is. */
  location(transaction: Hex): { readonly blockHash: Hex; readonly index: number } | undefined;
}

export function createChainReader(rows: Pick<StoreReader, "get">, chainId: number): ChainReader {
  const canonicalHash = (number: number): Hex | undefined => {
    const row = rows.get("canonical", numberKey(number));
    return row === undefined ? undefined : bytesToHex(row);
  };
  const hashOf = (at: number | Hex): Hex | undefined => (typeof at === "number" ? canonicalHash(at) : at);
  const header = (at: number | Hex): SealedHeader | undefined => {
    const hash = hashOf(at);
    const row = hash === undefined ? undefined : rows.get("headers", hexToBytes(hash));
    return row === undefined ? undefined : decodeHeader(row);
  };
  const reader: ChainReader = {
    head() {
      const hash = rows.get("meta", metaKey("head"));
      assert(hash !== undefined, "the store has no head");
      const found = header(bytesToHex(hash));
      assert(found !== undefined, "the head's header is not in the store");
      return found;
    },
    canonicalHash,
    header,
    block(at) {
      const found = header(at);
      const body = found === undefined ? undefined : rows.get("bodies", hexToBytes(found.hash));
      if (found === undefined || body === undefined) return undefined;
      return { header: found, transactions: decodeBody(body, chainId) };
    },
    isCanonical(hash) {
      const found = header(hash);
      return found !== undefined && canonicalHash(found.number) === hash;
    },
    receipts(hash) {
      const row = rows.get("receipts", hexToBytes(hash));
      return row === undefined ? undefined : decodeReceipts(row);
    },
    location(transaction) {
      const row = rows.get("transactions", hexToBytes(transaction));
      return row === undefined ? undefined : decodeLocation(row);
    },
  };
  return reader;
}
