import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetricsRegistry } from "./metrics.ts";

test("counters add up by their labels, gauges are read when somebody looks, histograms sort into buckets", async () => {
  const registry = createMetricsRegistry(false);
  const drops = registry.counter({ name: "counterpart_a_total", help: "a", labels: ["reason"] });
  const depth = registry.histogram({ name: "counterpart_b_blocks", help: "b", labels: [], buckets: [1, 10] });
  let level = 1;
  registry.gauge({ name: "counterpart_c", help: "c", labels: [] }, () => level);
  drops.add({ reason: "full" });
  drops.add({ reason: "full" }, 2);
  drops.add({ reason: "slow" });
  depth.observe({}, 5);
  level = 7;
  const lines = (await registry.text()).split("\n");
  for (const line of [
    'counterpart_a_total{reason="full"} 3',
    'counterpart_a_total{reason="slow"} 1',
    'counterpart_b_blocks_bucket{le="1"} 0',
    'counterpart_b_blocks_bucket{le="10"} 1',
    "counterpart_c 7",
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test("two nodes of one process count apart, each with the process's own numbers", async () => {
  const [one, other] = [createMetricsRegistry(), createMetricsRegistry()];
  const options = { name: "counterpart_a_total", help: "a", labels: [] };
  one.counter(options).add({});
  other.counter(options);
  assert.match(await one.text(), /^counterpart_a_total 1$/m);
  assert.match(await other.text(), /^counterpart_a_total 0$/m);
  assert.match(await other.text(), /^process_resident_memory_bytes \d+/m);
});

test("a name is declared once", () => {
  const registry = createMetricsRegistry(false);
  const options = { name: "counterpart_a_total", help: "a", labels: [] };
  registry.counter(options);
  assert.throws(() => registry.counter(options), /already been registered/);
});
