/** Why a transaction may not be in a block at a place. */

import { isDelegation } from "../chain/account.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { GAS_PER_BLOB } from "./blob-gas.ts";
import type { Rules } from "./rules.ts";
import { minimumGasOf } from "./transaction-gas.ts";
import type { BlockContext, ExecutableTransaction, InvalidReason, TransactionInvalid } from "./types.ts";
import type { World } from "./world.ts";

/** No account may reach this nonce (EIP-2681). */
const NONCE_END = 2n ** 64n - 1n;
const UINT256_END = 2n ** 256n;
/** First byte of the versioned hash of a KZG commitment (EIP-4844). */
const KZG_VERSION = "0x01";

export const invalid = (reason: InvalidReason, message: string): TransactionInvalid => ({
  valid: false,
  reason,
  message,
});
const other = (message: string): TransactionInvalid => invalid("OTHER", message);

function typeFault({ type, to, authorizationList }: ExecutableTransaction, rules: Rules) {
  if (type > rules.transactionTypeMax) return other(`type ${type} is none of ${rules.fork}`);
  if (type >= 3 && to === undefined) return other(`a type ${type} transaction cannot create a contract`);
  if (type === 4 && authorizationList.length === 0) return other("a type 4 transaction needs an authorization");
  return undefined;
}

function blobFault(transaction: ExecutableTransaction, rules: Rules, context: BlockContext, blobsUsed: number) {
  const { blobVersionedHashes: hashes = [], maxFeePerBlobGas = 0n } = transaction;
  if (transaction.type !== 3 || rules.blobs === undefined) return undefined;
  const { perTransactionMax, perBlockMax } = rules.blobs;
  if (hashes.length === 0) return other("a blob transaction needs a blob");
  if (hashes.length > perTransactionMax) return other(`${hashes.length} blobs are more than ${perTransactionMax}`);
  if (blobsUsed + hashes.length > perBlockMax) return other(`the block has room for ${perBlockMax - blobsUsed} blobs`);
  if (!hashes.every((hash) => hash.startsWith(KZG_VERSION))) return other("a versioned hash has an unknown version");
  const price = context.blobBaseFee ?? 1n;
  if (maxFeePerBlobGas < price) return other(`maxFeePerBlobGas ${maxFeePerBlobGas} is below ${price}`);
  return undefined;
}

function gasFault(transaction: ExecutableTransaction, rules: Rules) {
  const { nonce, gasLimit, maxFeePerGas, maxPriorityFeePerGas, to, data } = transaction;
  const { transactionGasMax, initcodeSizeMax } = rules;
  if (nonce >= NONCE_END) return other("nonce is at or above 2^64 - 1 (EIP-2681)");
  if (transactionGasMax !== undefined && gasLimit > transactionGasMax) {
    return invalid("GAS_LIMIT_EXCEEDED", `gas limit ${gasLimit} is above ${transactionGasMax} (EIP-7825)`);
  }
  if (to === undefined && data.length > initcodeSizeMax) {
    return other(`initcode has ${data.length} bytes, more than ${initcodeSizeMax} (EIP-3860)`);
  }
  const minimum = minimumGasOf(rules, transaction);
  if (gasLimit < BigInt(minimum)) return other(`gas limit ${gasLimit} is below the intrinsic cost ${minimum}`);
  if (maxPriorityFeePerGas > maxFeePerGas) return other("maxPriorityFeePerGas is above maxFeePerGas");
  if (gasLimit * maxFeePerGas >= UINT256_END) return other("the greatest fee exceeds 256 bits");
  return undefined;
}

/** Why a transaction may be in no block of the fork; undefined when one may hold it. Needs no state. */
export const statelessFaultOf = (transaction: ExecutableTransaction, rules: Rules): TransactionInvalid | undefined =>
  typeFault(transaction, rules) ?? gasFault(transaction, rules);

/** The most that a transaction may cost its sender. */
export function greatestCost(transaction: ExecutableTransaction): bigint {
  const { gasLimit, maxFeePerGas, value, blobVersionedHashes = [], maxFeePerBlobGas = 0n } = transaction;
  return gasLimit * maxFeePerGas + value + GAS_PER_BLOB * BigInt(blobVersionedHashes.length) * maxFeePerBlobGas;
}

function accountFault(transaction: ExecutableTransaction, world: World, rules: Rules, context: BlockContext) {
  const { sender, nonce, maxFeePerGas } = transaction;
  const account = world.account(sender);
  if (nonce < account.nonce) return invalid("NONCE_TOO_LOW", `nonce ${nonce}, the sender's next is ${account.nonce}`);
  if (nonce > account.nonce) return invalid("NONCE_TOO_HIGH", `nonce ${nonce}, the sender's next is ${account.nonce}`);
  const isContract = account.codeHash !== EMPTY_CODE_HASH;
  if (isContract && !rules.contractsMaySend && !(rules.hasDelegations && isDelegation(world.code(account).bytes))) {
    return other("the sender is a contract (EIP-3607)");
  }
  if (rules.hasBaseFee && maxFeePerGas < context.baseFeePerGas) {
    return other(`maxFeePerGas ${maxFeePerGas} is below the base fee ${context.baseFeePerGas}`);
  }
  const cost = greatestCost(transaction);
  if (cost >= UINT256_END) return other("cost and value exceed 256 bits");
  if (account.balance < cost) return invalid("INSUFFICIENT_FUNDS", `costs ${cost}, the sender has ${account.balance}`);
  return undefined;
}

/** What a block has used up before a transaction. */
export interface BlockUse {
  readonly gas: number;
  readonly blobs: number;
}

/** Why a transaction may not be in the block here; undefined when it may. */
export function faultOf(
  transaction: ExecutableTransaction,
  world: World,
  rules: Rules,
  context: BlockContext,
  used: BlockUse,
): TransactionInvalid | undefined {
  const fault =
    statelessFaultOf(transaction, rules) ??
    accountFault(transaction, world, rules, context) ??
    blobFault(transaction, rules, context, used.blobs);
  if (fault !== undefined) return fault;
  const left = BigInt(context.gasLimit) - BigInt(used.gas);
  if (transaction.gasLimit <= left) return undefined;
  return invalid("GAS_LIMIT_EXCEEDED", `gas limit ${transaction.gasLimit}, the block has ${left} left`);
}
