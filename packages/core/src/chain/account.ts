/** Accounts as the state trie holds them. Source: yellow paper, section 4.1. */

import { bytesToBigInt, bytesToHex, type Hex, hexToBytes } from "../base/bytes.ts";
import { asBigInt, asFixedHex, asList, decodeRlp, encodeRlp, rlpBigInt } from "../codec/rlp.ts";
import { EMPTY_TRIE_ROOT } from "../trie/types.ts";
import { EMPTY_CODE_HASH } from "./header.ts";
import type { Account } from "./types.ts";

export function encodeAccount({ nonce, balance, storageRoot, codeHash }: Account): Uint8Array {
  return encodeRlp([rlpBigInt(nonce), rlpBigInt(balance), hexToBytes(storageRoot), hexToBytes(codeHash)]);
}

const NUMBER_BYTES_MAX = 32;
const EMPTY_ROOT_BYTES = hexToBytes(EMPTY_TRIE_ROOT);
const EMPTY_CODE_BYTES = hexToBytes(EMPTY_CODE_HASH);

/** The 32 bytes at `at`; most accounts have the same in the place of storage and code. */
function hashAt(bytes: Uint8Array, at: number, usual: Uint8Array, usualText: Hex): Hex {
  let same = 0;
  while (same < 32 && bytes[at + same] === usual[same]) same++;
  return same === 32 ? usualText : bytesToHex(bytes.slice(at, at + 32));
}

/** The number that begins at `at` and ends at `end`, if it is encoded as a number must be. */
function numberAt(bytes: Uint8Array, at: number, end: number): bigint | undefined {
  const first = bytes[at] as number;
  if (end === at + 1) return first === 0x80 ? 0n : first > 0 && first < 0x80 ? BigInt(first) : undefined;
  if (first - 0x80 !== end - at - 1 || first > 0x80 + NUMBER_BYTES_MAX || bytes[at + 1] === 0) return undefined;
  if (end === at + 2 && (bytes[at + 1] as number) < 0x80) return undefined;
  return bytesToBigInt(bytes.slice(at + 1, end));
}

/** Nonce and balance are what differs in length; undefined for what is not encoded as all are. */
function decodeUsual(bytes: Uint8Array): Account | undefined {
  const hashes = bytes.length - 2 * 33;
  if (bytes[0] !== 0xf8 || bytes[1] !== bytes.length - 2 || hashes < 4) return undefined;
  if (bytes[hashes] !== 0xa0 || bytes[hashes + 33] !== 0xa0) return undefined;
  const first = bytes[2] as number;
  const balanceAt = first < 0x80 ? 3 : 3 + first - 0x80;
  if (first > 0x88 || balanceAt >= hashes) return undefined;
  const nonce = numberAt(bytes, 2, balanceAt);
  const balance = numberAt(bytes, balanceAt, hashes);
  if (nonce === undefined || balance === undefined) return undefined;
  return {
    nonce,
    balance,
    storageRoot: hashAt(bytes, hashes + 1, EMPTY_ROOT_BYTES, EMPTY_TRIE_ROOT),
    codeHash: hashAt(bytes, hashes + 34, EMPTY_CODE_BYTES, EMPTY_CODE_HASH),
  };
}

/** @throws CodedError `INVALID_RLP` */
export function decodeAccount(bytes: Uint8Array): Account {
  return decodeUsual(bytes) ?? decodeAny(bytes);
}

function decodeAny(bytes: Uint8Array): Account {
  const [nonce, balance, storageRoot, codeHash] = asList(decodeRlp(bytes, { depthMax: 1, itemsMax: 4 }), "account", 4);
  return {
    nonce: asBigInt(nonce, "nonce", 64),
    balance: asBigInt(balance, "balance"),
    storageRoot: asFixedHex(storageRoot, "storage root", 32),
    codeHash: asFixedHex(codeHash, "code hash", 32),
  };
}

/** EIP-7702: 0xef0100 ‖ address. */
export function isDelegation(code: Uint8Array): boolean {
  return code.length === 23 && code[0] === 0xef && code[1] === 0x01 && code[2] === 0x00;
}
