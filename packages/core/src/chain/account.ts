/** Accounts as the state trie holds them. Source: yellow paper, section 4.1. */

import { hexToBytes } from "../base/bytes.ts";
import { asBigInt, asFixedHex, asList, decodeRlp, encodeRlp, rlpBigInt } from "../codec/rlp.ts";
import type { Account } from "./types.ts";

export function encodeAccount({ nonce, balance, storageRoot, codeHash }: Account): Uint8Array {
  return encodeRlp([rlpBigInt(nonce), rlpBigInt(balance), hexToBytes(storageRoot), hexToBytes(codeHash)]);
}

/** @throws CodedError `INVALID_RLP` */
export function decodeAccount(bytes: Uint8Array): Account {
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
