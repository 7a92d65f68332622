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
/** A rest may be this short, in milliseconds, after however large a block. */
const LEAST_REST_MS = 50;
/** A block and the rest after it take so long together at the most, where the block alone does not. */
const PERIOD_MS = 200;
/** Of a busy node's time its blocks take a fifth, up to that period. */
const REST_SHARE = 4;
/** When nothing has come for so long, in milliseconds, there is nothing more to wait for. */
export const QUIET_MS = 4;

/** For how long a node does not seal after a block, in milliseconds. */
export interface Rest {
  readonly leastMs: number;
  /** While nobody waits for a block, and something has always come in the last `QUIET_MS`. */
  readonly mostMs: number;
}

/**
 * How a node rests after a block: after one for a crowd as long as that took, and on while more comes, as a block has costs
 * of its own, and what comes meanwhile shares them.
 */
export function restAfter(transactions: number, tookMs: number): Rest {
  const took = transactions < CROWD ? 0 : Math.max(0, tookMs);
  const leastMs = Math.min(LEAST_REST_MS, took);
  return { leastMs, mostMs: Math.max(leastMs, Math.min(REST_SHARE * took, PERIOD_MS - took)) };
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
