/** An artifact: what a contract's owner says of it, signed (EIP-712). */

import type { Hex } from "../base/bytes.ts";

/** Shown content. Everything is optional: an artifact may only give a name. */
export interface ArtifactContent {
  readonly contractType?: string;
  readonly name?: string;
  readonly symbol?: string;
  readonly decimals?: number;
  /** Decimal string in base units. */
  readonly cap?: string;
  /** JSON ABI. */
  readonly abi?: readonly unknown[];
}

/** The signed record. `content` is the canonical encoding that `contentHash` is the hash of. */
export interface ArtifactRecord {
  readonly address: Hex;
  readonly codeHash: Hex;
  /** Nonce of the creating transaction; absent for a factory's children. */
  readonly creationNonce?: bigint;
  /** Milliseconds since 1970, as the owner says. */
  readonly updatedAt: number;
  readonly contentHash: Hex;
  /** 65 bytes: r ‖ s ‖ recovery bit. */
  readonly signature: Uint8Array;
  /** Canonical content; at most 256 KiB. */
  readonly content: Uint8Array;
}

/** What two nodes compare: equal digests mean equal sets of visible artifacts. */
export interface ArtifactsSummary {
  readonly count: number;
  /** XOR of the visible records' hashes. */
  readonly digest: Hex;
  /** Greatest change sequence of this node. */
  readonly sequence: number;
}
