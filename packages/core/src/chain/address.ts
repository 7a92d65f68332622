/** Addresses of contracts. Sources: yellow paper, section 7; EIP-1014. */

import { bytesToHex, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { encodeRlp, rlpBigInt } from "../codec/rlp.ts";
import { keccak256 } from "../crypto/crypto.ts";

/** Address of the contract that `creator` creates with its nonce `nonce`. */
export function createAddress(creator: Hex, nonce: bigint): Hex {
  return bytesToHex(keccak256(encodeRlp([hexToBytes(creator), rlpBigInt(nonce)])).subarray(12));
}

/** Address of the contract that `creator` creates with CREATE2. `salt` has 32 bytes. */
export function create2Address(creator: Hex, salt: Uint8Array, initcode: Uint8Array): Hex {
  const preimage = concatBytes(new Uint8Array([0xff]), hexToBytes(creator), salt, keccak256(initcode));
  return bytesToHex(keccak256(preimage).subarray(12));
}
