/** Blocks: the encoding on the wire and the encoding of a body for storage. Source: Ethereum's `Block` RLP (EIP-4895). */

import { type Hex, hexToBytes } from "../base/bytes.ts";
import { CodedError, isCodedError } from "../base/errors.ts";
import {
  asBytes,
  asFixedHex,
  asList,
  decodeRlp,
  encodedSize,
  encodeRlp,
  type RlpInput,
  type RlpItem,
} from "../codec/rlp.ts";
import type { RecoverSenders } from "../ports/senders.ts";
import { orderedTrieRoot } from "../trie/ordered.ts";
import { headerFromRlp, headerToRlp, sealHeader } from "./header.ts";
import { MAX_BLOCK_BYTES } from "./rules.ts";
import { decodeTransaction, decodeTransactionOf, readUnnamed } from "./transaction.ts";
import type { Block, SealedHeader, Transaction } from "./types.ts";

/** Depth: block, transactions, a legacy transaction's fields. No item is shorter than a byte. */
const RLP_LIMITS = { depthMax: 3, itemsMax: 200_000 };

/** Root that a header holds for its block's transactions. */
export function transactionsRoot(transactions: readonly Transaction[]): Hex {
  return orderedTrieRoot(transactions.map(({ raw }) => raw));
}

/** A legacy transaction is a list within the block, a typed one a byte string. */
const transactionToRlp = ({ type, raw }: Transaction): RlpInput => (type === 0 ? decodeRlp(raw) : raw);

/** Bytes that a transaction takes in an encoded block. */
export function sizeInBlock({ type, raw }: Transaction): number {
  return type === 0 ? raw.length : encodedSize(raw);
}

export function encodeBlock({ header, transactions }: Block): Uint8Array {
  return encodeRlp([headerToRlp(header), transactions.map(transactionToRlp), [], []]);
}

function invalid(message: string, details: Readonly<Record<string, unknown>> = {}): CodedError {
  return new CodedError("INVALID_BLOCK", message, details);
}

/** Canonical bytes of a transaction in a block: strict RLP has one encoding, so encoding again gives it back. */
function transactionBytes(item: RlpItem): Uint8Array {
  if (item instanceof Uint8Array) {
    // Bytes from 0xc0 on would be a legacy transaction wrapped in a string: a second form of the same block.
    if ((item[0] ?? 0xff) >= 0xc0) throw invalid("a legacy transaction is not a byte string");
    return item;
  }
  return encodeRlp(item);
}

/** What is wrong with a transaction is wrong with its block. */
function inBlock<T>(index: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw invalid(`transaction ${index}: ${error.message}`, { index, code: error.code });
  }
}

/** A block whose transactions are those that its header commits to, as bytes yet. */
function openBlock(bytes: Uint8Array): { readonly header: SealedHeader; readonly raws: readonly Uint8Array[] } {
  if (bytes.length > MAX_BLOCK_BYTES) throw invalid(`a block of ${bytes.length} bytes is above ${MAX_BLOCK_BYTES}`);
  const [headerItem, items, ommers, withdrawals] = asList(decodeRlp(bytes, RLP_LIMITS), "block", 4);
  const header = sealHeader(headerFromRlp(headerItem));
  if (asList(ommers, "ommers").length > 0) throw invalid("a block here has no ommers");
  if (asList(withdrawals, "withdrawals").length > 0) throw invalid("a block here has no withdrawals");
  const raws = asList(items, "transactions").map(transactionBytes);
  if (orderedTrieRoot(raws) !== header.transactionsRoot) {
    throw invalid("the transactions are not those that the header commits to");
  }
  return { header, raws };
}

/**
 * Decodes a block: the size is checked before anything else, and the transactions root before any sender is recovered.
 * What its header must say is not checked here.
 * @throws CodedError `INVALID_BLOCK` (too large, wrong root, a bad transaction, ommers or withdrawals), `INVALID_RLP`
 */
export function decodeBlock(bytes: Uint8Array, chainId: number): Block {
  const { header, raws } = openBlock(bytes);
  return { header, transactions: raws.map((raw, index) => inBlock(index, () => decodeTransaction(raw, chainId))) };
}

/** `decodeBlock` with the senders recovered by others. */
export async function decodeBlockWith(recover: RecoverSenders, bytes: Uint8Array, chainId: number): Promise<Block> {
  const { header, raws } = openBlock(bytes);
  const unnamed = raws.map((raw, index) => inBlock(index, () => readUnnamed(raw, chainId)));
  const senders = await recover(unnamed.map(({ signed }) => signed));
  return { header, transactions: unnamed.map(({ by }, index) => inBlock(index, () => by(senders[index]))) };
}

/** A block's transactions for storage, each with its sender, so that reading them recovers none. */
export function encodeBody(transactions: readonly Transaction[]): Uint8Array {
  return encodeRlp(transactions.map(({ raw, sender }) => [raw, hexToBytes(sender)]));
}

function storedTransaction(item: RlpItem | undefined, chainId: number): Transaction {
  const [raw, sender] = asList(item, "stored transaction", 2);
  return decodeTransactionOf(asFixedHex(sender, "sender", 20), asBytes(raw, "transaction"), chainId);
}

const bodyItems = (bytes: Uint8Array): RlpItem[] =>
  asList(decodeRlp(bytes, { depthMax: 3, itemsMax: 200_000 }), "body");

/**
 * Reverses `encodeBody`. The senders are believed: such bytes come from this node's own store only.
 * @throws CodedError `INVALID_RLP`, `INVALID_TRANSACTION`
 */
export function decodeBody(bytes: Uint8Array, chainId: number): Transaction[] {
  return bodyItems(bytes).map((item) => storedTransaction(item, chainId));
}

/**
 * The encodings of a stored body's transactions, of which nothing else is read.
 * @throws CodedError `INVALID_RLP`
 */
export function rawTransactionsOf(bytes: Uint8Array): Uint8Array[] {
  return bodyItems(bytes).map((item) => asBytes(asList(item, "stored transaction", 2)[0], "transaction"));
}

/** One transaction of what `encodeBody` gave, which has it. @throws CodedError as `decodeBody` */
export const decodeBodyAt = (bytes: Uint8Array, index: number, chainId: number): Transaction =>
  storedTransaction(bodyItems(bytes)[index], chainId);
