/** The address that signed a digest (yellow paper, appendix E). What recovers nobody is no error: it gives no bytes. */

import { bytesToBigInt, concatBytes, EMPTY_BYTES } from "../../base/bytes.ts";
import { currentCrypto, keccak256, SECP256K1_ORDER } from "../../crypto/crypto.ts";
import { padded } from "./steps.ts";
import type { Precompile } from "./types.ts";

const INPUT_BYTES = 128;
const ADDRESS_OFFSET = 12;

const isScalar = (value: bigint): boolean => value > 0n && value < SECP256K1_ORDER;

function recover(input: Uint8Array): Uint8Array {
  const bytes = padded(input, INPUT_BYTES);
  const v = bytesToBigInt(bytes.subarray(32, 64));
  const rs = bytes.subarray(64, 128);
  const isSignature = isScalar(bytesToBigInt(rs.subarray(0, 32))) && isScalar(bytesToBigInt(rs.subarray(32)));
  if ((v !== 27n && v !== 28n) || !isSignature) return EMPTY_BYTES;
  try {
    const publicKey = currentCrypto().recover(bytes.slice(0, 32), rs.slice(), v === 28n ? 1 : 0);
    return concatBytes(new Uint8Array(ADDRESS_OFFSET), keccak256(publicKey).subarray(ADDRESS_OFFSET));
  } catch {
    return EMPTY_BYTES;
  }
}

export const ECRECOVER: Precompile = { gas: () => 3_000, run: recover };
