/** What a block keeps of what its transactions did. */

import type { Hex } from "../base/bytes.ts";
import { logsBloom } from "../chain/receipt.ts";
import type { AnyTransaction, AnyTransactionType, Receipt } from "../chain/types.ts";
import type { TransactionOutcome } from "./types.ts";

/** A contract that came into being in a block. */
export interface Creation {
  readonly address: Hex;
  readonly transaction: Pick<AnyTransaction, "hash" | "sender" | "nonce">;
  /** Whether the transaction itself created it, rather than a factory that it called. */
  readonly topLevel: boolean;
}

/** @param gasBefore used by the block's transactions before this one */
export function receiptOf<T extends AnyTransactionType>(
  type: T,
  { status, gasUsed, logs, effectiveGasPrice, contractAddress }: TransactionOutcome,
  gasBefore: number,
): Omit<Receipt, "type"> & { readonly type: T } {
  return {
    type,
    status: status === "success" ? 1 : 0,
    cumulativeGasUsed: gasBefore + gasUsed,
    logsBloom: logsBloom(logs),
    logs,
    gasUsed,
    effectiveGasPrice,
    ...(contractAddress === undefined ? {} : { contractAddress }),
  };
}

export const creationsOf = (
  transaction: Creation["transaction"],
  { created, contractAddress }: TransactionOutcome,
): Creation[] => created.map((address) => ({ address, transaction, topLevel: address === contractAddress }));
