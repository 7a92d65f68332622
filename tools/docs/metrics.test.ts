/** docs/METRICS.md against what the modules declare. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import type { MetricOptions, Metrics } from "@counterpart/core/ports/metrics";
import { createApiMetrics } from "../../packages/node/src/api/api-metrics.ts";
import { createDriverMetrics, declareDriverGauges } from "../../packages/node/src/driver/driver-metrics.ts";
import { openTestEngine } from "../../packages/node/src/engine/engine.test-support.ts";
import { createEngineMetrics, declareEngineGauges } from "../../packages/node/src/engine/engine-metrics.ts";
import { createNetMetrics } from "../../packages/node/src/net/net-metrics.ts";
import { createStoreMetrics, declareStoreGauges } from "../../packages/node/src/store/store-metrics.ts";
import { createMetricsRegistry } from "../../packages/node/src/telemetry/metrics.ts";
import { codesIn, rowsOf } from "./markdown.ts";

const PAGE = readFileSync(resolve(import.meta.dirname, "../../docs/METRICS.md"), "utf8");

type Row = readonly [name: string, type: string, labels: readonly string[]];

/** Passes declarations on to a registry, which checks them, and notes their labels, which its text does not show. */
function recordLabels(inner: Metrics) {
  const labels = new Map<string, readonly string[]>();
  const note = <T extends MetricOptions<string>>(options: T): T => {
    labels.set(options.name, options.labels);
    return options;
  };
  const metrics: Metrics = {
    counter: (options) => inner.counter(note(options)),
    histogram: (options) => inner.histogram(note(options)),
    gauge: (options, read) => inner.gauge(note(options), read),
  };
  return { metrics, labels };
}

async function declared(): Promise<Row[]> {
  const registry = createMetricsRegistry(false);
  const { metrics, labels } = recordLabels(registry);
  createNetMetrics(metrics);
  createEngineMetrics(metrics);
  declareEngineGauges(metrics, openTestEngine());
  createDriverMetrics(metrics);
  declareDriverGauges(metrics, { peers: () => 0, bans: () => 0, lag: () => 0, isDiverged: () => false });
  createApiMetrics(metrics);
  createStoreMetrics(metrics);
  declareStoreGauges(metrics, () => ({ bytes: 0, logBytes: 0, ageMs: 0 }));
  const types = [...(await registry.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return types.map(([, name = "", type = ""]) => [name, type, labels.get(name) ?? []]);
}

const byName = (rows: readonly Row[]): Row[] => [...rows].sort(([a], [b]) => (a < b ? -1 : 1));

test("docs/METRICS.md lists every metric with its type and labels", async () => {
  const rows = rowsOf(PAGE, "metric", "type", "labels", "of").map(
    ([name = "", type = "", labels = ""]): Row => [codesIn(name)[0] ?? "", type, codesIn(labels)],
  );
  assert.ok(rows.length > 20);
  assert.deepEqual(byName(rows), byName(await declared()));
});

test("metrics are named as Prometheus has it", async () => {
  for (const [name, type] of await declared()) {
    assert.match(name, /^counterpart_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
  }
});
