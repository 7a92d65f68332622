/**
 * Keeps artifacts in step with the head. They are written after it, in writes of their own: what a full disk refused is
 * made up for as soon as there is room.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { ChainEngine, HeadChange } from "../engine/types.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import type { Publisher } from "./publisher.ts";

export interface HeadFollowerDeps {
  readonly engine: Pick<ChainEngine, "on"> & { readonly adoption: Pick<ChainEngine["adoption"], "isUnderway"> };
  readonly clock: Pick<Clock, "setTimer">;
  readonly logger: Logger;
  readonly store: Pick<ArtifactStore, "review" | "pages">;
  readonly publisher: Pick<Publisher, "review" | "waiting">;
  /** Contracts that are remembered while they cannot be reviewed; beyond them everything that is held is. */
  readonly behindMax?: number;
}

const RETRY_MS = 1_000;
const BEHIND_MAX = 65_536;

/** Contracts whose artifacts may be others now. One that stays keeps code and owner, unless another branch created it. */
function touchedBy(change: HeadChange): readonly Hex[] {
  const { reverted, applied, contractsCreated, contractsUpdated, contractsRemoved } = change;
  // A state that was taken over may be that of another branch.
  const mayBeOthers = reverted.length > 0 || applied.length === 0;
  return [...contractsCreated, ...contractsRemoved, ...(mayBeOthers ? contractsUpdated : [])];
}

/** Settles what the last run left, and follows the engine's head from then on. Returns what ends it. */
export function createHeadFollower(deps: HeadFollowerDeps): () => void {
  const { engine, clock, logger, store, publisher, behindMax = BEHIND_MAX } = deps;
  const behind = new Set<Hex>(publisher.waiting());
  let everything = engine.adoption.isUnderway;
  let refused = false;
  let cancelRetry = (): void => {};

  const note = (addresses: readonly Hex[]): void => {
    for (const address of everything ? [] : addresses) behind.add(address);
    if (behind.size <= behindMax) return;
    behind.clear();
    everything = true;
  };
  const pages = function* (): Iterable<readonly Hex[]> {
    yield [...behind];
    if (!everything) return;
    yield publisher.waiting();
    yield* store.pages();
  };
  const reviewAll = (): void => {
    for (const addresses of pages()) {
      store.review(addresses);
      publisher.review(addresses);
    }
    behind.clear();
    everything = false;
  };
  const onFailure = (error: unknown): void => {
    if (!isCodedError(error, "STORE_WRITE_FAILED")) {
      logger.error("artifacts cannot follow the head", { error: String(error) });
      return;
    }
    if (!refused) logger.warn("artifacts wait for room in the database", { error: error.message });
    refused = true;
    cancelRetry = clock.setTimer(RETRY_MS, attempt);
  };
  const attempt = (): void => {
    cancelRetry();
    // The change of head that ends it comes here.
    if (engine.adoption.isUnderway) return;
    try {
      reviewAll();
      if (refused) logger.info("artifacts are in step with the head again");
      refused = false;
    } catch (error) {
      onFailure(error);
    }
  };

  attempt();
  const unsubscribe = engine.on("head", (change) => {
    everything ||= change.rebuilt === true;
    note(touchedBy(change));
    attempt();
  });
  const unsubscribeNamed = engine.on("named", ({ contractsCreated, contractsUpdated }) => {
    note([...contractsCreated, ...contractsUpdated]);
    attempt();
  });
  return () => {
    unsubscribe();
    unsubscribeNamed();
    cancelRetry();
  };
}
