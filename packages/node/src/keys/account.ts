/** A private key and its address. */

import { bytesToBigInt, type Hex } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import { privateKeyToAddress, SECP256K1_ORDER } from "@counterpart/core/crypto/crypto";

export interface Account {
  readonly address: Hex;
  /** 32 bytes. */
  readonly privateKey: Uint8Array;
}

/** Whether bytes are a key of secp256k1: 32 of them, above zero and below the curve's order. */
export function isPrivateKey(bytes: Uint8Array): boolean {
  const scalar = bytes.length === 32 ? bytesToBigInt(bytes) : 0n;
  return scalar > 0n && scalar < SECP256K1_ORDER;
}

export function toAccount(privateKey: Uint8Array): Account {
  assert(isPrivateKey(privateKey), "a private key is 32 bytes, above zero and below the curve's order");
  return { address: privateKeyToAddress(privateKey), privateKey };
}
