/** What is held against peers, by peer id: it outlives their connections, and bans outlive the program. */

import { dropOldest } from "@counterpart/core/base/drop-oldest";
import { CodedError } from "@counterpart/core/base/errors";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import {
  type Ban,
  type Fault,
  GOOD_STANDING,
  isBanned,
  isRemembered,
  judge,
  type Standing,
} from "@counterpart/core/sync/scores";
import type { DriverMetrics } from "./driver-metrics.ts";
import { BANS_MAX, STANDINGS_MAX } from "./limits.ts";
import type { BanBook } from "./ports.ts";
import { isUnwritten } from "./stored.ts";
import type { BanView } from "./types.ts";

export interface Standings {
  /** Notes a fault. Returns the ban that it brought, if it did. */
  note(peerId: string, fault: Fault): Ban | undefined;
  /** The ban that the peer is under now. */
  banOf(peerId: string): Ban | undefined;
  bans(): readonly BanView[];
  /** Forgets a ban and the score that led to it. False when the peer is not banned. */
  lift(peerId: string): boolean;
}

/** Why this node refuses a banned peer. */
export function bannedError(ban: Ban): CodedError {
  const until = new Date(ban.untilMs).toISOString();
  const details = { reason: ban.reason, until, times: ban.times };
  return new CodedError("PEER_BANNED", `this node has banned the peer until ${until}: ${ban.reason}`, details);
}

export interface StandingsDeps {
  readonly book: BanBook | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: DriverMetrics;
}

export function createStandings({ book, clock, logger, metrics }: StandingsDeps): Standings {
  /** Scores without ban; touched last at the end. A flood of new identities pushes out scores, never bans. */
  const scores = new Map<string, Standing>();
  /** Bans, those that have ended among them while they lengthen the next one; the newest at the end. */
  const bans = new Map<string, Ban>(book?.load() ?? []);

  const save = (): void => {
    for (const [peerId, ban] of bans) if (!isRemembered(ban, clock.now())) bans.delete(peerId);
    metrics.forgotten.add({ record: "ban" }, dropOldest(bans, BANS_MAX));
    try {
      book?.save(bans);
    } catch (error) {
      if (!isUnwritten(error)) throw error;
      logger.warn("the bans of peers could not be saved", { error: error.message });
    }
  };
  const banOf = (peerId: string): Ban | undefined => {
    const ban = bans.get(peerId);
    return ban !== undefined && isBanned({ ...GOOD_STANDING, ban }, clock.now()) ? ban : undefined;
  };

  return {
    note(peerId, fault) {
      const before = { ...(scores.get(peerId) ?? GOOD_STANDING), ban: bans.get(peerId) };
      const after = judge(before, fault, clock.now());
      scores.delete(peerId);
      if (after.score < 0) scores.set(peerId, { ...after, ban: undefined });
      metrics.forgotten.add({ record: "score" }, dropOldest(scores, STANDINGS_MAX));
      if (after.ban === undefined || after.ban === before.ban) return undefined;
      bans.delete(peerId);
      bans.set(peerId, after.ban);
      save();
      return after.ban;
    },
    banOf,
    bans: () =>
      [...bans].filter(([peerId]) => banOf(peerId) !== undefined).map(([peerId, ban]) => ({ peerId, ...ban })),
    lift(peerId) {
      if (banOf(peerId) === undefined) return false;
      bans.delete(peerId);
      scores.delete(peerId);
      save();
      return true;
    },
  };
}
