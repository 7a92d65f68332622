/**
 * How long a better chain of a peer's has been waited for. A node that seals on its own branch meanwhile only makes the
 * switch longer, so that two busy nodes would never meet.
 */

import type { Clock } from "@counterpart/core/ports/runtime";
import { isBehind } from "@counterpart/core/sync/decisions";
import type { Engine } from "../engine/types.ts";
import { bestHeadOf } from "./block-pull.ts";
import type { Importer } from "./importer.ts";
import { CATCH_UP_MS_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";

export interface CatchUpDeps {
  readonly engine: Pick<Engine, "head">;
  readonly peers: Pick<Peers, "ready">;
  readonly importer: Pick<Importer, "addedAtMs">;
  readonly clock: Clock;
}

/**
 * @returns reads the milliseconds since anything new of a better chain arrived; undefined while no ready peer has a
 * better one, and after `CATCH_UP_MS_MAX`, as what peers say of their heads proves nothing
 */
export function createCatchUp({ engine, peers, importer, clock }: CatchUpDeps): () => number | undefined {
  let sinceMs: number | undefined;
  return () => {
    const now = clock.now();
    const behind = peers.ready().some((session) => {
      const best = bestHeadOf(session);
      return best !== undefined && isBehind(engine.head(), best);
    });
    if (!behind) {
      sinceMs = undefined;
      return undefined;
    }
    // Not later than now, where the clock was set back.
    sinceMs = Math.min(sinceMs ?? now, now);
    const progressMs = Math.min(Math.max(sinceMs, importer.addedAtMs), now);
    return now - sinceMs > CATCH_UP_MS_MAX ? undefined : now - progressMs;
  };
}
