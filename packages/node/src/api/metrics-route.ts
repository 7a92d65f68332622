/** `GET /metrics`: what the node counts, for Prometheus. */

import Type from "typebox";
import type { ApiInstance } from "./context.ts";
import { PROBLEM_RESPONSE } from "./rest/schemas.ts";

/** The numbers as text, and what kind of text. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

export function registerMetrics(server: ApiInstance, metrics: MetricsText): void {
  server.get(
    "/metrics",
    {
      schema: {
        operationId: "getMetrics",
        tags: ["status"],
        summary: "Counters and gauges in Prometheus' text format",
        response: {
          200: { description: "the metrics", content: { "text/plain": { schema: Type.Unsafe<never>(Type.String()) } } },
          default: PROBLEM_RESPONSE,
        },
      },
    },
    async (_request, reply) => {
      const text = await metrics.text();
      return reply.header("content-type", metrics.contentType).send(text as never);
    },
  );
}
