/** What a start costs: after `kill -9` with many contracts, and what a node holds in memory when nothing happens. */

import { getJson, postJson } from "./http.ts";
import { deployToken, perSecond, type Scenario } from "./scenarios.ts";

const PARALLEL = 10;

/** From the start of the process to the first list of contracts that is answered. */
export const recovery: Scenario = async (bench, scale) => {
  const contracts = 10_000 * scale;
  const node = await bench.node();
  await perSecond(contracts, PARALLEL, () => deployToken(node));
  await node.kill();
  const start = performance.now();
  const again = await bench.node({ dataDir: node.dataDir });
  const ready = performance.now();
  await getJson(`${again.api}/contracts?limit=200`);
  const answered = performance.now();
  await again.stop();
  const empty = performance.now();
  const fresh = await bench.node();
  const emptyReady = performance.now();
  await fresh.stop();
  return {
    [`s to ready after kill -9 with ${contracts} contracts`]: (ready - start) / 1_000,
    "s to the first list": (answered - start) / 1_000,
    "s to ready of an empty node": (emptyReady - empty) / 1_000,
  };
};

/** Resident memory of a node that has just started, and of one with contracts and a peer. */
export const memory: Scenario = async (bench, scale) => {
  const contracts = 1_000 * scale;
  const [one, two] = await Promise.all([bench.node(), bench.node()]);
  const idle = one.memoryBytes();
  await perSecond(contracts, PARALLEL, () => deployToken(one));
  await postJson(`${two.api}/network/connect`, { address: one.p2p, wait_ms: 300_000 });
  const used = one.memoryBytes();
  await Promise.all([one.stop(), two.stop()]);
  return { "MiB idle": idle / 2 ** 20, [`MiB after ${contracts} deployments`]: used / 2 ** 20 };
};
