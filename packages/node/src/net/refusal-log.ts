/** Who was refused, in the metrics each time and in the log now and then: strangers must not be able to fill it. */

import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { NetMetrics } from "./net-metrics.ts";

const LOG_EVERY_MS = 60_000;

const MESSAGES = {
  key: "a connection was refused: it does not show this network's key, or shows one where there is none",
  foreign: "a connection was refused: it begins with text, such as HTTP, and this port is for peers",
  stranger: "a peer was refused: it is not on the list of allowed peers",
} as const;

export type RefusalReason = keyof typeof MESSAGES;

export interface RefusalLog {
  /** @param who the peer id where it is proven, else the address */
  note(reason: RefusalReason, who: string): void;
}

export function createRefusalLog(
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  metrics: Pick<NetMetrics, "refused">,
): RefusalLog {
  const kinds = new Map<RefusalReason, { saidAtMs: number; unsaid: number }>();
  return {
    note(reason, who) {
      metrics.refused.add({ reason });
      const now = clock.now();
      const kind = kinds.get(reason);
      if (kind !== undefined && now - kind.saidAtMs < LOG_EVERY_MS) {
        kind.unsaid++;
        return;
      }
      logger.warn(MESSAGES[reason], { who, ...(kind === undefined ? {} : { othersSinceLast: kind.unsaid }) });
      kinds.set(reason, { saidAtMs: now, unsaid: 0 });
    },
  };
}
