import assert from "node:assert/strict";
import { test } from "node:test";
import { createExecutor } from "@counterpart/core/execution/executor";
import { CHAIN_ID } from "../../packages/core/src/execution/fixtures.test-support.ts";
import { reportLines } from "./report.ts";
import { type Campaign, createCampaigns, playSeed } from "./run.ts";

const SEEDS = 12;

test("a campaign in which the engines agree has nothing to say but what it reached", async () => {
  const [campaign] = createCampaigns(["osaka"]) as [Campaign];
  for (let seed = 1; seed <= SEEDS; seed++) assert.deepEqual(await playSeed(campaign, seed), []);
  assert.equal(campaign.failures, 0);
  assert.ok(campaign.blocks > SEEDS, "no block was run with less gas");
  const { opcodes, halts, precompiles, depths, transactions } = campaign.coverage.report();
  const succeeded = [...opcodes.values()].filter((counted) => counted.succeeded > 0).length;
  assert.ok(succeeded > opcodes.size / 2, `${succeeded} of ${opcodes.size} opcodes`);
  assert.ok([...precompiles.values()].filter((counted) => counted.succeeded > 0).length > 3);
  assert.ok((halts.get("out of gas") ?? 0) > 0 && (depths.get("≥ 1") ?? 0) > 0);
  assert.ok((transactions.get("success") ?? 0) > SEEDS);
  const lines = reportLines(campaign);
  assert.match(lines[0] ?? "", /^osaka: \d+ blocks with \d+ transactions, \d+ opcodes; 0 failures$/);
  assert.match(lines[1] ?? "", /opcodes: \d+ of 149 succeeded \(never: .*\), \d+ of 148 halted/);
});

test("a campaign tells an engine of other rules by the seed and a small case", async () => {
  const [campaign] = createCampaigns(["osaka"]) as [Campaign];
  const prague = createExecutor({ chainId: CHAIN_ID, fork: "prague" });
  const other = { ...campaign, engines: { ...campaign.engines, theirs: prague } };
  const lines: string[] = [];
  let seed = 0;
  while (lines.length === 0 && seed < 100) lines.push(...(await playSeed(other, ++seed)));
  assert.ok(other.failures > 0);
  assert.equal(lines[0], `osaka, seed ${seed}: the engines differ`);
  assert.ok(lines.some((line) => line.startsWith("transaction of type")));
  assert.ok(lines.some((line) => line.startsWith("ours:")));
  assert.ok(lines.some((line) => line.startsWith("theirs:")));
});
