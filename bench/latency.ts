/** From a sealed block to its balance on nodes that follow, one node after the other. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { type Dataset, openDataset } from "./dataset.ts";
import { answerOf, getJson, postJson } from "./http.ts";
import { untilSame } from "./joining.ts";
import { type NodeMetrics, readMetrics } from "./metrics.ts";
import type { Bench, NodeProcess } from "./processes.ts";
import { deployToken, type Figures, mint, type Scenario } from "./scenarios.ts";
import { percentile } from "./statistics.ts";

const BLOCKS = 200;
/** Blocks before those that count: what is compiled and cached by then is so for a node that has run for a while. */
const WARM_UP_BLOCKS = 20;

interface Follower {
  readonly name: string;
  readonly flags: readonly string[];
}

const followersOf = (token: string): readonly Follower[] => [
  { name: "full node", flags: [] },
  { name: "replica of all", flags: ["--role", "replica", "--allow-uncertified"] },
  { name: "replica of one", flags: ["--role", "replica", "--contracts", token, "--allow-uncertified"] },
];

function stateRequests(metrics: NodeMetrics): number {
  const counted = [...metrics].filter(([series]) => series.startsWith("counterpart_state_requests_total{"));
  return counted.reduce((sum, [, value]) => sum + value, 0);
}

async function untilBalance(url: string, wanted: string): Promise<number> {
  for (;;) {
    if ((await answerOf(url))?.balance === wanted) return performance.now();
    await nextTurn();
  }
}

/** Milliseconds from the acknowledgement of each execution, which is sealed by then, to its balance on the follower. */
async function delaysOf(server: NodeProcess, node: NodeProcess, token: string, blocks: number): Promise<number[]> {
  const balance = `contracts/${token}/balance/${server.account}`;
  const start = BigInt(String((await getJson(`${server.api}/${balance}`)).balance));
  const delays: number[] = [];
  for (let block = 1; block <= blocks; block++) {
    const seen = untilBalance(`${node.api}/${balance}`, String(start + BigInt(block)));
    await mint(server, token, 1);
    const acknowledged = performance.now();
    delays.push(Math.max(0, (await seen) - acknowledged));
  }
  return delays;
}

async function followOnce(
  bench: Bench,
  dataset: Dataset,
  server: NodeProcess,
  token: string,
  { name, flags }: Follower,
  blocks: number,
): Promise<Figures> {
  const node = await bench.node({ flags: ["--genesis", dataset.genesis, ...flags] });
  await postJson(`${node.api}/network/connect`, { address: server.p2p, wait_ms: 0 });
  await untilSame(node, server, [token]);
  await delaysOf(server, node, token, WARM_UP_BLOCKS);
  const before = stateRequests(await readMetrics(node));
  const delays = await delaysOf(server, node, token, blocks);
  const requests = stateRequests(await readMetrics(node)) - before;
  await node.stop();
  const what = `${name}, ${dataset.contracts} contracts`;
  return {
    [`${what}: p50 ms`]: percentile(delays, 50),
    [`${what}: p99 ms`]: percentile(delays, 99),
    [`${what}: requests for state in a block`]: requests / blocks,
  };
}

export const latency: Scenario = async (bench, scale, sizes) => {
  let figures: Figures = {};
  for (const size of sizes) {
    const dataset = await openDataset(size);
    const dataDir = bench.folder();
    dataset.copyTo(dataDir);
    const server = await bench.node({ dataDir, flags: ["--genesis", dataset.genesis] });
    const token = await deployToken(server);
    for (const follower of followersOf(token)) {
      figures = { ...figures, ...(await followOnce(bench, dataset, server, token, follower, BLOCKS * scale)) };
    }
    await server.stop();
  }
  return figures;
};
