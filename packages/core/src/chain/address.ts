/** Addresses of contracts. Source: yellow paper, section 7. */

import { type Hex, hexToBytes } from "../base/bytes.ts";
import { encodeRlp, rlpBigInt } from "../codec/rlp.ts";
import { hashToAddress, keccak256 } from "../crypto/crypto.ts";

/** Address of the contract that `creator` creates with its nonce `nonce`. */
export function createAddress(creator: Hex, nonce: bigint): Hex {
  return hashToAddress(keccak256(encodeRlp([hexToBytes(creator), rlpBigInt(nonce)])));
}
