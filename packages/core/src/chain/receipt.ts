/** Receipts: the encoding that the receipts root commits to, the logs bloom, and the encoding for storage. */

import { EMPTY_BYTES, type Hex, hexToBytes, joinBytes, zeroBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import {
  asBigInt,
  asBoolean,
  asBytes,
  asFixedHex,
  asList,
  asListMax,
  asNumber,
  decodeRlp,
  encodedSize,
  encodeRlp,
  encodeRlpList,
  listHeaderSize,
  type RlpInput,
  type RlpItem,
  rlpBigInt,
  rlpBoolean,
  rlpNumber,
  writeListHeader,
  writeString,
} from "../codec/rlp.ts";
import { keccak256 } from "../crypto/crypto.ts";
import { orderedTrieRoot } from "../trie/ordered.ts";
import { BLOOM_BYTES } from "./header.ts";
import type { AnyReceipt, AnyTransactionType, Log, Receipt } from "./types.ts";

const TOPICS_MAX = 4;
/** The most logs that the highest gas limit of a genesis pays for: 10⁹ / 375 of four items each, and room for the rest. */
const ITEMS_MAX = 12_000_000;

/** Contracts and the hashes of their events come again and again: as many are remembered. */
const BITS_MAX = 4_096;
const bitsOf = new Map<Hex, readonly number[]>();

/** The three bits of one address or topic, counted from the end. Source: yellow paper, section 4.3.1. */
export function bloomBits(item: Hex): readonly number[] {
  const known = bitsOf.get(item);
  if (known !== undefined) return known;
  const hash = keccak256(hexToBytes(item));
  const bits = [0, 2, 4].map((at) => (((hash[at] as number) << 8) | (hash[at + 1] as number)) & 2047);
  if (bitsOf.size >= BITS_MAX) bitsOf.clear();
  bitsOf.set(item, bits);
  return bits;
}

export const hasBloomBit = (bloom: Uint8Array, bit: number): boolean =>
  ((bloom[BLOOM_BYTES - 1 - (bit >> 3)] as number) & (1 << (bit & 7))) !== 0;

function addToBloom(bloom: Uint8Array, item: Hex): void {
  for (const bit of bloomBits(item)) {
    const index = BLOOM_BYTES - 1 - (bit >> 3);
    bloom[index] = (bloom[index] as number) | (1 << (bit & 7));
  }
}

/** Bloom filter of 256 bytes over the addresses and topics of `logs`. */
export function logsBloom(logs: readonly Log[]): Uint8Array {
  const bloom = zeroBytes(BLOOM_BYTES);
  for (const { address, topics } of logs) {
    addToBloom(bloom, address);
    for (const topic of topics) addToBloom(bloom, topic);
  }
  return bloom;
}

/** Bloom filter over the logs of all receipts. */
export function receiptsBloom(receipts: readonly Receipt[]): Uint8Array {
  const bloom = new Uint8Array(BLOOM_BYTES);
  for (const { logs, logsBloom: own } of receipts) {
    if (logs.length === 0) continue;
    for (let i = 0; i < BLOOM_BYTES; i++) bloom[i] = (bloom[i] as number) | (own[i] as number);
  }
  return bloom;
}

function logToRlp({ address, topics, data }: Log): RlpInput {
  return [hexToBytes(address), topics.map(hexToBytes), data];
}

/** A list of logs, as receipts hold it. */
export const encodeLogs = (logs: readonly Log[]): Uint8Array => encodeRlp(logs.map(logToRlp));

/** Of each receipt, for those who need the encoding twice. */
export const encodeEachLogs = (receipts: readonly AnyReceipt[]): readonly Uint8Array[] =>
  receipts.map(({ logs }) => encodeLogs(logs));

/** The status, or before Byzantium the root of the state after the transaction. */
const resultToRlp = ({ status, stateRoot }: AnyReceipt): Uint8Array =>
  stateRoot === undefined ? rlpBoolean(status === 1) : hexToBytes(stateRoot);

/** The list of some fields and of logs that are encoded already. @param type a byte that stands before it (EIP-2718) */
function encodeWithLogs(fields: readonly Uint8Array[], logs: Uint8Array, type?: number): Uint8Array {
  const size = fields.reduce((sum, field) => sum + encodedSize(field), logs.length);
  const start = type === undefined ? 0 : 1;
  const encoded = zeroBytes(start + listHeaderSize(size) + size);
  if (type !== undefined) encoded[0] = type;
  let at = writeListHeader(encoded, start, size);
  for (const field of fields) at = writeString(encoded, at, field);
  encoded.set(logs, at);
  return encoded;
}

/** The consensus encoding (EIP-2718, EIP-658). */
export function encodeReceipt(receipt: AnyReceipt, logs: Uint8Array = encodeLogs(receipt.logs)): Uint8Array {
  const fields = [resultToRlp(receipt), rlpNumber(receipt.cumulativeGasUsed), receipt.logsBloom];
  return encodeWithLogs(fields, logs, receipt.type === 0 ? undefined : receipt.type);
}

/**
 * Root that a header holds for its block's receipts.
 * @param logs those of each as `encodeLogs` gives them, where they are encoded already: they are most of a receipt
 */
export function receiptsRoot(receipts: readonly AnyReceipt[], logs = encodeEachLogs(receipts)): Hex {
  return orderedTrieRoot(receipts.map((receipt, at) => encodeReceipt(receipt, logs[at])));
}

function encodeStored(receipt: AnyReceipt, logs: Uint8Array): Uint8Array {
  const fields = [
    rlpNumber(receipt.type),
    resultToRlp(receipt),
    rlpNumber(receipt.cumulativeGasUsed),
    rlpNumber(receipt.gasUsed),
    rlpBigInt(receipt.effectiveGasPrice),
    receipt.contractAddress === undefined ? EMPTY_BYTES : hexToBytes(receipt.contractAddress),
  ];
  return encodeWithLogs(fields, logs);
}

/**
 * Encoding for storage: with what the consensus encoding leaves out, without the bloom, which follows from the logs.
 * @param logs as `receiptsRoot` takes them
 */
export function encodeReceipts(receipts: readonly AnyReceipt[], logs = encodeEachLogs(receipts)): Uint8Array {
  return encodeRlpList(joinBytes(receipts.map((receipt, at) => encodeStored(receipt, logs[at] as Uint8Array))));
}

function logFromRlp(item: RlpItem): Log {
  const [address, topics, data] = asList(item, "log", 3);
  return {
    address: asFixedHex(address, "log address", 20),
    topics: asListMax(topics, "topics", TOPICS_MAX).map((topic) => asFixedHex(topic, "topic", 32)),
    data: asBytes(data, "log data").slice(),
  };
}

function typeFromRlp(item: RlpItem | undefined): AnyTransactionType {
  const type = asNumber(item, "receipt type");
  if (type === 0 || type === 1 || type === 2 || type === 3 || type === 4) return type;
  throw new CodedError("INVALID_RLP", `invalid RLP: receipt type ${type}`);
}

function resultFromRlp(item: RlpItem | undefined): Pick<AnyReceipt, "status" | "stateRoot"> {
  if (asBytes(item, "status").length === 32) return { stateRoot: asFixedHex(item, "state root", 32) };
  return { status: asBoolean(item, "status") ? 1 : 0 };
}

function receiptFromRlp(item: RlpItem): AnyReceipt {
  const [type, result, cumulativeGasUsed, gasUsed, price, contract, logItems] = asList(item, "receipt", 7);
  const logs = asList(logItems, "logs").map(logFromRlp);
  return {
    type: typeFromRlp(type),
    ...resultFromRlp(result),
    cumulativeGasUsed: asNumber(cumulativeGasUsed, "cumulative gas used"),
    logsBloom: logsBloom(logs),
    logs,
    gasUsed: asNumber(gasUsed, "gas used"),
    effectiveGasPrice: asBigInt(price, "effective gas price"),
    ...(asBytes(contract, "contract address").length === 0
      ? {}
      : { contractAddress: asFixedHex(contract, "contract address", 20) }),
  };
}

const receiptItems = (bytes: Uint8Array): RlpItem[] =>
  asList(decodeRlp(bytes, { depthMax: 5, itemsMax: ITEMS_MAX }), "receipts");

/**
 * Reverses `encodeReceipts`, for a chain of any fork.
 * @throws CodedError `INVALID_RLP`
 */
export const decodeAnyReceipts = (bytes: Uint8Array): AnyReceipt[] => receiptItems(bytes).map(receiptFromRlp);

/** A receipt with its place among the logs of its block. */
export interface PlacedReceipt<R = Receipt> {
  readonly receipt: R;
  /** Index in the block of its first log. */
  readonly firstLogIndex: number;
}

/** One receipt of what `encodeReceipts` gave, which has it. @throws CodedError `INVALID_RLP` */
export function decodeAnyReceiptAt(bytes: Uint8Array, index: number): PlacedReceipt<AnyReceipt> {
  const items = receiptItems(bytes);
  let firstLogIndex = 0;
  for (const item of items.slice(0, index)) firstLogIndex += asList(asList(item, "receipt", 7)[6], "logs").length;
  return { receipt: receiptFromRlp(items[index] as RlpItem), firstLogIndex };
}

function isOwn(receipt: AnyReceipt): receipt is Receipt {
  return receipt.type !== 3 && receipt.status !== undefined;
}

function requireOwn(receipt: AnyReceipt): Receipt {
  if (isOwn(receipt)) return receipt;
  throw new CodedError("INVALID_RLP", "invalid RLP: a receipt of another chain");
}

/**
 * Reverses `encodeReceipts`, for this node's own chain.
 * @throws CodedError `INVALID_RLP`, also for receipts that the chain cannot have
 */
export const decodeReceipts = (bytes: Uint8Array): Receipt[] => decodeAnyReceipts(bytes).map(requireOwn);

/** `decodeAnyReceiptAt`, for this node's own chain. @throws CodedError as `decodeReceipts` */
export function decodeReceiptAt(bytes: Uint8Array, index: number): PlacedReceipt {
  const { receipt, firstLogIndex } = decodeAnyReceiptAt(bytes, index);
  return { receipt: requireOwn(receipt), firstLogIndex };
}
