/** Blocks and transactions as they are on the chain or in the pool. */

import { decodeTransaction } from "@counterpart/core/chain/transaction";
import type { Engine } from "../../engine/types.ts";
import { canonicalBlock } from "../state.ts";
import { headerAt, readBlockNumber } from "./block-ref.ts";
import type { RpcMethod } from "./dispatch.ts";
import { formatBlock, formatReceipt, formatTransaction, quantity } from "./format.ts";
import { defineMethod, optional, readBoolean, readData, readHash, required } from "./params.ts";

export function blockMethods(engine: Engine): Record<string, RpcMethod> {
  return {
    eth_blockNumber: defineMethod([], () => quantity(engine.head().number)),

    eth_getBlockByNumber: defineMethod([required(readBlockNumber), optional(readBoolean, false)], (ref, full) => {
      const header = headerAt(engine, ref);
      const block = header === undefined ? undefined : engine.block(header.hash);
      return block === undefined ? null : formatBlock(block, full);
    }),

    eth_getBlockByHash: defineMethod([required(readHash), optional(readBoolean, false)], (hash, full) => {
      const block = canonicalBlock(engine, hash);
      return block === undefined ? null : formatBlock(block, full);
    }),
  };
}

export function transactionMethods(engine: Engine): Record<string, RpcMethod> {
  return {
    eth_sendRawTransaction: defineMethod([required(readData)], async (raw) => {
      const transaction = decodeTransaction(raw, engine.chainId);
      await engine.submit(transaction, "local");
      return transaction.hash;
    }),

    eth_getTransactionByHash: defineMethod([required(readHash)], (hash) => {
      const status = engine.transaction(hash);
      if (status === undefined || status.status === "conflicted") return null;
      if (status.status === "pending") return formatTransaction(status.transaction);
      const header = engine.header(status.blockHash);
      if (header === undefined) return null;
      return formatTransaction(status.transaction, { header, index: status.index });
    }),

    eth_getTransactionReceipt: defineMethod([required(readHash)], (hash) => {
      const status = engine.transaction(hash);
      if (status?.status !== "included") return null;
      const block = engine.block(status.blockHash);
      const receipts = engine.receipts(status.blockHash);
      if (block === undefined || receipts === undefined) return null;
      return formatReceipt(block, receipts, status.index);
    }),
  };
}
