/** Verifies a signature on P-256 (EIP-7951). What does not verify is no error: it gives no bytes. */

import { p256 } from "@noble/curves/nist.js";
import { concatBytes, EMPTY_BYTES } from "../../base/bytes.ts";
import { truth } from "./steps.ts";
import type { Precompile } from "./types.ts";

/** Digest, r, s and the public key's x and y, 32 bytes each. */
const INPUT_BYTES = 160;
const UNCOMPRESSED = Uint8Array.of(4);

function isValid(input: Uint8Array): boolean {
  if (input.length !== INPUT_BYTES) return false;
  const [digest, signature] = [input.subarray(0, 32), input.subarray(32, 96)];
  try {
    const publicKey = concatBytes(UNCOMPRESSED, input.subarray(96));
    return p256.verify(signature, digest, publicKey, { lowS: false, prehash: false });
  } catch {
    return false;
  }
}

export const P256_VERIFY: Precompile = {
  gas: () => 6_900,
  run: (input) => (isValid(input) ? truth(true) : EMPTY_BYTES),
};
