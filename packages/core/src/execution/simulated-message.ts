/**
 * A message that nobody has signed, run as if it were a transaction: what stands in its way, in the order and words of
 * go-ethereum's state transition, which tools look for.
 */

import type { Hex } from "../base/bytes.ts";
import { checksumAddress } from "../crypto/crypto.ts";
import { GAS_PER_BLOB } from "./blob-gas.ts";
import type { Machine } from "./machine.ts";
import type { TransactionMode } from "./transaction.ts";
import { floorGasOf, intrinsicGasOf } from "./transaction-gas.ts";
import type { BlockContext, ExecutableTransaction, TransactionOutcome } from "./types.ts";

const NONCE_MAX = 2n ** 64n - 1n;
const UINT256_END = 2n ** 256n;
/** First byte of the versioned hash of a KZG commitment (EIP-4844). */
const KZG_VERSION = "0x01";

/** A transaction without a signature. Without a nonce it has the sender's next one. */
export interface SimulatedMessage extends Omit<ExecutableTransaction, "nonce"> {
  readonly nonce?: bigint;
}

/** What is held against a message that would be held against a transaction. */
export interface MessageChecks {
  /** Whether its nonce must be the sender's next. */
  readonly nonce: boolean;
  /** Whether a message that offers nothing for its gas must pay the base fee all the same. */
  readonly baseFee: boolean;
  /** Whether nothing follows the message, so that its sender's nonce need not be counted where it pays nothing. */
  readonly isLast: boolean;
}

/** Of a message that is only to be looked at. */
export const NO_CHECKS: MessageChecks = { nonce: false, baseFee: false, isLast: true };

export type MessageFaultKind =
  | "NONCE_TOO_LOW"
  | "NONCE_TOO_HIGH"
  | "FEES_INVALID"
  | "FEE_CAP_TOO_LOW"
  | "INSUFFICIENT_FUNDS"
  | "INTRINSIC_GAS"
  | "INITCODE_SIZE"
  | "OTHER";

/** A message that cannot be run: nothing was changed. */
export interface MessageFault {
  readonly valid: false;
  readonly kind: MessageFaultKind;
  readonly message: string;
}

export interface SimulatedOutcome extends TransactionOutcome {
  readonly gasSpent: number;
}

const fault = (kind: MessageFaultKind, message: string): MessageFault => ({ valid: false, kind, message });

/** What a message pays for each unit of gas: nothing, where it offers nothing. */
export function gasPriceOf(
  { maxFeePerGas, maxPriorityFeePerGas }: Pick<SimulatedMessage, "maxFeePerGas" | "maxPriorityFeePerGas">,
  baseFee: bigint,
  hasBaseFee: boolean,
): bigint {
  if (!hasBaseFee || (maxFeePerGas === 0n && maxPriorityFeePerGas === 0n)) return maxFeePerGas;
  const offered = baseFee + maxPriorityFeePerGas;
  return offered < maxFeePerGas ? offered : maxFeePerGas;
}

function nonceFault(m: Machine, { sender, nonce }: SimulatedMessage): MessageFault | undefined {
  const { nonce: next } = m.world.account(sender);
  const said = nonce ?? next;
  const who = `address ${checksumAddress(sender)}`;
  if (said > next) return fault("NONCE_TOO_HIGH", `nonce too high: ${who}, tx: ${said} state: ${next}`);
  if (said < next) return fault("NONCE_TOO_LOW", `nonce too low: ${who}, tx: ${said} state: ${next}`);
  return next === NONCE_MAX ? fault("OTHER", `nonce has max value: ${who}, nonce: ${next}`) : undefined;
}

function feeFault(message: SimulatedMessage, baseFee: bigint, isFree: boolean): MessageFault | undefined {
  const { sender, maxFeePerGas: cap, maxPriorityFeePerGas: tip } = message;
  if (isFree) return undefined;
  const who = `address ${checksumAddress(sender)}`;
  if (tip > cap) {
    const fees = `maxPriorityFeePerGas: ${tip}, maxFeePerGas: ${cap}`;
    return fault("FEES_INVALID", `max priority fee per gas higher than max fee per gas: ${who}, ${fees}`);
  }
  if (cap >= baseFee) return undefined;
  const fees = `maxFeePerGas: ${cap}, baseFee: ${baseFee}`;
  return fault("FEE_CAP_TOO_LOW", `max fee per gas less than block base fee: ${who}, ${fees}`);
}

function blobFault(message: SimulatedMessage, price: bigint, checks: MessageChecks): MessageFault | undefined {
  const { sender, to, blobVersionedHashes: hashes, maxFeePerBlobGas: cap = 0n } = message;
  if (hashes === undefined) return undefined;
  if (to === undefined) return fault("OTHER", "blob transaction of type create");
  if (hashes.length === 0) return fault("OTHER", "blob transaction missing blob hashes");
  const unknown = hashes.findIndex((hash) => !hash.startsWith(KZG_VERSION));
  if (unknown >= 0) return fault("OTHER", `blob ${unknown} has invalid hash version`);
  if (cap >= price || (!checks.baseFee && cap === 0n)) return undefined;
  const fees = `blobGasFeeCap: ${cap}, blobBaseFee: ${price}`;
  const words = "max fee per blob gas less than block blob gas fee";
  return fault("FEE_CAP_TOO_LOW", `${words}: address ${checksumAddress(sender)} ${fees}`);
}

/** The most that the message may cost its sender. */
function greatestCost({ gasLimit, maxFeePerGas, value, blobVersionedHashes = [], ...fees }: SimulatedMessage): bigint {
  const blobGas = GAS_PER_BLOB * BigInt(blobVersionedHashes.length);
  return gasLimit * maxFeePerGas + value + blobGas * (fees.maxFeePerBlobGas ?? 0n);
}

function fundsFault(m: Machine, message: SimulatedMessage): MessageFault | undefined {
  const { sender } = message;
  const cost = greatestCost(message);
  if (cost === 0n) return undefined;
  const words = `insufficient funds for gas * price + value: address ${checksumAddress(sender)}`;
  if (cost >= UINT256_END) return fault("INSUFFICIENT_FUNDS", `${words} required balance exceeds 256 bits`);
  const { balance } = m.world.account(sender);
  return balance >= cost ? undefined : fault("INSUFFICIENT_FUNDS", `${words} have ${balance} want ${cost}`);
}

function gasFault({ rules }: Machine, message: SimulatedMessage): MessageFault | undefined {
  const { to, data, gasLimit } = message;
  const [intrinsic, floor] = [BigInt(intrinsicGasOf(rules, message)), BigInt(floorGasOf(rules, message))];
  if (gasLimit < intrinsic) {
    return fault("INTRINSIC_GAS", `intrinsic gas too low: have ${gasLimit}, want ${intrinsic}`);
  }
  if (gasLimit < floor) {
    return fault("INTRINSIC_GAS", `insufficient gas for floor data gas cost: have ${gasLimit}, want ${floor}`);
  }
  if (to !== undefined || data.length <= rules.initcodeSizeMax) return undefined;
  const sizes = `code size ${data.length} limit ${rules.initcodeSizeMax}`;
  return fault("INITCODE_SIZE", `max initcode size exceeded: ${sizes}`);
}

function authorizationFault({ type, to, authorizationList }: SimulatedMessage): MessageFault | undefined {
  if (type !== 4) return undefined;
  if (to === undefined) return fault("OTHER", "EIP-7702 transaction cannot be used to create contract");
  return authorizationList.length === 0 ? fault("OTHER", "EIP-7702 transaction with empty auth list") : undefined;
}

/** How a message is run, or why it is not. */
export interface Admitted {
  readonly transaction: ExecutableTransaction;
  readonly mode: TransactionMode;
}

const blobPriceOf = ({ blobBaseFee = 1n }: BlockContext): bigint => blobBaseFee;

/** Whether the sender need not be looked at: it pays nothing, and nothing is made of its nonce. */
function leavesSender({ to, authorizationList }: SimulatedMessage, cost: bigint, checks: MessageChecks): boolean {
  return checks.isLast && to !== undefined && cost === 0n && authorizationList.length === 0 && !checks.nonce;
}

/** Judges a message by the state of the machine. Whether its sender is a contract, and EIP-7825, do not matter. */
export function admit(
  m: Machine,
  message: SimulatedMessage,
  context: BlockContext,
  checks: MessageChecks,
): Admitted | MessageFault {
  const { hasBaseFee } = m.rules;
  const isFree = !checks.baseFee && message.maxFeePerGas === 0n && message.maxPriorityFeePerGas === 0n;
  const found =
    (checks.nonce ? nonceFault(m, message) : undefined) ??
    (hasBaseFee ? feeFault(message, context.baseFeePerGas, isFree) : undefined) ??
    blobFault(message, blobPriceOf(context), checks) ??
    authorizationFault(message) ??
    fundsFault(m, message) ??
    gasFault(m, message);
  if (found !== undefined) return found;
  // A tracer shows how the nonce changes.
  const unseen = m.tracer === undefined && leavesSender(message, greatestCost(message), checks);
  const nonce = unseen ? 0n : m.world.account(message.sender).nonce;
  const gasPrice = gasPriceOf(message, context.baseFeePerGas, hasBaseFee);
  return { transaction: { ...message, nonce }, mode: { gasPrice, leavesSender: unseen } };
}

export const isFault = (judged: Admitted | MessageFault): judged is MessageFault => "kind" in judged;

/** Accounts that are named by a message, as they are left out of the access lists that are made for it. */
export const partiesOf = ({ sender, to }: Pick<SimulatedMessage, "sender" | "to">): readonly Hex[] =>
  to === undefined ? [sender] : [sender, to];
