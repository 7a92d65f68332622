/**
 * What each peer may cost this node, by peer id, so that a new connection brings no new allowance. An allowance may be
 * overdrawn by one piece of work, whose cost is known only afterwards; the next one waits until it has been made good.
 */

import { dropOldest } from "@counterpart/core/base/drop-oldest";
import type { Clock } from "@counterpart/core/ports/runtime";
import {
  ALLOWANCES_MAX,
  ANNOUNCED_BYTES_BURST,
  ANNOUNCED_BYTES_PER_S,
  ANNOUNCEMENTS_BURST,
  ANNOUNCEMENTS_PER_S,
  REQUEST_BYTES_MIN,
  SERVED_BYTES_BURST,
  SERVED_BYTES_PER_S,
  SERVING_MS_BURST,
  SERVING_MS_PER_S,
  STATUSES_BURST,
  STATUSES_PER_S,
} from "./limits.ts";

/** A token bucket. */
export interface Bucket {
  /** Time until anything may be spent again, in ms; 0 when it may be now. */
  waitMs(): number;
  spend(amount: number): void;
}

/** @param burst what may be spent at once after a pause */
export function createBucket(perSecond: number, burst: number, clock: Clock): Bucket {
  let left = burst;
  let atMs = clock.now();
  const refill = (): void => {
    const nowMs = clock.now();
    // A clock set back gives nothing and takes nothing.
    left = Math.min(burst, left + (Math.max(0, nowMs - atMs) * perSecond) / 1_000);
    atMs = nowMs;
  };
  return {
    waitMs() {
      refill();
      return left > 0 ? 0 : Math.ceil((1 - left) / (perSecond / 1_000));
    },
    spend(amount) {
      refill();
      left -= amount;
    },
  };
}

export interface Allowance {
  /** Time until the next request is served, in ms. */
  servingWaitMs(): number;
  /** A request was answered with so many bytes, after so much work. */
  noteServed(bytes: number, ms: number): void;
  /** Whether another announcement may be taken; if so, it is charged. */
  takeAnnouncement(bytes: number): boolean;
  /** Whether another `Status` may be looked at; if so, it is charged. */
  takeStatus(): boolean;
}

function createAllowance(clock: Clock): Allowance {
  const servedBytes = createBucket(SERVED_BYTES_PER_S, SERVED_BYTES_BURST, clock);
  const servingMs = createBucket(SERVING_MS_PER_S, SERVING_MS_BURST, clock);
  const announcements = createBucket(ANNOUNCEMENTS_PER_S, ANNOUNCEMENTS_BURST, clock);
  const announcedBytes = createBucket(ANNOUNCED_BYTES_PER_S, ANNOUNCED_BYTES_BURST, clock);
  const statuses = createBucket(STATUSES_PER_S, STATUSES_BURST, clock);
  return {
    servingWaitMs: () => Math.max(servedBytes.waitMs(), servingMs.waitMs()),
    noteServed(bytes, ms) {
      servedBytes.spend(Math.max(REQUEST_BYTES_MIN, bytes));
      servingMs.spend(Math.max(0, ms));
    },
    takeAnnouncement(bytes) {
      if (announcements.waitMs() > 0 || announcedBytes.waitMs() > 0) return false;
      announcements.spend(1);
      announcedBytes.spend(bytes);
      return true;
    },
    takeStatus() {
      if (statuses.waitMs() > 0) return false;
      statuses.spend(1);
      return true;
    },
  };
}

/** The allowance of a peer id. Those of peers that were not seen for longest are forgotten. */
export type Allowances = (peerId: string) => Allowance;

export function createAllowances(clock: Clock, onForgotten: () => void): Allowances {
  const kept = new Map<string, Allowance>();
  return (peerId) => {
    const allowance = kept.get(peerId) ?? createAllowance(clock);
    kept.delete(peerId);
    kept.set(peerId, allowance);
    if (dropOldest(kept, ALLOWANCES_MAX) > 0) onForgotten();
    return allowance;
  };
}
