/** Many signatures in one piece of memory, as threads hand them to each other. */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { recoverAnyAddress } from "@counterpart/core/crypto/crypto";
import type { SignedDigest } from "@counterpart/core/ports/senders";

const DIGEST = 32;
const SIGNED = DIGEST + 65;
/** Whether there is one, and the address. */
const ANSWER = 1 + 20;

/** Who signed; undefined when the signature recovers no key. */
export function recoverOne({ digest, signature }: SignedDigest): Hex | undefined {
  try {
    return recoverAnyAddress(digest, signature);
  } catch (error) {
    if (isCodedError(error, "INVALID_SIGNATURE")) return undefined;
    throw error;
  }
}

export function packSigned(signed: readonly SignedDigest[]): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(signed.length * SIGNED);
  for (const [index, { digest, signature }] of signed.entries()) {
    packed.set(digest, index * SIGNED);
    packed.set(signature, index * SIGNED + DIGEST);
  }
  return packed;
}

/** Recovers the signers of what `packSigned` gave. */
export function recoverPacked(packed: Uint8Array): Uint8Array<ArrayBuffer> {
  const answer = new Uint8Array((packed.length / SIGNED) * ANSWER);
  for (let from = 0, to = 0; from < packed.length; from += SIGNED, to += ANSWER) {
    const digest = packed.subarray(from, from + DIGEST);
    const address = recoverOne({ digest, signature: packed.subarray(from + DIGEST, from + SIGNED) });
    if (address === undefined) continue;
    answer[to] = 1;
    answer.set(hexToBytes(address), to + 1);
  }
  return answer;
}

export function unpackSigners(answer: Uint8Array): (Hex | undefined)[] {
  return Array.from({ length: answer.length / ANSWER }, (_, index) => {
    const at = index * ANSWER;
    return answer[at] === 1 ? bytesToHex(answer.subarray(at + 1, at + ANSWER)) : undefined;
  });
}
