/**
 * When a node seals. Sealing is on demand: a block is made because transactions wait. To keep nodes from sealing
 * side by side, the sealer of the head leads: others hand it their transactions and give it a moment.
 */

/** How long a node waits for the leader to include a transaction of its own callers. */
export const LEADER_GRACE_MS = 250;
/** The leader counts as present when it was heard within this time. */
export const LEADER_SILENCE_MS = 2_000;
/** Transactions of other nodes wait this long, plus up to as much again, before a node that does not lead seals them. */
export const PEER_TRANSACTION_WAIT_MS = 2_000;

/** A node that is taking over a better chain does not seal on its own until nothing of it has come for this long. */
export const CATCH_UP_SILENCE_MS = 2_000;

/** So many transactions in a block are of callers that do not wait for each other. */
const CROWD = 4;
const REST_MS_MAX = 50;

/**
 * Milliseconds that a node lets pass after a block before it seals the next. After one for a crowd as long as that took: a
 * block has costs of its own, and what comes meanwhile shares them.
 */
export function restAfter(transactions: number, tookMs: number): number {
  return transactions < CROWD ? 0 : Math.min(REST_MS_MAX, Math.max(0, tookMs));
}

export interface SealingSituation {
  /** Whether this node sealed the head. */
  readonly leads: boolean;
  /** Whether the head's sealer is a connected peer that was heard within `LEADER_SILENCE_MS`. */
  readonly leaderPresent: boolean;
  /** How long the oldest executable transaction of this node's own has waited (re-injected ones count as own). */
  readonly ownWaitedMs: number | undefined;
  /** How long the oldest executable transaction from a peer has waited. */
  readonly peerWaitedMs: number | undefined;
  /** How long nothing new of a peer's better chain has come; undefined when no peer has a better one. */
  readonly catchingUpMs: number | undefined;
  /** In [0, 1), fixed for a node, so that several nodes do not wake together. */
  readonly jitter: number;
}

/** Milliseconds until this node should seal: 0 now, undefined when nothing waits. */
export function sealingDelay(situation: SealingSituation): number | undefined {
  const { leads, leaderPresent, ownWaitedMs, peerWaitedMs, catchingUpMs, jitter } = situation;
  const delays: number[] = [];
  if (ownWaitedMs !== undefined) delays.push(leads || !leaderPresent ? 0 : LEADER_GRACE_MS - ownWaitedMs);
  if (peerWaitedMs !== undefined) {
    delays.push(leads ? 0 : PEER_TRANSACTION_WAIT_MS * (1 + jitter) - peerWaitedMs);
  }
  if (delays.length === 0) return undefined;
  const hold = catchingUpMs === undefined ? 0 : CATCH_UP_SILENCE_MS - catchingUpMs;
  return Math.max(0, hold, Math.min(...delays));
}
