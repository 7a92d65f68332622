/**
 * A head that other nodes do not take, because it is dated further ahead than they allow: the clock with which it was
 * sealed was ahead, or this node's is behind. What is built on it is refused like itself.
 */

import { isFromFuture } from "@counterpart/core/consensus/poa";
import type { EngineDevelopment } from "../engine/development.ts";
import type { Engine } from "../engine/types.ts";

export interface DatedChain extends Pick<Engine, "head" | "rules"> {
  readonly development?: Pick<EngineDevelopment, "detachedBy">;
}

/**
 * Seconds by which the head is dated ahead of this clock, where others refuse it for that; undefined where they take it,
 * and where there are none, as on a development chain that was detached.
 */
export function headAheadS({ head, development }: DatedChain, nowMs: number): number | undefined {
  const header = head();
  if (development?.detachedBy !== undefined || !isFromFuture(header, nowMs)) return undefined;
  return header.timestamp - Math.floor(nowMs / 1_000);
}

/**
 * The same, undefined where no other chain would come in the place of its own: where one node alone may seal, or is alone,
 * as on a machine whose clock is set right soon after it has started.
 */
export function withheldS(chain: DatedChain, nowMs: number, hasPeers: boolean): number | undefined {
  return chain.rules.signers.length === 1 || !hasPeers ? undefined : headAheadS(chain, nowMs);
}
