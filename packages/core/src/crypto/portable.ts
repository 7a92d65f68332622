/** The portable implementation of the crypto port: @noble, in pure JavaScript, for browsers and as a fallback. */

import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { concatBytes } from "../base/bytes.ts";
import type { CryptoProvider } from "./crypto.ts";

export function createPortableCrypto(): CryptoProvider {
  return {
    name: "portable",
    keccak256: (bytes) => keccak_256(bytes),
    sign(digest, privateKey) {
      const signed = secp256k1.sign(digest, privateKey, { prehash: false, lowS: true, format: "recovered" });
      return { rs: signed.slice(1), yParity: signed[0] === 1 ? 1 : 0 };
    },
    recover(digest, rs, yParity) {
      const signature = concatBytes(new Uint8Array([yParity]), rs);
      const compressed = secp256k1.recoverPublicKey(signature, digest, { prehash: false });
      return secp256k1.Point.fromBytes(compressed).toBytes(false).subarray(1);
    },
    publicKey: (privateKey) => secp256k1.getPublicKey(privateKey, false).subarray(1),
  };
}
