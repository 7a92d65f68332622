/** The Metrics port on prom-client: one registry for each node, so that several can run in one process. */

import type { Metrics } from "@counterpart/core/ports/metrics";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export interface MetricsRegistry extends Metrics {
  /** Content type of `text`. */
  readonly contentType: string;
  /** Everything that was declared, in Prometheus' text format. */
  text(): Promise<string>;
}

/** @param process whether the numbers of process and runtime are shown as well (`process_…`, `nodejs_…`) */
export function createMetricsRegistry(process = true): MetricsRegistry {
  const registry = new Registry();
  if (process) collectDefaultMetrics({ register: registry });
  return {
    counter({ name, help, labels }) {
      const counter = new Counter({ name, help, labelNames: labels, registers: [registry] });
      return { add: (values, amount = 1) => counter.inc(values, amount) };
    },
    histogram({ name, help, labels, buckets }) {
      const shown = { name, help, labelNames: labels, buckets: [...buckets], registers: [registry] };
      const histogram = new Histogram(shown);
      return { observe: (values, value) => histogram.observe(values, value) };
    },
    gauge({ name, help }, read) {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read());
        },
      });
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
