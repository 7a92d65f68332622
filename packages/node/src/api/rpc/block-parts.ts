/** Parts of blocks: how many transactions, which one, ommers, receipts. */

import type { AnyDecodedBlock } from "@counterpart/core/chain/any-block";
import { blobBaseFeeAt } from "@counterpart/core/consensus/foreign-rules";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createPatientPacer } from "../../engine/pacer.ts";
import type { ChainEngine } from "../../engine/types.ts";
import { canonicalBlock, fetchedBlock } from "../state.ts";
import { type BlockRef, headerAt, readBlockNumber, readBlockRef } from "./block-ref.ts";
import { RESPONSE_CHARACTERS_MAX, type RpcMethod } from "./dispatch.ts";
import { responseTooLarge } from "./errors.ts";
import {
  type FormattedReceipt,
  formatOmmer,
  formatReceipt,
  formatTransaction,
  LOG_CHARACTERS_MIN,
  placeOf,
  quantity,
} from "./format.ts";
import { defineMethod, type Reader, readHash, readSafeQuantity, required } from "./params.ts";
import { pendingBlock } from "./pending-block.ts";

type Block = AnyDecodedBlock;

/** The block that a caller named, from peers where only its header is held; undefined when there is none. */
async function blockAt(engine: ChainEngine, ref: BlockRef): Promise<Block | undefined> {
  if (ref.kind === "pending") return pendingBlock(engine);
  const header = headerAt(engine, ref);
  return header === undefined ? undefined : fetchedBlock(engine, header.hash);
}

const readHashRef: Reader<BlockRef> = (value) => ({ kind: "hash", hash: readHash(value), requireCanonical: false });

/** A method of a block, and of one of its parts by index: what `pick` gives, or null when the block is not there. */
const ofBlock = (engine: ChainEngine, read: Reader<BlockRef>, pick: (block: Block) => unknown): RpcMethod =>
  defineMethod([required(read)], async (ref) => {
    const block = await blockAt(engine, ref);
    return block === undefined ? null : pick(block);
  });

const ofPart = (
  engine: ChainEngine,
  read: Reader<BlockRef>,
  pick: (block: Block, index: number) => unknown,
): RpcMethod =>
  defineMethod([required(read), required(readSafeQuantity)], async (ref, index) => {
    const block = await blockAt(engine, ref);
    return block === undefined ? null : pick(block, index);
  });

function transactionIn({ header, transactions }: Block, index: number) {
  const transaction = transactions[index];
  return transaction === undefined ? null : formatTransaction(transaction, { header, index });
}

function ommerIn({ ommers = [] }: Block, index: number) {
  const ommer = ommers[index];
  return ommer === undefined ? null : formatOmmer(ommer);
}

/** @throws CodedError `PRUNED` where only the header is known: receipts come from execution here alone */
async function receiptsOf(engine: ChainEngine, clock: Clock, ref: BlockRef): Promise<FormattedReceipt[] | null> {
  if (ref.kind === "pending") return [];
  const named = headerAt(engine, ref);
  const block = named === undefined ? undefined : canonicalBlock(engine, named.hash);
  if (block === undefined) return null;
  const { header, transactions } = block;
  const receipts = engine.receipts(header.hash) ?? [];
  const logs = receipts.reduce((count, receipt) => count + receipt.logs.length, 0);
  if (logs * LOG_CHARACTERS_MIN > RESPONSE_CHARACTERS_MAX) throw responseTooLarge();
  const { schedule } = engine;
  const blobGasPrice = schedule === undefined ? undefined : blobBaseFeeAt(schedule, header);
  const pause = createPatientPacer(clock);
  const formatted: FormattedReceipt[] = [];
  let firstLogIndex = 0;
  for (const [index, transaction] of transactions.entries()) {
    const receipt = receipts[index];
    if (receipt === undefined) break;
    formatted.push(formatReceipt({ transaction, receipt, index, firstLogIndex }, placeOf(header), blobGasPrice));
    firstLogIndex += receipt.logs.length;
    await pause();
  }
  return formatted;
}

export function blockPartMethods(engine: ChainEngine, clock: Clock): Record<string, RpcMethod> {
  const countOf = ({ transactions }: Block) => quantity(transactions.length);
  const ommersOf = ({ ommers = [] }: Block) => quantity(ommers.length);
  return {
    eth_getBlockTransactionCountByHash: ofBlock(engine, readHashRef, countOf),
    eth_getBlockTransactionCountByNumber: ofBlock(engine, readBlockNumber, countOf),
    eth_getTransactionByBlockHashAndIndex: ofPart(engine, readHashRef, transactionIn),
    eth_getTransactionByBlockNumberAndIndex: ofPart(engine, readBlockNumber, transactionIn),
    eth_getUncleCountByBlockHash: ofBlock(engine, readHashRef, ommersOf),
    eth_getUncleCountByBlockNumber: ofBlock(engine, readBlockNumber, ommersOf),
    eth_getUncleByBlockHashAndIndex: ofPart(engine, readHashRef, ommerIn),
    eth_getUncleByBlockNumberAndIndex: ofPart(engine, readBlockNumber, ommerIn),
    eth_getBlockReceipts: defineMethod([required(readBlockRef)], (ref) => receiptsOf(engine, clock, ref)),
  };
}
