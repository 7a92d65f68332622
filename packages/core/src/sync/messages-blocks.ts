/** Encodings of the messages that carry headers, blocks and transactions. */

import { hexToBytes } from "../base/bytes.ts";
import { MAX_BLOCK_BYTES } from "../chain/rules.ts";
import { asBoolean, asBytes, asListMax, asNumber, type RlpItem, rlpBoolean, rlpNumber } from "../codec/rlp.ts";
import { type Codec, hash, invalidField, KIND_BYTES, readKind } from "./fields.ts";
import {
  ANNOUNCED_BLOCK_BYTES_MAX,
  BLOCKS_MAX,
  HEADER_BYTES_MAX,
  HEADERS_MAX,
  LOCATOR_MAX,
  TRANSACTION_BYTES_MAX,
  TRANSACTIONS_MAX,
} from "./limits.ts";
import type {
  BlocksMessage,
  GetBlocksMessage,
  GetHeadersMessage,
  HeadersMessage,
  NewBlockMessage,
  NewTransactionMessage,
} from "./message-types.ts";

function readFrom(item: RlpItem | undefined): GetHeadersMessage["from"] {
  if (item instanceof Uint8Array) return { number: asNumber(item, "from number") };
  const hashes = asListMax(item, "locator", LOCATOR_MAX).map((value) => hash(value, "locator hash"));
  if (hashes.length === 0) throw invalidField("the locator is empty");
  return { hashes };
}

function readCount(item: RlpItem | undefined): number {
  const count = asNumber(item, "count");
  if (count < 1 || count > HEADERS_MAX) throw invalidField(`count is not between 1 and ${HEADERS_MAX}`);
  return count;
}

export const getHeadersCodec: Codec<GetHeadersMessage> = {
  fields: 3,
  itemsMax: LOCATOR_MAX + 8,
  encode: (m) => [
    "hashes" in m.from ? m.from.hashes.map(hexToBytes) : rlpNumber(m.from.number),
    rlpNumber(m.count),
    rlpBoolean(m.direction === "down"),
  ],
  decode: ([from, count, down]) => ({
    type: "GetHeaders",
    from: readFrom(from),
    count: readCount(count),
    direction: asBoolean(down, "direction") ? "down" : "up",
  }),
};

export const headersCodec: Codec<HeadersMessage> = {
  fields: 1,
  itemsMax: HEADERS_MAX + 8,
  encode: (m) => [m.headers],
  decode: ([headers]) => ({
    type: "Headers",
    headers: asListMax(headers, "headers", HEADERS_MAX).map((value) => asBytes(value, "header", HEADER_BYTES_MAX)),
  }),
};

export const getBlocksCodec: Codec<GetBlocksMessage> = {
  fields: 1,
  itemsMax: BLOCKS_MAX + 8,
  encode: (m) => [m.hashes.map(hexToBytes)],
  decode: ([hashes]) => ({
    type: "GetBlocks",
    hashes: asListMax(hashes, "hashes", BLOCKS_MAX).map((value) => hash(value, "block hash")),
  }),
};

export const blocksCodec: Codec<BlocksMessage> = {
  fields: 1,
  itemsMax: BLOCKS_MAX + 8,
  encode: (m) => [m.blocks],
  decode: ([blocks]) => ({
    type: "Blocks",
    blocks: asListMax(blocks, "blocks", BLOCKS_MAX).map((value) => asBytes(value, "block", MAX_BLOCK_BYTES)),
  }),
};

export const newBlockCodec: Codec<NewBlockMessage> = {
  fields: 2,
  itemsMax: 8,
  encode: (m) => (m.kind === "block" ? [KIND_BYTES.first, m.block] : [KIND_BYTES.second, m.header]),
  decode: ([kind, bytes]) =>
    readKind(kind) === "first"
      ? { type: "NewBlock", kind: "block", block: asBytes(bytes, "block", ANNOUNCED_BLOCK_BYTES_MAX) }
      : { type: "NewBlock", kind: "header", header: asBytes(bytes, "header", HEADER_BYTES_MAX) },
};

export const newTransactionCodec: Codec<NewTransactionMessage> = {
  fields: 1,
  itemsMax: TRANSACTIONS_MAX + 8,
  encode: (m) => [m.transactions],
  decode: ([transactions]) => ({
    type: "NewTransaction",
    transactions: asListMax(transactions, "transactions", TRANSACTIONS_MAX).map((value) =>
      asBytes(value, "transaction", TRANSACTION_BYTES_MAX),
    ),
  }),
};
