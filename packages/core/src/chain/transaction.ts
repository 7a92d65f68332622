/**
 * Transactions: decoding with every rule that no state can change, and signing.
 * Sources: EIP-2718 and the EIPs of each type, EIP-2 (low s).
 */

import {
  bigIntToFixedBytes,
  bytesToHex,
  concatBytes,
  EMPTY_BYTES,
  type Hex,
  hexToBytes,
  leftPad,
} from "../base/bytes.ts";
import { assert, CodedError, isCodedError } from "../base/errors.ts";
import {
  asList,
  decodeRlp,
  encodedSize,
  encodeRlp,
  encodeRlpList,
  type RlpInput,
  type RlpItem,
  type RlpLimits,
  rlpBigInt,
  rlpNumber,
} from "../codec/rlp.ts";
import { keccak256, keccak256Hex, recoverAddress, SECP256K1_HALF_ORDER } from "../crypto/crypto.ts";
import type { RecoverSenders, SignedDigest } from "../ports/senders.ts";
import { MAX_TRANSACTION_BYTES } from "./rules.ts";
import {
  type AnyUnsignedTransaction,
  type DecodedFields,
  decodeFields,
  encodeFields,
  SIGNATURE_FIELDS,
  type UnsignedTransaction,
} from "./transaction-fields.ts";
import { checkStatelessRules, invalidTransaction } from "./transaction-rules.ts";
import type { AnyTransactionType, Transaction, TransactionType } from "./types.ts";

/** Depth: transaction, access list, entry, keys. Within the byte cap no transaction that pays its gas has more items. */
const RLP_LIMITS: RlpLimits = { depthMax: 4, itemsMax: 20_000 };
const BLOB_TYPE = 3;
const ZERO_SENDER: Hex = `0x${"0".repeat(40)}`;

/** Type of an encoding, from its first byte. */
function typeOf(raw: Uint8Array): TransactionType {
  const first = raw[0];
  if (first === undefined) throw invalidTransaction("a transaction has at least one byte");
  // Before the size: what wallets send of this type has its blobs with it, and is larger than any other.
  if (first === BLOB_TYPE) throw new CodedError("BLOBS_UNSUPPORTED", "blob transactions (type 3) are not accepted");
  if (raw.length > MAX_TRANSACTION_BYTES) {
    throw invalidTransaction(`oversized data: transaction size ${raw.length}, limit ${MAX_TRANSACTION_BYTES}`);
  }
  if (first >= 0xc0) return 0;
  if (first === 1 || first === 2 || first === 4) return first;
  throw invalidTransaction(`transaction type not supported: ${first}`);
}

/** What the signature signs. */
function signingPayload(transaction: AnyUnsignedTransaction): Uint8Array {
  const fields = encodeFields(transaction);
  if (transaction.type !== 0) return concatBytes(new Uint8Array([transaction.type]), encodeRlp(fields));
  if (transaction.chainId === undefined) return encodeRlp(fields);
  return encodeRlp([...fields, rlpBigInt(transaction.chainId), EMPTY_BYTES, EMPTY_BYTES]);
}

/** The 32-byte digest that a transaction's sender signs. */
export function signingHash(transaction: AnyUnsignedTransaction): Uint8Array {
  return keccak256(signingPayload(transaction));
}

interface Parity {
  readonly yParity: 0 | 1;
  readonly chainId?: bigint;
}

function parityBit(value: bigint): 0 | 1 {
  if (value === 0n) return 0;
  if (value === 1n) return 1;
  throw invalidTransaction("yParity is neither 0 nor 1");
}

/** Legacy v holds the parity and, since EIP-155, the chain id. */
function parityOf(type: AnyTransactionType, v: bigint): Parity {
  if (type !== 0) return { yParity: parityBit(v) };
  if (v === 27n || v === 28n) return { yParity: parityBit(v - 27n) };
  if (v < 35n) throw invalidTransaction(`v is ${v}: neither 27, 28 nor 35 and above`);
  return { yParity: parityBit((v - 35n) % 2n), chainId: (v - 35n) / 2n };
}

/** A transaction as it was read: nothing is checked yet but its form. */
export interface SignedFields<T extends AnyTransactionType> {
  readonly unsigned: DecodedFields<T>["fields"];
  readonly signed: Pick<Transaction, "v" | "r" | "s" | "yParity">;
  /** Encodings of the fields that are signed, one after the other, as they came. */
  readonly contents: Uint8Array;
}

/** The items of an encoded list without the last ones, which are `tail`. */
function contentsBefore(list: Uint8Array, tail: readonly RlpItem[]): Uint8Array {
  const prefix = list[0] as number;
  const start = prefix < 0xf8 ? 1 : prefix - 0xf6;
  return list.subarray(start, list.length - tail.reduce((size, item) => size + encodedSize(item), 0));
}

/**
 * Reads the encoding of a transaction of a type.
 * @throws CodedError `INVALID_RLP`, `INVALID_TRANSACTION`
 */
export function readTransaction<T extends AnyTransactionType>(
  type: T,
  raw: Uint8Array,
  limits: RlpLimits,
): SignedFields<T> {
  const list = type === 0 ? raw : raw.subarray(1);
  const items = asList(decodeRlp(list, limits), "transaction");
  const { fields, v, r, s } = decodeFields(type, items);
  const { yParity, chainId } = parityOf(type, v);
  return {
    unsigned: chainId === undefined ? fields : { ...fields, chainId },
    signed: { v, r, s, yParity },
    contents: contentsBefore(list, items.slice(-SIGNATURE_FIELDS)),
  };
}

const NO_BYTES_TWICE = encodeRlp([EMPTY_BYTES, EMPTY_BYTES]).subarray(1);

/** The digest that was signed. There is one encoding of each field, so that they need not be encoded again. */
export function signedDigest({ unsigned: { type, chainId }, contents }: SignedFields<AnyTransactionType>): Uint8Array {
  if (type !== 0) return keccak256(encodeRlpList(contents, type));
  if (chainId === undefined) return keccak256(encodeRlpList(contents));
  return keccak256(encodeRlpList(concatBytes(contents, encodeRlp(rlpBigInt(chainId)), NO_BYTES_TWICE)));
}

/** r ‖ s ‖ recovery bit. */
export const signatureBytes = ({ r, s, yParity }: SignedFields<AnyTransactionType>["signed"]): Uint8Array =>
  concatBytes(bigIntToFixedBytes(r, 32), bigIntToFixedBytes(s, 32), new Uint8Array([yParity]));

/** A transaction of which all is known and checked but its sender. */
export interface UnnamedTransaction {
  readonly signed: SignedDigest;
  /** @throws CodedError `INVALID_TRANSACTION` for the sender of a signature that recovers no key */
  by(sender: Hex | undefined): Transaction;
}

function read(input: Uint8Array, chainId: number) {
  const type = typeOf(input);
  // A copy in memory of its own: the input may be a small view into a large network frame, which it would keep alive.
  const raw = new Uint8Array(input);
  const fields = readTransaction(type, raw, RLP_LIMITS);
  checkStatelessRules(fields.unsigned, chainId);
  const { v, r, s, yParity } = fields.signed;
  const by = (sender: Hex): Transaction => {
    return { ...fields.unsigned, hash: keccak256Hex(raw), raw, sender, v, r, s, yParity };
  };
  return { fields, by };
}

function decode(input: Uint8Array, chainId: number): Transaction {
  const { fields, by } = read(input, chainId);
  return by(recoverAddress(signedDigest(fields), signatureBytes(fields.signed)));
}

/** What is wrong with the form or the signature makes a transaction invalid. */
export function asInvalidTransaction<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isCodedError(error, "INVALID_RLP") || isCodedError(error, "INVALID_SIGNATURE")) {
      throw invalidTransaction(error.message);
    }
    throw error;
  }
}

/**
 * Decodes a signed transaction of the chain `chainId`, checks all that can be checked without state, and recovers its
 * sender. Legacy transactions without replay protection (v 27 or 28) are valid on every chain.
 * @throws CodedError `INVALID_TRANSACTION` that says what is wrong, `BLOBS_UNSUPPORTED`, `GAS_LIMIT_EXCEEDED`
 */
export function decodeTransaction(raw: Uint8Array, chainId: number): Transaction {
  return asInvalidTransaction(() => decode(raw, chainId));
}

/**
 * The same but for the sender, which is left to others to recover.
 * @throws CodedError `INVALID_TRANSACTION` that says what is wrong, `BLOBS_UNSUPPORTED`, `GAS_LIMIT_EXCEEDED`
 */
export function readUnnamed(raw: Uint8Array, chainId: number): UnnamedTransaction {
  return asInvalidTransaction(() => {
    const { fields, by } = read(raw, chainId);
    if (fields.signed.s > SECP256K1_HALF_ORDER) throw invalidTransaction("the signature's s is in the upper half");
    return {
      signed: { digest: signedDigest(fields), signature: signatureBytes(fields.signed) },
      by(sender) {
        if (sender === undefined) throw invalidTransaction("the signature recovers no public key");
        return by(sender);
      },
    };
  });
}

/** `decodeTransaction` with its sender recovered by others. */
export async function decodeTransactionWith(
  recover: RecoverSenders,
  raw: Uint8Array,
  chainId: number,
): Promise<Transaction> {
  const unnamed = readUnnamed(raw, chainId);
  const [sender] = await recover([unnamed.signed]);
  return unnamed.by(sender);
}

/** Decodes a transaction whose sender was recovered when it was first decoded; its signature is not checked again. */
export function decodeTransactionOf(sender: Hex, raw: Uint8Array, chainId: number): Transaction {
  return asInvalidTransaction(() => read(raw, chainId).by(sender));
}

function signatureV(transaction: UnsignedTransaction, yParity: number): RlpInput {
  if (transaction.type !== 0) return rlpNumber(yParity);
  const { chainId } = transaction;
  return rlpBigInt(chainId === undefined ? 27n + BigInt(yParity) : 35n + 2n * chainId + BigInt(yParity));
}

/** An integer of 32 bytes in the form RLP wants: without leading zeros. */
function trimmed(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? EMPTY_BYTES : bytes.subarray(first);
}

function encodeSigned(transaction: UnsignedTransaction, signature: Uint8Array): Uint8Array {
  const v = signatureV(transaction, signature[64] as number);
  const rs = [trimmed(signature.subarray(0, 32)), trimmed(signature.subarray(32, 64))];
  const payload = encodeRlp([...encodeFields(transaction), v, ...rs]);
  return transaction.type === 0 ? payload : concatBytes(new Uint8Array([transaction.type]), payload);
}

/**
 * Signs a transaction.
 * @param sign makes 65 bytes, r ‖ s ‖ recovery bit, over a 32-byte digest
 * @throws CodedError `INVALID_TRANSACTION`, `GAS_LIMIT_EXCEEDED` when it breaks a rule
 */
export function signTransaction(
  transaction: UnsignedTransaction,
  sign: (digest: Uint8Array) => Uint8Array,
): Transaction {
  const { type, chainId } = transaction;
  if (type !== 0 && chainId === undefined) throw invalidTransaction("a typed transaction needs a chain id");
  const signature = sign(signingHash(transaction));
  assert(signature.length === 65, "a signature has 65 bytes");
  return decodeTransaction(encodeSigned(transaction, signature), Number(chainId ?? 0n));
}

/**
 * A transaction that nobody signed: the sender stands in the place of r, and s is zero, which no signature has, so that
 * whoever checks signatures refuses it.
 * @throws CodedError `INVALID_TRANSACTION`, `GAS_LIMIT_EXCEEDED` when it breaks a rule
 */
export function impersonate(transaction: UnsignedTransaction, sender: Hex): Transaction {
  const signature = concatBytes(leftPad(hexToBytes(sender), 32), new Uint8Array(33));
  return decodeTransactionOf(sender, encodeSigned(transaction, signature), Number(transaction.chainId ?? 0n));
}

/**
 * Decodes a transaction that this node has taken, which may be one that nobody signed.
 * @throws CodedError as `decodeTransaction`
 */
export function decodeTakenTransaction(raw: Uint8Array, chainId: number): Transaction {
  const unchecked = decodeTransactionOf(ZERO_SENDER, raw, chainId);
  if (unchecked.s !== 0n) return decodeTransaction(raw, chainId);
  if (unchecked.r >= 1n << 160n) throw invalidTransaction("the sender of an unsigned transaction is no address");
  return { ...unchecked, sender: bytesToHex(bigIntToFixedBytes(unchecked.r, 20)) };
}
