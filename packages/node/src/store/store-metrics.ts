/** What is counted of writes on their way from the log into the database. */

import type { Metrics } from "@counterpart/core/ports/metrics";

/** What is written and not in the database yet. */
export interface Unflushed {
  /** Bytes of memory that hold it, as `WriteBuffer` counts them. */
  readonly bytes: number;
  /** Bytes of the log's files. */
  readonly logBytes: number;
  /** Since its oldest write; 0 where there is none. */
  readonly ageMs: number;
}

export function createStoreMetrics(metrics: Metrics) {
  return {
    flushes: metrics.histogram({
      name: "counterpart_store_flush_duration_seconds",
      help: "From when a file of the log was given to the database to when it had it",
      labels: [],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    }),
    failed: metrics.counter({
      name: "counterpart_store_failed_flushes_total",
      help: "How often the database did not take a file of the log",
      labels: [],
    }),
  };
}

export type StoreMetrics = ReturnType<typeof createStoreMetrics>;

export function declareStoreGauges(metrics: Metrics, read: () => Unflushed): void {
  const gauge = (name: string, help: string, of: (unflushed: Unflushed) => number): void =>
    metrics.gauge({ name, help, labels: [] }, () => of(read()));
  const held = "Bytes of memory that hold what is written and not in the database yet";
  gauge("counterpart_store_unflushed_bytes", held, ({ bytes }) => bytes);
  gauge("counterpart_store_log_bytes", "Bytes of the log's files", ({ logBytes }) => logBytes);
  const age = "Age of the oldest write that is not in the database yet; 0 where all are";
  gauge("counterpart_store_unflushed_age_seconds", age, ({ ageMs }) => ageMs / 1_000);
}
