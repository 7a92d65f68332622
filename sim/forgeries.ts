/** What hostile peers made up, written down so that it can be looked for where it must not be. */

import type { Hex } from "@counterpart/core/base/bytes";

/** Stands in every made-up artifact, so that a look at an honest node's rows finds any of them. */
export const MARK = "made up by a hostile peer";

/**
 * How a block is forged: `seal`: its header breaks a rule, so nobody may keep it; `root`: its execution disagrees, which
 * is found out once it is executed.
 */
export type BlockForgery = "seal" | "root";

export interface Forgeries {
  readonly blocks: Map<Hex, BlockForgery>;
  /** Hashes of transactions that stand in forged blocks and nowhere else. */
  readonly transactions: Set<Hex>;
  /** Hashes of records that their contract's owner did not sign. */
  readonly records: Set<Hex>;
  /** Contracts that do not exist. */
  readonly addresses: Set<Hex>;
  /** keccak of frames that no honest node may send. */
  readonly frames: Set<Hex>;
}

export const createForgeries = (): Forgeries => ({
  blocks: new Map(),
  transactions: new Set(),
  records: new Set(),
  addresses: new Set(),
  frames: new Set(),
});
