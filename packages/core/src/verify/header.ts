/** Headers as proofs come with them: what they are, who sealed them, and who stands for them. */

import type { Hex } from "../base/bytes.ts";
import { CodedError, isCodedError } from "../base/errors.ts";
import { decodeHeader } from "../chain/header.ts";
import type { SealedHeader } from "../chain/types.ts";
import { maySeal, type PoaRules, sealerOf } from "../consensus/poa.ts";
import { parseAddress } from "../crypto/crypto.ts";

/** `signer`: a listed signer sealed it. `none`: anyone may seal on this chain, so that nobody stands for it. */
export type Certified = "signer" | "none";

export interface VerifiedHeader {
  readonly header: SealedHeader;
  readonly certified: Certified;
}

/**
 * Reads a header and checks its seal, nothing else: that its parents are valid, and that it is the head, is for whoever
 * has them to say.
 * @param rules signers with checksums or without, as a genesis file has them
 * @throws CodedError `INVALID_PROOF` when it is malformed, sealed by another than its coinbase, or by nobody listed;
 * `INVALID_HEX` for a signer that is no address
 */
export function verifyHeader(bytes: Uint8Array, rules: PoaRules): VerifiedHeader {
  const signers = rules.signers.map(parseAddress);
  try {
    const header = decodeHeader(bytes);
    const sealer: Hex = sealerOf(header);
    if (!maySeal({ signers }, sealer)) throw new CodedError("INVALID_HEADER", `${sealer} is not a listed signer`);
    return { header, certified: signers.length > 0 ? "signer" : "none" };
  } catch (error) {
    if (!isCodedError(error, "INVALID_HEADER") && !isCodedError(error, "INVALID_RLP")) throw error;
    throw new CodedError("INVALID_PROOF", `the header proves nothing: ${error.message}`);
  }
}
