/** When whoever sends a transaction, or asks for its receipt, is answered: if that is soon, when it is in a block. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { InclusionWatch } from "../../contracts/inclusion.ts";
import type { DevelopmentNode } from "../../driver/development-node.ts";
import type { ChainEngine, TransactionStatus } from "../../engine/types.ts";

/** A block may come from another node, or be a large one. */
const SEALED_MS_MAX = 2_000;
/**
 * After its arrival. Libraries ask again when there is a new block, which may never come where blocks are sealed on demand;
 * ethers takes the first answer for the second one too, where the block comes within 250 ms.
 */
const RECENT_MS = 500;

/** Resolves when a transaction that was taken is in a block, at once where that is not to be expected. */
export type UntilSealed = (hash: Hex) => Promise<void>;

export interface Sealed {
  /**
   * For who has sent it. A development node that seals because transactions wait answers when they are in a block: tests
   * that were written for Anvil and Hardhat's node read what they have sent without waiting for a receipt.
   */
  readonly sent: UntilSealed;
  /** For who asks for its receipt: what has become of it, where it has just come as soon as it is in a block. */
  readonly asked: (hash: Hex, status: Status) => Status | Promise<Status>;
}

type Status = TransactionStatus | undefined;

/** Whether nothing but the next block is needed. */
const isReady = (status: Status): status is Extract<Status, { status: "pending" }> =>
  status?.status === "pending" && status.reason === undefined;

export function whenSealed(
  engine: Pick<ChainEngine, "transaction">,
  watch: InclusionWatch,
  clock: Pick<Clock, "now">,
  development: Pick<DevelopmentNode, "automine"> | undefined,
): Sealed {
  return {
    async sent(hash) {
      if (development?.automine === true && isReady(engine.transaction(hash))) await watch.wait(hash, SEALED_MS_MAX);
    },
    asked(hash, status) {
      if (!isReady(status) || development?.automine === false) return status;
      // By clocks that may have been set back meanwhile.
      return watch.wait(hash, Math.min(RECENT_MS, status.arrivedAtMs + RECENT_MS - clock.now()));
    },
  };
}
