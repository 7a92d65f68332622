/** Finding out who signed, where there is more than one thread to do it. Types only. */

import type { Hex } from "../base/bytes.ts";

/** All that it takes to find a transaction's sender. */
export interface SignedDigest {
  /** 32 bytes. */
  readonly digest: Uint8Array;
  /** 65 bytes: r ‖ s ‖ recovery bit. */
  readonly signature: Uint8Array;
}

/**
 * Addresses that signed, in the order of what is given; undefined where a signature recovers no key. Calls resolve in
 * the order in which they were made, so that transactions keep the order in which they came. Never rejects.
 */
export type RecoverSenders = (signed: readonly SignedDigest[]) => Promise<readonly (Hex | undefined)[]>;
