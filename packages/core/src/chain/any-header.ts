/**
 * Headers of any fork, for chains sealed elsewhere: each of London, Shanghai, Cancun and Prague added fields at the end,
 * so that their number says which there are. Sources: yellow paper, EIP-1559, 4895, 4844, 4788, 7685.
 */

import { hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import {
  asBigInt,
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
import { type FirstField, firstFieldsFromRlp, firstFieldsToRlp } from "./header.ts";
import { MAX_HEADER_BYTES } from "./rules.ts";
import type { Header } from "./types.ts";

type LaterField = Exclude<keyof Header, FirstField>;

/** A header of any fork: what came after Frontier may be absent, but nothing that stands before a field that is there. */
export type AnyHeader = Omit<Header, LaterField | "gasLimit"> &
  Partial<Pick<Header, LaterField>> & { readonly gasLimit: GasLimit };

/** Below 2^64. A BigInt where a number would not be exact: above 2^53 - 1. */
export type GasLimit = number | bigint;

export const gasLimitOf = (value: bigint): GasLimit => (value > Number.MAX_SAFE_INTEGER ? value : Number(value));

const readGasLimit = (item: RlpItem | undefined, field: string): GasLimit => gasLimitOf(asBigInt(item, field, 64));

/** A header of any fork with its hash. */
export type AnySealedHeader = AnyHeader & { readonly hash: Header["parentHash"] };

/** Fields up to Berlin, London, Shanghai, Cancun and Prague. */
const FIELD_COUNTS: readonly number[] = [15, 16, 17, 20, 21];
const FIELDS_MAX = 21;

function laterFields(header: AnyHeader): (RlpInput | undefined)[] {
  const { baseFeePerGas, withdrawalsRoot, blobGasUsed, excessBlobGas, parentBeaconBlockRoot, requestsHash } = header;
  return [
    baseFeePerGas === undefined ? undefined : rlpBigInt(baseFeePerGas),
    withdrawalsRoot === undefined ? undefined : hexToBytes(withdrawalsRoot),
    blobGasUsed === undefined ? undefined : rlpNumber(blobGasUsed),
    excessBlobGas === undefined ? undefined : rlpNumber(excessBlobGas),
    parentBeaconBlockRoot === undefined ? undefined : hexToBytes(parentBeaconBlockRoot),
    requestsHash === undefined ? undefined : hexToBytes(requestsHash),
  ];
}

/**
 * @throws CodedError `INVALID_HEADER` when the fields are not those of any fork
 */
export function encodeAnyHeader(header: AnyHeader): Uint8Array {
  const later = laterFields(header);
  const there = later.filter((field) => field !== undefined);
  const fields = [...firstFieldsToRlp(header), ...there];
  if (later.indexOf(undefined) !== (there.length < later.length ? there.length : -1) || !isFieldCount(fields.length)) {
    throw new CodedError("INVALID_HEADER", `header ${header.number}: its fields are not those of any fork`);
  }
  return encodeRlp(fields);
}

const isFieldCount = (count: number): boolean => FIELD_COUNTS.includes(count);

function readLater(list: readonly RlpItem[]): Partial<Pick<Header, LaterField>> {
  const count = list.length;
  return {
    ...(count > 15 && { baseFeePerGas: asBigInt(list[15], "base fee") }),
    ...(count > 16 && { withdrawalsRoot: asFixedHex(list[16], "withdrawals root", 32) }),
    ...(count > 17 && {
      blobGasUsed: asNumber(list[17], "blob gas used"),
      excessBlobGas: asNumber(list[18], "excess blob gas"),
      parentBeaconBlockRoot: asFixedHex(list[19], "beacon block root", 32),
    }),
    ...(count > 20 && { requestsHash: asFixedHex(list[20], "requests hash", 32) }),
  };
}

/**
 * Reads a header of any fork out of a decoded list, and hashes it. Which fork's fields it must have is for the rules.
 * @throws CodedError `INVALID_RLP`
 */
export function anyHeaderFromRlp(item: RlpItem | undefined): AnySealedHeader {
  const list = asList(item, "header");
  if (!isFieldCount(list.length)) {
    throw new CodedError("INVALID_RLP", `invalid RLP: no fork has headers of ${list.length} fields`);
  }
  const header = { ...firstFieldsFromRlp(list, readGasLimit), ...readLater(list) };
  return { ...header, hash: keccak256Hex(encodeRlp(list)) };
}

/**
 * Decodes a header of any fork and hashes it.
 * @throws CodedError `INVALID_RLP`
 */
export function decodeAnyHeader(bytes: Uint8Array): AnySealedHeader {
  if (bytes.length > MAX_HEADER_BYTES) {
    throw new CodedError("INVALID_RLP", `a header of ${bytes.length} bytes is above ${MAX_HEADER_BYTES}`);
  }
  return anyHeaderFromRlp(decodeRlp(bytes, { depthMax: 1, itemsMax: FIELDS_MAX }));
}
