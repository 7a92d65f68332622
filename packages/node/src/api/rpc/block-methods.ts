/** Blocks and transactions as they are on the chain or in the pool. */

import type { Hex } from "@counterpart/core/base/bytes";
import { decodeTransactionWith } from "@counterpart/core/chain/transaction";
import { blobBaseFeeAt } from "@counterpart/core/consensus/foreign-rules";
import type { RecoverSenders } from "@counterpart/core/ports/senders";
import { type InclusionWatch, transactionConflicted, transactionForgotten } from "../../contracts/inclusion.ts";
import type { ChainEngine, TransactionStatus } from "../../engine/types.ts";
import { fetchedBlock, transactionOf } from "../state.ts";
import { headerAt, readBlockNumber } from "./block-ref.ts";
import type { RpcMethod } from "./dispatch.ts";
import { RPC_CODES, RpcError } from "./errors.ts";
import { formatBlock, formatPendingBlock, formatReceipt, formatTransaction, placeOf, quantity } from "./format.ts";
import { defineMethod, optional, readBoolean, readCount, readData, readHash, required } from "./params.ts";
import { pendingBlock } from "./pending-block.ts";
import type { Sealed } from "./sealed.ts";

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

/** Takes a signed transaction; resolves to its hash when it is durable. */
async function take({ engine, recoverSenders }: TransactionDeps, raw: Uint8Array): Promise<Hex> {
  const refusal = engine.refusal();
  if (refusal !== undefined) throw refusal;
  const transaction = await decodeTransactionWith(recoverSenders, raw, engine.chainId);
  await engine.submit(transaction, "local");
  return transaction.hash;
}

function receiptOf(engine: ChainEngine, status: TransactionStatus | undefined) {
  if (status?.status !== "included") return null;
  const header = engine.header(status.blockHash);
  if (header === undefined) return null;
  const { schedule } = engine;
  const blobGasPrice = schedule === undefined ? undefined : blobBaseFeeAt(schedule, header);
  return formatReceipt(status, placeOf(header), blobGasPrice);
}

export interface TransactionDeps {
  readonly engine: ChainEngine;
  readonly recoverSenders: RecoverSenders;
  readonly watch: InclusionWatch;
  readonly sealed: Sealed;
}

/** How long a caller waits for a receipt, in milliseconds: unless he says so, and at the most. As in go-ethereum. */
const INCLUSION_MS = 20_000;
const INCLUSION_MS_MAX = 60_000;

/**
 * Sends a transaction and waits for its receipt (EIP-7966).
 * @throws RpcError 4 with the hash as data when it is not included in time; CodedError `TRANSACTION_CONFLICTED`,
 * `TRANSACTION_NOT_FOUND`
 */
async function sendAndWait(deps: TransactionDeps, raw: Uint8Array, timeoutMs: number) {
  const { watch } = deps;
  const hash = await take(deps, raw);
  const waitMs = timeoutMs === 0 ? INCLUSION_MS : Math.min(timeoutMs, INCLUSION_MS_MAX);
  const status = await watch.wait(hash, waitMs);
  if (status === undefined) throw transactionForgotten(hash);
  if (status.status === "conflicted") throw transactionConflicted(hash, status.by);
  const receipt = receiptOf(deps.engine, status);
  if (receipt !== null) return receipt;
  const message = `The transaction was added to the transaction pool but wasn't processed in ${waitMs} ms`;
  throw new RpcError(RPC_CODES.timeout, message, hash);
}

export function transactionMethods(deps: TransactionDeps): Record<string, RpcMethod> {
  const { engine, sealed } = deps;
  return {
    eth_sendRawTransaction: defineMethod([required(readData)], async (raw) => {
      const hash = await take(deps, raw);
      await sealed.sent(hash);
      return hash;
    }),

    eth_sendRawTransactionSync: defineMethod([required(readData), optional(readCount, 0)], (raw, timeoutMs) =>
      sendAndWait(deps, raw, timeoutMs),
    ),

    eth_getTransactionByHash: defineMethod([required(readHash)], (hash) => {
      const status = transactionOf(engine, hash);
      if (status === undefined || status.status === "conflicted") return null;
      if (status.status === "pending") return formatTransaction(status.transaction);
      const header = engine.header(status.blockHash);
      if (header === undefined) return null;
      return formatTransaction(status.transaction, { header, index: status.index });
    }),

    eth_getTransactionReceipt: defineMethod([required(readHash)], async (hash) =>
      receiptOf(engine, await sealed.asked(hash, transactionOf(engine, hash))),
    ),
  };
}
