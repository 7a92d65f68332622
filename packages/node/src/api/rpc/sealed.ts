/** What whoever sends a transaction to a development node may count on. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { InclusionWatch } from "../../contracts/inclusion.ts";
import type { DevelopmentNode } from "../../driver/development-node.ts";
import type { ChainEngine } from "../../engine/types.ts";

/** A block may come from another node, or be a large one. */
const SEALED_MS_MAX = 2_000;

/** Resolves when a transaction that was taken is in a block, at once where that is not to be expected. */
export type UntilSealed = (hash: Hex) => Promise<void>;

/**
 * A development node that seals because transactions wait answers when they are in a block: tests that were written for
 * Anvil and Hardhat's node read what they have sent without waiting for a receipt.
 */
export function untilSealed(
  engine: Pick<ChainEngine, "transaction">,
  watch: InclusionWatch,
  development: Pick<DevelopmentNode, "automine"> | undefined,
): UntilSealed {
  return async (hash) => {
    if (development?.automine !== true) return;
    const status = engine.transaction(hash);
    if (status?.status === "pending" && status.reason === undefined) await watch.wait(hash, SEALED_MS_MAX);
  };
}
