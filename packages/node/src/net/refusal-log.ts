/**
 * Who was refused, in the metrics each time, and what else strangers can bring about, in the log now and then: they must
 * not be able to fill it.
 */

import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import type { Clock, LogFields, Logger } from "@counterpart/core/ports/runtime";
import type { NetMetrics } from "./net-metrics.ts";

const LOG_EVERY_MS = 60_000;

const MESSAGES = {
  key: "a connection was refused: it does not show this network's key, or shows one where there is none",
  foreign: "a connection was refused: it begins with text, such as HTTP, and this port is for peers",
  stranger: "a peer was refused: it is not on the list of allowed peers",
} as const;

/** What has the code `SHARED_KEYS`. */
const SHARED = {
  twins:
    "two nodes with the same peer key take each other's place here: one of them runs on a copy of the other's keys",
  copy: "this node's own peer key answers at another address: unless that leads back here, a node runs on a copy of its keys",
} as const;

export type RefusalReason = keyof typeof MESSAGES;

export interface RefusalLog {
  /** @param who the peer id where it is proven, else the address */
  note(reason: RefusalReason, who: string): void;
  /** @param who a peer id, or the address */
  tell(what: keyof typeof SHARED, who: string): void;
}

export function createRefusalLog(
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  metrics: Pick<NetMetrics, "refused">,
): RefusalLog {
  const kinds = new Map<string, { saidAtMs: number; unsaid: number }>();
  const say = (message: string, fields: LogFields): void => {
    const now = clock.now();
    const kind = kinds.get(message);
    if (kind !== undefined && now - kind.saidAtMs < LOG_EVERY_MS) {
      kind.unsaid++;
      return;
    }
    logger.warn(message, { ...fields, ...(kind === undefined ? {} : { othersSinceLast: kind.unsaid }) });
    kinds.set(message, { saidAtMs: now, unsaid: 0 });
  };
  return {
    note(reason, who) {
      metrics.refused.add({ reason });
      say(MESSAGES[reason], { who });
    },
    tell: (what, who) => say(SHARED[what], { code: "SHARED_KEYS" satisfies ErrorCode, who }),
  };
}
