/**
 * Blocks of any fork, for chains sealed elsewhere: with ommers before the Merge and withdrawals from Shanghai on.
 * Sources: yellow paper, EIP-2718, EIP-4895.
 */

import { type Hex, hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import {
  asBigInt,
  asBytes,
  asFixedHex,
  asList,
  decodeRlp,
  encodeRlp,
  frameOf,
  type RlpInput,
  type RlpItem,
  rlpBigInt,
} from "../codec/rlp.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { orderedTrieRoot } from "../trie/ordered.ts";
import { type AnySealedHeader, anyHeaderFromRlp, decodeAnyHeader, encodeAnyHeader } from "./any-header.ts";
import { decodeAnyTransactionOf } from "./any-transaction.ts";
import type { AnyTransaction } from "./types.ts";

const RLP_LIMITS = { depthMax: 6, itemsMax: 4_000_000 };
const GWEI = 1_000_000_000n;

/** What the beacon chain pays out (EIP-4895). */
export interface Withdrawal {
  readonly index: bigint;
  readonly validatorIndex: bigint;
  readonly address: Hex;
  /** Wei; encoded in units of 10⁹. */
  readonly amount: bigint;
}

/** A block whose parts are those that its header commits to. */
export interface AnyBlock {
  readonly header: AnySealedHeader;
  /** Canonical encodings (EIP-2718). */
  readonly transactions: readonly Uint8Array[];
  readonly ommers: readonly AnySealedHeader[];
  /** Absent before Shanghai. */
  readonly withdrawals?: readonly Withdrawal[];
}

/** A block with its transactions decoded. This chain's own have neither ommers nor withdrawals. */
export interface AnyDecodedBlock {
  readonly header: AnySealedHeader;
  readonly transactions: readonly AnyTransaction[];
  readonly ommers?: readonly AnySealedHeader[];
  readonly withdrawals?: readonly Withdrawal[];
}

/** The block as it is encoded: from Shanghai on with withdrawals, be they none. */
export function toAnyBlock({ header, transactions, ommers = [], withdrawals = [] }: AnyDecodedBlock): AnyBlock {
  const block = { header, transactions: transactions.map(({ raw }) => raw), ommers };
  return header.withdrawalsRoot === undefined ? block : { ...block, withdrawals };
}

function withdrawalToRlp({ index, validatorIndex, address, amount }: Withdrawal): RlpInput {
  return [rlpBigInt(index), rlpBigInt(validatorIndex), hexToBytes(address), rlpBigInt(amount / GWEI)];
}

/** What a header holds for its block's withdrawals. */
export const withdrawalsRoot = (withdrawals: readonly Withdrawal[]): Hex =>
  orderedTrieRoot(withdrawals.map((withdrawal) => encodeRlp(withdrawalToRlp(withdrawal))));

function withdrawalFromRlp(item: RlpItem): Withdrawal {
  const [index, validatorIndex, address, amount] = asList(item, "withdrawal", 4);
  return {
    index: asBigInt(index, "withdrawal index", 64),
    validatorIndex: asBigInt(validatorIndex, "validator index", 64),
    address: asFixedHex(address, "withdrawal address", 20),
    amount: asBigInt(amount, "withdrawal amount", 64) * GWEI,
  };
}

/** A legacy transaction is a list within the block, a typed one a byte string. */
function transactionBytes(item: RlpItem): Uint8Array {
  if (Array.isArray(item)) return encodeRlp(item);
  if ((item[0] ?? 0xff) >= 0xc0) throw new CodedError("INVALID_BLOCK", "a legacy transaction is not a byte string");
  return item.slice();
}

const transactionToRlp = (raw: Uint8Array): RlpInput => ((raw[0] as number) >= 0xc0 ? decodeRlp(raw) : raw);

export function encodeAnyBlock({ header, transactions, ommers, withdrawals }: AnyBlock): Uint8Array {
  const parts: RlpInput[] = [
    decodeRlp(encodeAnyHeader(header)),
    transactions.map(transactionToRlp),
    ommers.map((ommer) => decodeRlp(encodeAnyHeader(ommer))),
  ];
  if (withdrawals !== undefined) parts.push(withdrawals.map(withdrawalToRlp));
  return encodeRlp(parts);
}

function checkParts(header: AnySealedHeader, parts: readonly (readonly [string, Hex, Hex | undefined])[]): void {
  const fault = parts.find(([, found, committed]) => found !== committed);
  if (fault === undefined) return;
  const [part, found, committed] = fault;
  const message = `block ${header.number}: its ${part} have the root ${found}, the header says ${committed ?? "none"}`;
  throw new CodedError("INVALID_BLOCK", message, { number: header.number, part });
}

/**
 * The header of an encoded block, of which nothing else is looked at.
 * @throws CodedError `INVALID_RLP`
 */
export function headerOfAnyBlock(bytes: Uint8Array): AnySealedHeader {
  const first = bytes[0] ?? 0;
  const start = first < 0xf8 ? 1 : 1 + first - 0xf7;
  const rest = bytes.subarray(start);
  return decodeAnyHeader(rest.subarray(0, frameOf(rest) ?? 0));
}

/**
 * Decodes a block, and holds its parts to what its header commits to. What the header must say is not checked here.
 * @throws CodedError `INVALID_RLP`, `INVALID_BLOCK` that names the block and the part
 */
export function decodeAnyBlock(bytes: Uint8Array): AnyBlock {
  const list = asList(decodeRlp(bytes, RLP_LIMITS), "block");
  const header = anyHeaderFromRlp(list[0]);
  asList(list, "block", header.withdrawalsRoot === undefined ? 3 : 4);
  const transactions = asList(list[1], "transactions").map(transactionBytes);
  const ommers = asList(list[2], "ommers");
  const withdrawals = header.withdrawalsRoot === undefined ? [] : asList(list[3], "withdrawals");
  checkParts(header, [
    ["transactions", orderedTrieRoot(transactions), header.transactionsRoot],
    ["ommers", keccak256Hex(encodeRlp(ommers)), header.ommersHash],
  ]);
  const block = { header, transactions, ommers: ommers.map(anyHeaderFromRlp) };
  if (header.withdrawalsRoot === undefined) return block;
  checkParts(header, [["withdrawals", orderedTrieRoot(withdrawals.map(encodeRlp)), header.withdrawalsRoot]]);
  return { ...block, withdrawals: withdrawals.map(withdrawalFromRlp) };
}

/** What is stored of a block beside its header, each transaction with its sender, so that reading it recovers none. */
export function encodeAnyBody({ transactions, ommers = [], withdrawals }: Omit<AnyDecodedBlock, "header">): Uint8Array {
  const parts: RlpInput[] = [
    transactions.map(({ raw, sender }) => [raw, hexToBytes(sender)]),
    ommers.map((ommer) => decodeRlp(encodeAnyHeader(ommer))),
  ];
  if (withdrawals !== undefined) parts.push(withdrawals.map(withdrawalToRlp));
  return encodeRlp(parts);
}

/** The transactions of a stored body as `[encoding, sender]`. */
const storedTransactions = (parts: readonly RlpItem[]): RlpItem[] => asList(parts[0], "stored transactions");

function transactionFromBody(item: RlpItem): AnyTransaction {
  const [raw, sender] = asList(item, "stored transaction", 2);
  return decodeAnyTransactionOf(asFixedHex(sender, "sender", 20), asBytes(raw, "transaction").slice());
}

/**
 * Reverses `encodeAnyBody`. The senders are believed: such bytes come from this node's own store only.
 * @throws CodedError `INVALID_RLP`, `INVALID_TRANSACTION`
 */
export function decodeAnyBody(bytes: Uint8Array): Omit<AnyDecodedBlock, "header"> {
  const parts = asList(decodeRlp(bytes, RLP_LIMITS), "body");
  const body = {
    transactions: storedTransactions(parts).map(transactionFromBody),
    ommers: asList(parts[1], "ommers").map(anyHeaderFromRlp),
  };
  if (parts[2] === undefined) return body;
  return { ...body, withdrawals: asList(parts[2], "withdrawals").map(withdrawalFromRlp) };
}

/** How many transactions a stored body has. @throws CodedError `INVALID_RLP` */
export const countStoredTransactions = (bytes: Uint8Array): number =>
  storedTransactions(asList(decodeRlp(bytes, RLP_LIMITS), "body")).length;
