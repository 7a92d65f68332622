/** Blocks, headers, receipts and transactions in their canonical encodings. */

import { bytesToHex } from "@counterpart/core/base/bytes";
import { type AnyDecodedBlock, encodeAnyBlock, toAnyBlock } from "@counterpart/core/chain/any-block";
import { type AnySealedHeader, encodeAnyHeader } from "@counterpart/core/chain/any-header";
import { encodeReceipt } from "@counterpart/core/chain/receipt";
import type { ChainEngine } from "../../engine/types.ts";
import { canonicalBlock, fetchedBlock, transactionOf } from "../state.ts";
import { type BlockRef, headerAt, readBlockNumber, readBlockRef } from "./block-ref.ts";
import { RESPONSE_CHARACTERS_MAX, type RpcMethod } from "./dispatch.ts";
import { responseTooLarge, serverError } from "./errors.ts";
import { formatBadBlock } from "./format.ts";
import { defineMethod, readHash, readSafeQuantity, required } from "./params.ts";

/** Nothing, as go-ethereum answers it. */
const NOTHING = "0x";
/** Two for the encoding, and one at the most for the rest: a transaction of 100 bytes has a hash of 66 characters. */
const BAD_BLOCK_CHARACTERS_PER_BYTE = 3;

/** @throws RpcError -32000 when there is no such block */
function headerOf(engine: ChainEngine, ref: BlockRef, what: "header" | "block"): AnySealedHeader {
  const header = ref.kind === "pending" ? undefined : headerAt(engine, ref);
  if (header !== undefined) return header;
  const name = ref.kind === "number" ? ref.number : ref.kind === "hash" ? ref.hash : ref.kind;
  throw serverError(`${what} #${name} not found`);
}

const heldBlock = (engine: ChainEngine, ref: BlockRef, what: "header" | "block") =>
  canonicalBlock(engine, headerOf(engine, ref, what).hash) as AnyDecodedBlock;

function rawReceipts(engine: ChainEngine, ref: BlockRef) {
  const receipts = engine.receipts(heldBlock(engine, ref, "block").header.hash) ?? [];
  const encoded: string[] = [];
  let size = 0;
  for (const receipt of receipts) {
    const text = bytesToHex(encodeReceipt(receipt));
    size += text.length;
    if (size > RESPONSE_CHARACTERS_MAX) throw responseTooLarge();
    encoded.push(text);
  }
  return encoded;
}

/** The newest first, as many as an answer has room for. */
function badBlocks(engine: ChainEngine) {
  const shown: ReturnType<typeof formatBadBlock>[] = [];
  let bytes = 0;
  for (const refused of engine.refusals().toReversed()) {
    bytes += refused.encoded.length;
    if (bytes * BAD_BLOCK_CHARACTERS_PER_BYTE > RESPONSE_CHARACTERS_MAX) break;
    shown.push(formatBadBlock(refused));
  }
  return shown;
}

/** Included or pending; what lost its nonce is on no chain. */
function rawTransaction(engine: ChainEngine, hash: Parameters<ChainEngine["transaction"]>[0]): string {
  const status = transactionOf(engine, hash);
  return status === undefined || status.status === "conflicted" ? NOTHING : bytesToHex(status.transaction.raw);
}

async function rawAt(engine: ChainEngine, ref: BlockRef, index: number): Promise<string> {
  const header = ref.kind === "pending" ? undefined : headerAt(engine, ref);
  const block = header === undefined ? undefined : await fetchedBlock(engine, header.hash);
  const transaction = block?.transactions[index];
  return transaction === undefined ? NOTHING : bytesToHex(transaction.raw);
}

export function rawMethods(engine: ChainEngine): Record<string, RpcMethod> {
  return {
    debug_getRawHeader: defineMethod([required(readBlockRef)], (ref) =>
      bytesToHex(encodeAnyHeader(headerOf(engine, ref, "header"))),
    ),

    debug_getRawBlock: defineMethod([required(readBlockRef)], async (ref) => {
      const block = await fetchedBlock(engine, headerOf(engine, ref, "block").hash);
      return bytesToHex(encodeAnyBlock(toAnyBlock(block as AnyDecodedBlock)));
    }),

    debug_getRawReceipts: defineMethod([required(readBlockRef)], (ref) => rawReceipts(engine, ref)),

    debug_getRawTransaction: defineMethod([required(readHash)], (hash) => rawTransaction(engine, hash)),

    debug_getBadBlocks: defineMethod([], () => badBlocks(engine)),

    eth_getRawTransactionByHash: defineMethod([required(readHash)], (hash) => rawTransaction(engine, hash)),

    eth_getRawTransactionByBlockHashAndIndex: defineMethod(
      [required(readHash), required(readSafeQuantity)],
      (hash, index) => rawAt(engine, { kind: "hash", hash, requireCanonical: false }, index),
    ),

    eth_getRawTransactionByBlockNumberAndIndex: defineMethod(
      [required(readBlockNumber), required(readSafeQuantity)],
      (ref, index) => rawAt(engine, ref, index),
    ),
  };
}
