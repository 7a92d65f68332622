/** Notices that a node that takes states over stays behind, because nobody who is connected gives any. */

import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import { isBehind } from "@counterpart/core/sync/decisions";
import type { Engine } from "../engine/types.ts";
import { bestHeadOf } from "./block-pull.ts";
import { ONLY_REPLICAS_MS } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";

export interface OnlyReplicasDeps {
  readonly engine: Pick<Engine, "head">;
  readonly peers: Pick<Peers, "ready">;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
}

/**
 * The returned function looks, and says whether for a while whoever is ahead has been a replica, and no full node there:
 * nothing comes then. The log is told once, each time that it is so.
 */
export function createOnlyReplicas({ engine, peers, clock, logger }: OnlyReplicasDeps): () => boolean {
  let since: { readonly ms: number; isTold: boolean } | undefined;
  const isAhead = (session: Session): boolean => {
    const best = bestHeadOf(session);
    return best !== undefined && isBehind(engine.head(), best);
  };
  return () => {
    const ready = peers.ready();
    if (ready.some(({ version }) => version?.role === "full") || !ready.some(isAhead)) {
      since = undefined;
      return false;
    }
    since ??= { ms: clock.now(), isTold: false };
    if (since.isTold) return true;
    if (Math.abs(clock.now() - since.ms) < ONLY_REPLICAS_MS) return false;
    since.isTold = true;
    logger.warn("the peers that are ahead are replicas, which give no state: a full node is needed");
    return true;
  };
}
