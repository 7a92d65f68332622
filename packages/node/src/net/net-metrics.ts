/** What the network adapter counts. */

import type { Metrics } from "@counterpart/core/ports/metrics";

export function createNetMetrics(metrics: Metrics) {
  return {
    /** Reasons: `address`, `total`, `key`, `foreign`, `stranger`, `full`, `duplicate`, `hello`, `unlinked`. */
    refused: metrics.counter({
      name: "counterpart_net_refused_connections_total",
      help: "Connections of peers that did not become links, by reason",
      labels: ["reason"],
    }),
    /** The queue of the link was full, or the link closed. */
    dropped: metrics.counter({
      name: "counterpart_net_dropped_frames_total",
      help: "Frames that were not sent because the peer reads too slowly or its link has ended",
      labels: [],
    }),
    /** Reasons: `limit`, `link` (there is none), `failed` (not read, answered or taken in time). */
    requests: metrics.counter({
      name: "counterpart_net_reset_requests_total",
      help: "Request streams of peers that were reset, by reason",
      labels: ["reason"],
    }),
    unsent: metrics.counter({
      name: "counterpart_net_unsent_requests_total",
      help: "Requests to peers that were not sent because too many waited for the same peer already",
      labels: [],
    }),
    ended: metrics.counter({
      name: "counterpart_net_ended_links_total",
      help: "Links that ended, by error code",
      labels: ["code"],
    }),
  };
}

export type NetMetrics = ReturnType<typeof createNetMetrics>;
