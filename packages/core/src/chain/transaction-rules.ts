/** The rules that a transaction keeps or breaks whatever the state is. */

import { CodedError } from "../base/errors.ts";
import { minimumGasLimit } from "./intrinsic-gas.ts";
import { MAX_INITCODE_BYTES, TX_GAS_MAX } from "./rules.ts";
import type { UnsignedTransaction } from "./transaction-fields.ts";

/** No account may reach this nonce (EIP-2681). */
const NONCE_END = 2n ** 64n - 1n;
const UINT256_END = 2n ** 256n;

export function invalidTransaction(message: string, details: Readonly<Record<string, unknown>> = {}): CodedError {
  return new CodedError("INVALID_TRANSACTION", message, details);
}

function checkGas(transaction: UnsignedTransaction): void {
  const { gasLimit } = transaction;
  if (gasLimit > BigInt(TX_GAS_MAX)) {
    throw new CodedError("GAS_LIMIT_EXCEEDED", `gas limit ${gasLimit} is above ${TX_GAS_MAX} (EIP-7825)`);
  }
  const minimum = minimumGasLimit(transaction);
  if (gasLimit < BigInt(minimum)) {
    throw invalidTransaction(`gas limit ${gasLimit} is below the intrinsic cost ${minimum}`, { minimum });
  }
}

function checkPrice({ maxFeePerGas, maxPriorityFeePerGas, gasLimit, value }: UnsignedTransaction): void {
  if (maxPriorityFeePerGas > maxFeePerGas) throw invalidTransaction("maxPriorityFeePerGas is above maxFeePerGas");
  if (gasLimit * maxFeePerGas + value >= UINT256_END) throw invalidTransaction("cost and value exceed 256 bits");
}

/**
 * Checks every rule that needs neither state nor signature, for the chain `chainId`.
 * @throws CodedError `INVALID_TRANSACTION`, `GAS_LIMIT_EXCEEDED`
 */
export function checkStatelessRules(transaction: UnsignedTransaction, chainId: number): void {
  const { type, to, nonce, data } = transaction;
  if (transaction.chainId !== undefined && transaction.chainId !== BigInt(chainId)) {
    throw invalidTransaction(`signed for chain ${transaction.chainId}, this is chain ${chainId}`);
  }
  if (nonce >= NONCE_END) throw invalidTransaction("nonce is at or above 2^64 - 1 (EIP-2681)");
  if (to === undefined && data.length > MAX_INITCODE_BYTES) {
    throw invalidTransaction(`initcode has ${data.length} bytes, more than ${MAX_INITCODE_BYTES} (EIP-3860)`);
  }
  if (type === 4 && to === undefined) throw invalidTransaction("a type 4 transaction cannot create a contract");
  if (type === 4 && transaction.authorizationList?.length === 0) {
    throw invalidTransaction("a type 4 transaction needs an authorization");
  }
  checkGas(transaction);
  checkPrice(transaction);
}
