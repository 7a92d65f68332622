/** Merging: two nodes with independent history meet, and the one that gives way executes all of the other's. */

import { postJson } from "./http.ts";
import type { Bench, NodeProcess } from "./processes.ts";
import { deployToken, type Figures, mint, type Scenario } from "./scenarios.ts";
import { untilEqual } from "./writers.ts";

const LENGTHS = [10, 100, 1_000];
const MERGED_MS = 600_000;

/** One execution after the other, so that each has a block of its own. */
async function makeHistory(node: NodeProcess, blocks: number): Promise<void> {
  const address = await deployToken(node);
  for (let height = 1; height < blocks; height++) await mint(node, address, 1);
}

async function mergeOnce(bench: Bench, blocks: number): Promise<Figures> {
  const [one, two] = await Promise.all([bench.node(), bench.node()]);
  await Promise.all([makeHistory(one, blocks), makeHistory(two, blocks + 1)]);
  const before = one.peakMemoryBytes();
  const start = performance.now();
  const reply = await postJson(`${one.api}/network/connect`, { address: two.p2p, wait_ms: MERGED_MS });
  if (reply.status !== "synced") throw new Error(`not merged: ${JSON.stringify(reply)}`);
  // Blocks with the losing branch's transactions may still be on their way.
  await untilEqual([one, two]);
  const seconds = (performance.now() - start) / 1_000;
  const peak = one.peakMemoryBytes();
  await Promise.all([one.stop(), two.stop()]);
  return {
    [`s to merge ${blocks} blocks`]: seconds,
    [`peak MiB, ${blocks} blocks`]: peak / 2 ** 20,
    [`MiB more than before, ${blocks} blocks`]: (peak - before) / 2 ** 20,
  };
}

/** Both sides have history of their own of the length; the answer comes when both are the same. */
export const merging: Scenario = async (bench, scale) => {
  let figures: Figures = {};
  for (const length of LENGTHS) figures = { ...figures, ...(await mergeOnce(bench, Math.max(2, length * scale))) };
  return figures;
};
