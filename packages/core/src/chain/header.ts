/** Block headers: encoding and hash. Sources: yellow paper, EIP-1559, 4895, 4844, 4788, 7685. */

import { type Hex, hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import {
  asBigInt,
  asBytes,
  asFixedHex,
  asList,
  asNumber,
  decodeRlp,
  encodeRlp,
  type RlpInput,
  type RlpItem,
  rlpBigInt,
  rlpNumber,
} from "../codec/rlp.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { MAX_HEADER_BYTES } from "./rules.ts";
import type { Header, SealedHeader } from "./types.ts";

export const ZERO_HASH: Hex = `0x${"00".repeat(32)}`;
export const ZERO_ADDRESS: Hex = `0x${"00".repeat(20)}`;
/** keccak of the RLP of the empty list. */
export const EMPTY_OMMERS_HASH: Hex = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347";
/** keccak of no bytes. */
export const EMPTY_CODE_HASH: Hex = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
/** sha256 of no bytes: the hash of an empty list of requests (EIP-7685). */
export const EMPTY_REQUESTS_HASH: Hex = "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const FIELDS = 21;
export const BLOOM_BYTES = 256;

/** Fields that headers have had from the beginning. */
export type FirstField =
  | "parentHash"
  | "ommersHash"
  | "coinbase"
  | "stateRoot"
  | "transactionsRoot"
  | "receiptsRoot"
  | "logsBloom"
  | "difficulty"
  | "number"
  | "gasLimit"
  | "gasUsed"
  | "timestamp"
  | "extraData"
  | "mixHash"
  | "nonce";

/** The fields that headers have had from the beginning, with a gas limit as `G`. */
type FirstFields<G> = Omit<Pick<Header, FirstField>, "gasLimit"> & { readonly gasLimit: G };

/** The same as the beginning of an RLP list. */
export function firstFieldsToRlp(header: FirstFields<number | bigint>): RlpInput[] {
  const { gasLimit } = header;
  return [
    hexToBytes(header.parentHash),
    hexToBytes(header.ommersHash),
    hexToBytes(header.coinbase),
    hexToBytes(header.stateRoot),
    hexToBytes(header.transactionsRoot),
    hexToBytes(header.receiptsRoot),
    header.logsBloom,
    rlpBigInt(header.difficulty),
    rlpNumber(header.number),
    typeof gasLimit === "bigint" ? rlpBigInt(gasLimit) : rlpNumber(gasLimit),
    rlpNumber(header.gasUsed),
    rlpNumber(header.timestamp),
    header.extraData,
    hexToBytes(header.mixHash),
    header.nonce,
  ];
}

/** The header's fields as an RLP list, for encodings that hold a header among other things. */
export function headerToRlp(header: Header): RlpInput {
  return [
    ...firstFieldsToRlp(header),
    rlpBigInt(header.baseFeePerGas),
    hexToBytes(header.withdrawalsRoot),
    rlpNumber(header.blobGasUsed),
    rlpNumber(header.excessBlobGas),
    hexToBytes(header.parentBeaconBlockRoot),
    hexToBytes(header.requestsHash),
  ];
}

export function encodeHeader(header: Header): Uint8Array {
  return encodeRlp(headerToRlp(header));
}

/** keccak of the encoding: the block hash of a sealed header. */
export function hashHeader(header: Header): Hex {
  return keccak256Hex(encodeHeader(header));
}

/** The header with its hash. */
export function sealHeader(header: Header): SealedHeader {
  return { ...header, hash: hashHeader(header) };
}

function fixedBytes(item: RlpItem | undefined, field: string, size: number): Uint8Array {
  const bytes = asBytes(item, field);
  if (bytes.length !== size) throw new CodedError("INVALID_RLP", `invalid RLP: ${field} does not have ${size} bytes`);
  return bytes.slice();
}

/**
 * Reads the fields that headers have had from the beginning.
 * @param readGasLimit of the item, given the name of the field
 * @throws CodedError `INVALID_RLP`
 */
export function firstFieldsFromRlp<G>(
  list: readonly RlpItem[],
  readGasLimit: (item: RlpItem | undefined, field: string) => G,
): FirstFields<G> {
  return {
    parentHash: asFixedHex(list[0], "parent hash", 32),
    ommersHash: asFixedHex(list[1], "ommers hash", 32),
    coinbase: asFixedHex(list[2], "coinbase", 20),
    stateRoot: asFixedHex(list[3], "state root", 32),
    transactionsRoot: asFixedHex(list[4], "transactions root", 32),
    receiptsRoot: asFixedHex(list[5], "receipts root", 32),
    logsBloom: fixedBytes(list[6], "logs bloom", BLOOM_BYTES),
    difficulty: asBigInt(list[7], "difficulty"),
    number: asNumber(list[8], "number"),
    gasLimit: readGasLimit(list[9], "gas limit"),
    gasUsed: asNumber(list[10], "gas used"),
    timestamp: asNumber(list[11], "timestamp"),
    extraData: asBytes(list[12], "extra data", MAX_HEADER_BYTES).slice(),
    mixHash: asFixedHex(list[13], "mix hash", 32),
    nonce: fixedBytes(list[14], "nonce", 8),
  };
}

/**
 * Reads a header out of a decoded list. Only the shape is checked: what the values must be is consensus' to say.
 * @throws CodedError `INVALID_RLP`
 */
export function headerFromRlp(item: RlpItem | undefined): Header {
  const list = asList(item, "header", FIELDS);
  return {
    ...firstFieldsFromRlp(list, asNumber),
    baseFeePerGas: asBigInt(list[15], "base fee"),
    withdrawalsRoot: asFixedHex(list[16], "withdrawals root", 32),
    blobGasUsed: asNumber(list[17], "blob gas used"),
    excessBlobGas: asNumber(list[18], "excess blob gas"),
    parentBeaconBlockRoot: asFixedHex(list[19], "beacon block root", 32),
    requestsHash: asFixedHex(list[20], "requests hash", 32),
  };
}

/**
 * Decodes a header and hashes it.
 * @throws CodedError `INVALID_RLP`
 */
export function decodeHeader(bytes: Uint8Array): SealedHeader {
  if (bytes.length > MAX_HEADER_BYTES) {
    throw new CodedError("INVALID_RLP", `a header of ${bytes.length} bytes is above ${MAX_HEADER_BYTES}`);
  }
  const header = headerFromRlp(decodeRlp(bytes, { depthMax: 1, itemsMax: FIELDS }));
  return { ...header, hash: keccak256Hex(bytes) };
}
