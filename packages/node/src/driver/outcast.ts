/**
 * Whether it is this node that the others refuse. A node that computes wrongly and seals a block is banned for it, and
 * then hears nothing any more that it could contradict: the bans themselves say it.
 */

import { encodeBlock } from "@counterpart/core/chain/block";
import { areBelieved } from "@counterpart/core/sync/divergence";
import type { DivergenceAlarm } from "./divergence-alarm.ts";
import { witnessOf } from "./evidence.ts";
import { OUTCAST_MS, PEERS_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { DriverDeps } from "./ports.ts";
import type { Session } from "./session.ts";

export interface OutcastDeps extends Pick<DriverDeps, "engine" | "clock" | "self"> {
  readonly peers: Pick<Peers, "ready">;
  readonly alarm: DivergenceAlarm;
  readonly isChosen: (peerId: string) => boolean;
}

/** The returned function is told of every session that has ended. */
export function createOutcastWatch({ engine, clock, self, peers, alarm, isChosen }: OutcastDeps) {
  /** Peers that were connected and have banned this node, by id, and when. */
  const banners = new Map<string, { readonly session: Session; readonly atMs: number }>();

  const raise = (): void => {
    const block = engine.block(engine.head().hash);
    if (block === undefined) return;
    const message = "most peers have banned this node after it sealed this block";
    const refused = { header: block.header, encoded: encodeBlock(block), message, outcomes: [] };
    const against = [...banners.values()].map(({ session }) => witnessOf(session, "other", isChosen(session.peerId)));
    const others = peers.ready().map((session) => witnessOf(session, "silent", isChosen(session.peerId)));
    alarm.raise(refused, [...against, ...others], true);
  };
  return (session: Session): void => {
    if (!session.wasAdmitted || session.closing?.received !== "PEER_BANNED") return;
    const nowMs = clock.now();
    for (const [peerId, { atMs }] of banners) {
      if (Math.abs(nowMs - atMs) > OUTCAST_MS || banners.size >= PEERS_MAX) banners.delete(peerId);
    }
    // One stranger can come again and again under new names: those that were here together are as many as they say.
    const isLate = [...banners.values()].some(({ atMs }) => atMs <= session.connectedAtMs);
    if (isLate && !isChosen(session.peerId)) return;
    banners.set(session.peerId, { session, atMs: nowMs });
    const opinions = [
      ...[...banners.keys()].map((peerId) => ({ against: true, chosen: isChosen(peerId) })),
      ...peers.ready().map(({ peerId }) => ({ against: false, chosen: isChosen(peerId) })),
    ];
    const isOwn = engine.head().coinbase === self.signer;
    if (isOwn && !alarm.isLatched && areBelieved(opinions)) raise();
  };
}
