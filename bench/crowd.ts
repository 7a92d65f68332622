/**
 * Eight nodes without anything join one at once: how long it takes, what it costs the one that serves them all, and how
 * long somebody waits there meanwhile. They stand for nodes on machines of their own: they give way to it.
 */

import { setTimeout as delay } from "node:timers/promises";
import { type Dataset, openDataset } from "./dataset.ts";
import { postJson } from "./http.ts";
import { samplesOf, untilSame, type Way, waysOf } from "./joining.ts";
import { readMetrics } from "./metrics.ts";
import { probe } from "./probe.ts";
import type { Bench, NodeProcess } from "./processes.ts";
import type { Figures, Scenario } from "./scenarios.ts";
import { percentile } from "./statistics.ts";

const JOINERS = 8;
const POLL_MS = 250;
const IDLE_MS = 5_000;
const MIB = 2 ** 20;

async function join(node: NodeProcess, server: NodeProcess, contracts: readonly string[]): Promise<void> {
  await postJson(`${node.api}/network/connect`, { address: server.p2p, wait_ms: 0 });
  await untilSame(node, server, contracts, POLL_MS);
}

async function joinAll(bench: Bench, dataset: Dataset, { name, flags }: Way): Promise<Figures> {
  const dataDir = bench.folder();
  dataset.copyTo(dataDir);
  const genesis = ["--genesis", dataset.genesis];
  const server = await bench.node({ dataDir, flags: genesis });
  const joiners: NodeProcess[] = [];
  for (let n = 0; n < JOINERS; n++) joiners.push(await bench.node({ flags: [...genesis, ...flags], givesWay: true }));
  const samples = samplesOf(dataset);
  const url = `${server.api}/contracts/${samples[0]}`;
  const idle = probe(url);
  await delay(IDLE_MS);
  const idleDelays = await idle.end();
  const cpuSeconds = async (): Promise<number> => (await readMetrics(server)).get("process_cpu_seconds_total") ?? 0;
  const cpuBefore = await cpuSeconds();
  const probing = probe(url);
  const start = performance.now();
  await Promise.all(joiners.map((joiner) => join(joiner, server, samples)));
  const seconds = (performance.now() - start) / 1_000;
  const delays = await probing.end();
  const cpu = (await cpuSeconds()) - cpuBefore;
  const peak = server.peakMemoryBytes();
  await Promise.all([server, ...joiners].map((node) => node.stop()));
  const what = `${JOINERS} at once, ${name}, ${dataset.contracts} contracts, ${dataset.blocks} blocks`;
  return {
    [`${what}: s until all have everything`]: seconds,
    [`${what}: CPU s of the server`]: cpu,
    [`${what}: peak MiB of the server`]: peak / MIB,
    [`${what}: p50 ms of a GET there`]: percentile(delays, 50),
    [`${what}: p99 ms of a GET there`]: percentile(delays, 99),
    [`${what}: p99 ms of a GET there before`]: percentile(idleDelays, 99),
  };
}

export const crowd: Scenario = async (bench, _scale, sizes) => {
  let figures: Figures = {};
  for (const size of sizes) {
    const dataset = await openDataset(size);
    for (const way of await waysOf(bench, dataset)) figures = { ...figures, ...(await joinAll(bench, dataset, way)) };
  }
  return figures;
};
