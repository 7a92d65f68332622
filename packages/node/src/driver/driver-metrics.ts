/** What the driver counts. */

import type { Metrics } from "@counterpart/core/ports/metrics";

function createStateMetrics(metrics: Metrics) {
  return {
    /** Kinds and outcomes: those of `state-exchange.ts`. */
    stateRequests: metrics.counter({
      name: "counterpart_state_requests_total",
      help: "Requests for state that peers were sent, by what was asked for and what became of it",
      labels: ["kind", "outcome"],
    }),
    /** Uses: `useful`, `wasted` (what does not hold, or has nothing in it). */
    stateBytes: metrics.counter({
      name: "counterpart_state_answer_bytes_total",
      help: "Bytes of answers with state, as they came, by use",
      labels: ["use"],
    }),
  };
}
const DISPUTES = {
  name: "counterpart_disputed_blocks_total",
  help: "Blocks that execution here contradicted, by what peers made of them",
  labels: ["verdict"],
} as const;

export function createDriverMetrics(metrics: Metrics) {
  return {
    faults: metrics.counter({
      name: "counterpart_peer_faults_total",
      help: "Faults of peers, by name",
      labels: ["fault"],
    }),
    bans: metrics.counter({
      name: "counterpart_peer_bans_total",
      help: "Bans, by the fault that brought them",
      labels: ["fault"],
    }),
    /** Reasons: `STOPPING`, `TOO_MANY_PEERS`, `PEER_BANNED`, `WRONG_CHAIN` and the other goodbyes of a handshake. */
    refused: metrics.counter({
      name: "counterpart_refused_links_total",
      help: "Links that were refused before or in the handshake, by goodbye",
      labels: ["reason"],
    }),
    /** Reasons: `inbox` (no room), `rate`, `status` (allowances used up), `early` (its block did not come). */
    dropped: metrics.counter({
      name: "counterpart_dropped_announcements_total",
      help: "Announcements of peers that were not handled, by reason",
      labels: ["reason"],
    }),
    /** Reasons: `flood` (transactions that wait to be passed on), `blocks`, `contracts` (of one head), `offer` (pool). */
    unannounced: metrics.counter({
      name: "counterpart_unannounced_items_total",
      help: "Blocks, contracts and transactions beyond what is announced, which peers fetch or are sent otherwise, by limit",
      labels: ["reason"],
    }),
    /** Records: `score`, `ban`, `allowance`, `refusal` (of redials after `disconnect`). */
    forgotten: metrics.counter({
      name: "counterpart_forgotten_peer_records_total",
      help: "What was held of peers and gave way to records of other peers, by kind",
      labels: ["record"],
    }),
    /** Verdicts: `diverged` (most peers hold the block), `refused` (they do not). */
    disputes: metrics.counter(DISPUTES),
    synced: metrics.histogram({
      name: "counterpart_sync_duration_seconds",
      help: "From when this node and a peer did not agree to when they did, where anything had to be fetched",
      labels: [],
      buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000],
    }),
    /** Directions: `sent`, `received`. Forms: `raw`, what the frames hold; `wire`, what they take compressed. */
    packed: metrics.counter({
      name: "counterpart_compressed_frame_bytes_total",
      help: "Bytes of frames that went compressed, by direction and form",
      labels: ["direction", "form"],
    }),
    ...createStateMetrics(metrics),
    /** Reasons: `concurrency`, `rate`. */
    busy: metrics.counter({
      name: "counterpart_busy_answers_total",
      help: "Requests of peers that were answered with BUSY, by reason",
      labels: ["reason"],
    }),
  };
}

export type DriverMetrics = ReturnType<typeof createDriverMetrics>;

export interface DriverGauges {
  /** Peers that have shaken hands. */
  readonly peers: () => number;
  /** Bans in force. */
  readonly bans: () => number;
  readonly lag: () => number;
  readonly isDiverged: () => boolean;
}

export function declareDriverGauges(metrics: Metrics, sources: DriverGauges): void {
  const peers = { name: "counterpart_peers", help: "Peers that have shaken hands", labels: [] };
  metrics.gauge(peers, sources.peers);
  const lag = {
    name: "counterpart_sync_lag_blocks",
    help: "Blocks that the best peer claims to have ahead",
    labels: [],
  };
  metrics.gauge(lag, sources.lag);
  const diverged = {
    name: "counterpart_diverged",
    help: "1 while execution here contradicts what most peers hold, else 0",
    labels: [],
  };
  metrics.gauge(diverged, () => (sources.isDiverged() ? 1 : 0));
  metrics.gauge({ name: "counterpart_banned_peers", help: "Peers that are banned now", labels: [] }, sources.bans);
}
