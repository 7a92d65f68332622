/**
 * Transactions of chains sealed elsewhere, under the rules of any fork: their form, their chain and who signed them. What
 * their gas and fees must be is for execution to say. Sources: EIP-2 (low s), EIP-155, EIP-2718 and the EIP of each type.
 */

import type { Hex } from "../base/bytes.ts";
import type { RlpLimits } from "../codec/rlp.ts";
import { keccak256Hex, recoverAddress, recoverAnyAddress } from "../crypto/crypto.ts";
import { asInvalidTransaction, readTransaction, signatureBytes, signedDigest } from "./transaction.ts";
import { invalidTransaction } from "./transaction-rules.ts";
import type { AnyTransaction, AnyTransactionType } from "./types.ts";

/** What forks say of how a transaction is written and signed. */
export interface SigningRules {
  /** Greatest type of transaction there is. */
  readonly transactionTypeMax: number;
  /** Signatures must have a low s (EIP-2). */
  readonly needsLowS: boolean;
  /** A legacy transaction may be signed for one chain (EIP-155). */
  readonly hasReplayProtection: boolean;
}

/** Transaction, access list, entry, keys. */
const DEPTH_MAX = 4;

/** Whoever gives the bytes limits them, and they the items. */
const limitsOf = (raw: Uint8Array): RlpLimits => ({ depthMax: DEPTH_MAX, itemsMax: raw.length });

const isType = (value: number, max: number): value is AnyTransactionType => value >= 1 && value <= Math.min(max, 4);

const ALL_TYPES = { transactionTypeMax: 4 };

function typeOf(raw: Uint8Array, { transactionTypeMax }: Pick<SigningRules, "transactionTypeMax">): AnyTransactionType {
  const first = raw[0];
  if (first === undefined) throw invalidTransaction("a transaction has at least one byte");
  if (first >= 0xc0) return 0;
  if (!isType(first, transactionTypeMax)) throw invalidTransaction(`the fork has no transactions of type ${first}`);
  return first;
}

function checkChain(type: AnyTransactionType, signedFor: bigint | undefined, chainId: number, rules: SigningRules) {
  if (signedFor === undefined) return;
  if (type === 0 && !rules.hasReplayProtection) throw invalidTransaction("the fork knows no chain ids (EIP-155)");
  if (signedFor === BigInt(chainId)) return;
  throw invalidTransaction(`signed for chain ${signedFor}, this is chain ${chainId}`);
}

function decode(raw: Uint8Array, chainId: number, rules: SigningRules): AnyTransaction {
  const type = typeOf(raw, rules);
  const read = readTransaction(type, raw, limitsOf(raw));
  const { unsigned, signed } = read;
  checkChain(type, unsigned.chainId, chainId, rules);
  const recover = rules.needsLowS ? recoverAddress : recoverAnyAddress;
  const sender = recover(signedDigest(read), signatureBytes(signed));
  return { ...unsigned, hash: keccak256Hex(raw), raw, sender, ...signed };
}

/**
 * Decodes a signed transaction of the chain `chainId` under a fork's rules, and recovers its sender.
 * @param raw canonical encoding; it is kept
 * @throws CodedError `INVALID_TRANSACTION` that says what is wrong
 */
export const decodeAnyTransaction = (raw: Uint8Array, chainId: number, rules: SigningRules): AnyTransaction =>
  asInvalidTransaction(() => decode(raw, chainId, rules));

/**
 * Decodes a transaction whose sender was recovered when its block was executed; nothing but its form is checked again.
 * @throws CodedError `INVALID_TRANSACTION`
 */
export const decodeAnyTransactionOf = (sender: Hex, raw: Uint8Array): AnyTransaction =>
  asInvalidTransaction(() => {
    const { unsigned, signed } = readTransaction(typeOf(raw, ALL_TYPES), raw, limitsOf(raw));
    return { ...unsigned, hash: keccak256Hex(raw), raw, sender, ...signed };
  });
