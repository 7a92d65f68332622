/** Reads of blocks, receipts and transactions from any source of rows. */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import { type AnyDecodedBlock, decodeAnyBody } from "@counterpart/core/chain/any-block";
import { type AnySealedHeader, decodeAnyHeader } from "@counterpart/core/chain/any-header";
import { decodeBody } from "@counterpart/core/chain/block";
import { decodeHeader } from "@counterpart/core/chain/header";
import { decodeAnyReceipts, decodeReceipts } from "@counterpart/core/chain/receipt";
import type { AnyReceipt, Block, Receipt, SealedHeader } from "@counterpart/core/chain/types";
import type { StoreReader } from "@counterpart/core/ports/store";
import { decodeLocation, metaKey, numberKey } from "./rows.ts";

/** Reads of a chain: of this node's own, or of any fork. */
export interface ChainReader<
  H extends AnySealedHeader = SealedHeader,
  B extends AnyDecodedBlock = Block,
  R extends AnyReceipt = Receipt,
> {
  /** @param known a header that it may be, which need not be read then */
  head(known?: H): H;
  canonicalHash(number: number): Hex | undefined;
  header(at: number | Hex): H | undefined;
  block(at: number | Hex): B | undefined;
  isCanonical(hash: Hex): boolean;
  receipts(hash: Hex): readonly R[] | undefined;
  /** Where a canonical transaction is. */
  location(transaction: Hex): { readonly blockHash: Hex; readonly index: number } | undefined;
}

export type AnyChainReader = ChainReader<AnySealedHeader, AnyDecodedBlock, AnyReceipt>;

type Rows = Pick<StoreReader, "get">;

const HEAD_KEY = metaKey("head");

/** How rows are read. */
interface Forms<H, B, R> {
  header(row: Uint8Array): H;
  block(header: H, body: Uint8Array): B;
  receipts(row: Uint8Array): readonly R[];
}

function readerOf<H extends AnySealedHeader, B extends AnyDecodedBlock, R extends AnyReceipt>(
  rows: Rows,
  forms: Forms<H, B, R>,
): ChainReader<H, B, R> {
  const canonicalHash = (number: number): Hex | undefined => {
    const row = rows.get("canonical", numberKey(number));
    return row === undefined ? undefined : bytesToHex(row);
  };
  const hashOf = (at: number | Hex): Hex | undefined => (typeof at === "number" ? canonicalHash(at) : at);
  const header = (at: number | Hex): H | undefined => {
    const hash = hashOf(at);
    const row = hash === undefined ? undefined : rows.get("headers", hexToBytes(hash));
    return row === undefined ? undefined : forms.header(row);
  };
  return {
    head(known) {
      const row = rows.get("meta", HEAD_KEY);
      assert(row !== undefined, "the store has no head");
      const hash = bytesToHex(row);
      if (hash === known?.hash) return known;
      const found = header(hash);
      assert(found !== undefined, "the head's header is not in the store");
      return found;
    },
    canonicalHash,
    header,
    block(at) {
      const found = header(at);
      const body = found === undefined ? undefined : rows.get("bodies", hexToBytes(found.hash));
      if (found === undefined || body === undefined) return undefined;
      return forms.block(found, body);
    },
    isCanonical(hash) {
      const found = header(hash);
      return found !== undefined && canonicalHash(found.number) === hash;
    },
    receipts(hash) {
      const row = rows.get("receipts", hexToBytes(hash));
      return row === undefined ? undefined : forms.receipts(row);
    },
    location(transaction) {
      const row = rows.get("transactions", hexToBytes(transaction));
      return row === undefined ? undefined : decodeLocation(row);
    },
  };
}

const ownForms = (chainId: number): Forms<SealedHeader, Block, Receipt> => ({
  header: decodeHeader,
  block: (header, body) => ({ header, transactions: decodeBody(body, chainId) }),
  receipts: decodeReceipts,
});

/** Reads of this node's own chain. */
export const createChainReader = (rows: Rows, chainId: number): ChainReader => readerOf(rows, ownForms(chainId));

/** Bytes of the bodies whose blocks are remembered, which take some ten times as much in memory. */
const REMEMBERED_BYTES_MAX = 2 * 1024 * 1024;
const REMEMBERED_BLOCKS_MAX = 16;

/**
 * The same for one who is asked for the last blocks again and again: they are decoded once. Whether they are held is for
 * the rows to say.
 */
export function createRememberingReader(rows: Rows, chainId: number): ChainReader {
  const forms = ownForms(chainId);
  /** By hash, the one that was read last at the end. */
  const known = new Map<Hex, { readonly block: Block; readonly bytes: number }>();
  let total = 0;
  const remember = (block: Block, bytes: number): void => {
    known.set(block.header.hash, { block, bytes });
    total += bytes;
    for (const [hash, oldest] of known) {
      if (total <= REMEMBERED_BYTES_MAX && known.size <= REMEMBERED_BLOCKS_MAX) return;
      known.delete(hash);
      total -= oldest.bytes;
    }
  };
  return readerOf(rows, {
    ...forms,
    block(header, body) {
      const found = known.get(header.hash);
      if (found !== undefined) {
        known.delete(header.hash);
        total -= found.bytes;
      }
      const block = found?.block ?? forms.block(header, body);
      remember(block, body.length);
      return block;
    },
  });
}

const ANY_FORMS: Forms<AnySealedHeader, AnyDecodedBlock, AnyReceipt> = {
  header: decodeAnyHeader,
  block: (header, body) => ({ header, ...decodeAnyBody(body) }),
  receipts: decodeAnyReceipts,
};

/** Reads of a chain that was sealed elsewhere. */
export const createAnyChainReader = (rows: Rows): AnyChainReader => readerOf(rows, ANY_FORMS);
