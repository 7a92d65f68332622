/** What the API counts. */

import type { Metrics } from "@counterpart/core/ports/metrics";

export function createApiMetrics(metrics: Metrics) {
  return {
    problems: metrics.counter({
      name: "counterpart_api_problems_total",
      help: "Requests that were answered with a problem document, by error code",
      labels: ["code"],
    }),
    cut: metrics.counter({
      name: "counterpart_api_cut_streams_total",
      help: "Event streams that were cut because their reader is too slow",
      labels: [],
    }),
    cutSockets: metrics.counter({
      name: "counterpart_api_cut_websockets_total",
      help: "WebSocket connections that were cut because their reader is too slow, or asks for too much",
      labels: [],
    }),
    limited: metrics.counter({
      name: "counterpart_api_rate_limited_total",
      help: "Requests, and messages over WebSocket, that were refused because their address makes too many calls",
      labels: [],
    }),
    dropped: metrics.counter({
      name: "counterpart_api_dropped_connections_total",
      help: "Connections beyond the most that the API holds",
      labels: [],
    }),
    malformed: metrics.counter({
      name: "counterpart_api_malformed_requests_total",
      help: "Connections whose bytes are no complete HTTP request",
      labels: [],
    }),
  };
}

export type ApiMetrics = ReturnType<typeof createApiMetrics>;
