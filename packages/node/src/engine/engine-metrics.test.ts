import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetricsRegistry } from "../telemetry/metrics.ts";
import { chainOf, openTestEngine, sealAll, transactionOf } from "./engine.test-support.ts";

test("the engine counts refusals, blocks, and what a reorganisation does", async () => {
  const registry = createMetricsRegistry(false);
  const engine = openTestEngine({ metrics: registry });
  await sealAll(engine, [transactionOf(1, 0), transactionOf(2, 0)]);
  const tooFar = engine.submit(transactionOf(1, 5_000), "peer");
  await assert.rejects(tooFar, { code: "NONCE_TOO_HIGH" });
  const other = openTestEngine({ sealer: 101 });
  for (const nonce of [0, 1, 2]) await sealAll(other, [transactionOf(3, nonce)]);
  await sealAll(other, [transactionOf(2, 0, { value: 2n })]);
  await engine.import(chainOf(other));
  const text = await registry.text();
  const reverted = chainOf(other).length;
  assert.equal(engine.head().hash, other.head().hash);
  for (const line of [
    'counterpart_pool_refused_transactions_total{code="NONCE_TOO_HIGH",origin="peer"} 1',
    "counterpart_sealed_blocks_total 1",
    `counterpart_imported_blocks_total ${reverted}`,
    "counterpart_reorganisations_total 1",
    "counterpart_reorganisation_depth_blocks_sum 1",
    "counterpart_reinjected_transactions_total 1",
    "counterpart_conflicted_transactions_total 1",
    "counterpart_pending_transactions 1",
    `counterpart_head_block_number ${reverted}`,
  ]) {
    assert.ok(text.split("\n").includes(line), `${line} is not in\n${text}`);
  }
});
