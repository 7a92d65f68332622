/**
 * The rules that a transaction keeps or breaks whatever the state is. What is said of a broken one begins as go-ethereum
 * says it, because wallets and libraries look for those words.
 */

import { CodedError } from "../base/errors.ts";
import { intrinsicGas, minimumGasLimit } from "./intrinsic-gas.ts";
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
    throw new CodedError("GAS_LIMIT_EXCEEDED", `transaction gas limit too high (cap: ${TX_GAS_MAX}, tx: ${gasLimit})`);
  }
  const minimum = minimumGasLimit(transaction);
  if (gasLimit >= BigInt(minimum)) return;
  const words =
    gasLimit < BigInt(intrinsicGas(transaction)) ? "intrinsic gas too low" : "insufficient gas for floor data gas cost";
  throw invalidTransaction(`${words}: gas ${gasLimit}, minimum needed ${minimum}`, { minimum });
}

function checkPrice({ maxFeePerGas, maxPriorityFeePerGas, gasLimit, value }: UnsignedTransaction): void {
  if (maxPriorityFeePerGas > maxFeePerGas)
    throw invalidTransaction("max priority fee per gas higher than max fee per gas");
  if (gasLimit * maxFeePerGas + value >= UINT256_END)
    throw invalidTransaction("insufficient funds for gas * price + value: the cost exceeds 256 bits");
}

/**
 * Checks every rule that needs neither state nor signature, for the chain `chainId`.
 * @throws CodedError `INVALID_TRANSACTION`, `GAS_LIMIT_EXCEEDED`
 */
export function checkStatelessRules(transaction: UnsignedTransaction, chainId: number): void {
  const { type, to, nonce, data } = transaction;
  if (transaction.chainId !== undefined && transaction.chainId !== BigInt(chainId)) {
    throw invalidTransaction(`invalid chain id for signer: have ${transaction.chainId} want ${chainId}`);
  }
  if (nonce >= NONCE_END) throw invalidTransaction("nonce has max value (EIP-2681)");
  if (to === undefined && data.length > MAX_INITCODE_BYTES) {
    throw invalidTransaction(`max initcode size exceeded: code size ${data.length}, limit ${MAX_INITCODE_BYTES}`);
  }
  if (type === 4 && to === undefined)
    throw invalidTransaction("EIP-7702 transaction cannot be used to create contract");
  if (type === 4 && transaction.authorizationList?.length === 0) {
    throw invalidTransaction("EIP-7702 transaction with empty auth list");
  }
  checkGas(transaction);
  checkPrice(transaction);
}
