/** Verifies a signature on P-256 (EIP-7951). What does not verify is no error: it gives no bytes. */

import { p256 } from "@noble/curves/nist.js";
import { bigIntToFixedBytes, compareBytes, concatBytes, EMPTY_BYTES, isZero } from "../../base/bytes.ts";
import { type CryptoProvider, currentCrypto } from "../../crypto/crypto.ts";
import { assertInvalidInput, truth } from "./steps.ts";
import type { Precompile } from "./types.ts";

/** Digest, r, s and the public key's x and y, 32 bytes each. */
const INPUT_BYTES = 160;
const UNCOMPRESSED = Uint8Array.of(4);
const { n, p } = p256.Point.CURVE();
const [GROUP_ORDER, FIELD_ORDER] = [n, p].map((order) => bigIntToFixedBytes(order, 32)) as [Uint8Array, Uint8Array];

const verifyPortably: NonNullable<CryptoProvider["verifyP256"]> = (digest, signature, publicKey) =>
  p256.verify(signature, digest, concatBytes(UNCOMPRESSED, publicKey), { lowS: false, prehash: false });

function isValid(input: Uint8Array): boolean {
  if (input.length !== INPUT_BYTES) return false;
  const [digest, r, s, x, y] = [0, 32, 64, 96, 128].map((at) => input.subarray(at, at + 32)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  if ([r, s].some((each) => isZero(each) || compareBytes(each, GROUP_ORDER) >= 0)) return false;
  if ([x, y].some((each) => compareBytes(each, FIELD_ORDER) >= 0) || (isZero(x) && isZero(y))) return false;
  const verify = currentCrypto().verifyP256 ?? verifyPortably;
  try {
    return verify(digest, input.subarray(32, 96), input.subarray(96));
  } catch (error) {
    assertInvalidInput(error);
    return false;
  }
}

export const P256_VERIFY: Precompile = {
  gas: () => 6_900,
  run: (input) => (isValid(input) ? truth(true) : EMPTY_BYTES),
};
