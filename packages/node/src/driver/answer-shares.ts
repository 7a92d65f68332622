/**
 * How much state, and how many artifacts, a peer is asked for at once, as a part of the most that may be asked for: what
 * did not come in time, or took its link down, may have been too much for the way. Remembered by peer, as a link that
 * breaks is soon another one.
 */

import { dropOldest } from "@counterpart/core/base/drop-oldest";
import { isCodedError } from "@counterpart/core/base/errors";
import { ALLOWANCES_MAX, REQUEST_TIMEOUT_MS } from "./limits.ts";

export interface AnswerShares {
  /** From `SHARE_MIN` to 1. */
  of(peerId: string): number;
  /** An answer has come, after so long. */
  noteAnswer(peerId: string, tookMs: number): void;
  /** An answer was lost. */
  noteLoss(peerId: string): void;
}

/** Whether an answer did not come, perhaps because it was too large for the link. */
export const isLoss = (error: unknown): boolean =>
  isCodedError(error, "REQUEST_TIMEOUT") || isCodedError(error, "PEER_DISCONNECTED");

/** Of less there is no point, as there is at least one item in an answer. */
export const SHARE_MIN = 1 / 512;

export function createAnswerShares(): AnswerShares {
  /** Those below 1. */
  const shares = new Map<string, number>();
  const of = (peerId: string): number => shares.get(peerId) ?? 1;
  return {
    of,
    noteAnswer(peerId, tookMs) {
      // Twice as much has to come in half the time that there is for it: a link that is just fast enough keeps its share.
      if (tookMs > REQUEST_TIMEOUT_MS / 4) return;
      const share = of(peerId) * 2;
      if (share < 1) shares.set(peerId, share);
      else shares.delete(peerId);
    },
    noteLoss(peerId) {
      const share = Math.max(SHARE_MIN, of(peerId) / 2);
      shares.delete(peerId);
      shares.set(peerId, share);
      dropOldest(shares, ALLOWANCES_MAX);
    },
  };
}
