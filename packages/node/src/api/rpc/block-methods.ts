/** Blocks and transactions as they are on the chain or in the pool. */

import { decodeTransactionWith } from "@counterpart/core/chain/transaction";
import { blobBaseFeeAt } from "@counterpart/core/consensus/foreign-rules";
import type { RecoverSenders } from "@counterpart/core/ports/senders";
import type { ChainEngine } from "../../engine/types.ts";
import { fetchedBlock, transactionOf } from "../state.ts";
import { headerAt, readBlockNumber } from "./block-ref.ts";
import type { RpcMethod } from "./dispatch.ts";
import { formatBlock, formatPendingBlock, formatReceipt, formatTransaction, placeOf, quantity } from "./format.ts";
import { defineMethod, optional, readBoolean, readData, readHash, required } from "./params.ts";
import { pendingBlock } from "./pending-block.ts";

export function blockMethods(engine: ChainEngine): Record<string, RpcMethod> {
  return {
    eth_blockNumber: defineMethod([], () => quantity(engine.head().number)),

    eth_getBlockByNumber: defineMethod([required(readBlockNumber), optional(readBoolean, false)], async (ref, full) => {
      if (ref.kind === "pending") return formatPendingBlock(pendingBlock(engine));
      const header = headerAt(engine, ref);
      const block = header === undefined ? undefined : await fetchedBlock(engine, header.hash);
      return block === undefined ? null : formatBlock(block, full);
    }),

    eth_getBlockByHash: defineMethod([required(readHash), optional(readBoolean, false)], async (hash, full) => {
      const block = await fetchedBlock(engine, hash);
      return block === undefined ? null : formatBlock(block, full);
    }),
  };
}

export function transactionMethods(engine: ChainEngine, recoverSenders: RecoverSenders): Record<string, RpcMethod> {
  return {
    eth_sendRawTransaction: defineMethod([required(readData)], async (raw) => {
      const refusal = engine.refusal();
      if (refusal !== undefined) throw refusal;
      const transaction = await decodeTransactionWith(recoverSenders, raw, engine.chainId);
      await engine.submit(transaction, "local");
      return transaction.hash;
    }),

    eth_getTransactionByHash: defineMethod([required(readHash)], (hash) => {
      const status = transactionOf(engine, hash);
      if (status === undefined || status.status === "conflicted") return null;
      if (status.status === "pending") return formatTransaction(status.transaction);
      const header = engine.header(status.blockHash);
      if (header === undefined) return null;
      return formatTransaction(status.transaction, { header, index: status.index });
    }),

    eth_getTransactionReceipt: defineMethod([required(readHash)], (hash) => {
      const status = transactionOf(engine, hash);
      if (status?.status !== "included") return null;
      const header = engine.header(status.blockHash);
      if (header === undefined) return null;
      const { schedule } = engine;
      const blobGasPrice = schedule === undefined ? undefined : blobBaseFeeAt(schedule, header);
      return formatReceipt(status, placeOf(header), blobGasPrice);
    }),
  };
}
