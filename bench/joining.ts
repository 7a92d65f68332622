/**
 * A node without anything meets one with many contracts and a history: what it takes until both have the same, in each
 * way of joining that the program has. The genesis lists the signer, so that headers are certified.
 */

import { setTimeout as delay } from "node:timers/promises";
import { TcpProxy } from "../conformance/faults/tcp-proxy.ts";
import { type Dataset, openDataset } from "./dataset.ts";
import { answerOf, getJson, type Json, postJson } from "./http.ts";
import { type NodeMetrics, readMetrics } from "./metrics.ts";
import { probe } from "./probe.ts";
import type { Bench, NodeProcess } from "./processes.ts";
import type { Figures, Scenario } from "./scenarios.ts";
import { percentile } from "./statistics.ts";

export interface Way {
  readonly name: string;
  readonly flags: readonly string[];
}

const SAMPLES = 10;
const POLL_MS = 20;
const EQUAL_MS = 3_600_000;
const MIB = 2 ** 20;

/** Contracts from all over the data set, the one with the most storage among them. */
export function samplesOf({ plan: { holders } }: Dataset): readonly string[] {
  const count = Math.min(SAMPLES, holders.length);
  return Array.from({ length: count }, (_, n) => holders[Math.floor((n * holders.length) / count)] as string);
}

/** The ways of joining that the program knows. */
export async function waysOf(bench: Bench, dataset: Dataset): Promise<readonly Way[]> {
  const help = await bench.help();
  const replica = (contracts: string): readonly string[] => ["--role", "replica", "--contracts", contracts];
  const ways: readonly Way[] = [
    { name: "full", flags: help.includes("--sync") ? ["--sync", "full"] : [] },
    { name: "snap", flags: ["--sync", "snap"] },
    { name: "replica of all", flags: replica("all") },
    { name: `replica of ${SAMPLES}`, flags: replica(samplesOf(dataset).join(",")) },
  ];
  return ways.filter(({ flags }) => flags.every((flag) => !flag.startsWith("--") || help.includes(flag)));
}

/** Waits until a node has the head and the contracts of another. */
export async function untilSame(
  node: NodeProcess,
  other: NodeProcess,
  contracts: readonly string[],
  pollMs = POLL_MS,
): Promise<void> {
  const { hash } = await getJson(`${other.api}/blocks/latest`);
  const hashOf = async ({ api }: NodeProcess, address: string): Promise<unknown> =>
    (await answerOf(`${api}/contracts/${address}`))?.state_hash;
  const wanted = await Promise.all(contracts.map((address) => hashOf(other, address)));
  if (wanted.some((hash) => typeof hash !== "string")) throw new Error("the serving node lacks a contract");
  const end = performance.now() + EQUAL_MS;
  for (;;) {
    if (!node.isRunning()) throw new Error("the node ended");
    // A node that is busy for long may let connections go.
    const sync = await answerOf(`${node.api}/network/sync`).catch(() => undefined);
    if (sync?.state === "synced" && (sync.head as Json).hash === hash) {
      const held = await Promise.all(contracts.map((address) => hashOf(node, address)));
      if (held.every((hash, at) => hash === wanted[at])) return;
    }
    if (performance.now() > end) throw new Error(`not the same after ${EQUAL_MS / 1_000} s: ${JSON.stringify(sync)}`);
    await delay(pollMs);
  }
}

export interface Meeting {
  readonly seconds: number;
  /** Both ways, with everything that the transport adds. */
  readonly wireBytes: number;
  /** What it would have been if nothing had been compressed. */
  readonly rawBytes: number;
  /** The longest time for which the node that dialled did nothing else. */
  readonly pauseSeconds: number;
}

function bytesSaved(metrics: NodeMetrics): number {
  const sum = (form: string): number =>
    ["sent", "received"]
      .map((direction) => `counterpart_compressed_frame_bytes_total{direction="${direction}",form="${form}"}`)
      .reduce((total, series) => total + (metrics.get(series) ?? 0), 0);
  return sum("raw") - sum("wire");
}

/** Lets a node dial another one and waits until it has the same. */
export async function meet(node: NodeProcess, other: NodeProcess, contracts: readonly string[]): Promise<Meeting> {
  await using proxy = await TcpProxy.listen(other.p2p);
  const before = await readMetrics(node);
  const start = performance.now();
  await postJson(`${node.api}/network/connect`, { address: proxy.address, wait_ms: 0 });
  await untilSame(node, other, contracts);
  const seconds = (performance.now() - start) / 1_000;
  const wireBytes = proxy.passedBytes;
  const after = await readMetrics(node);
  return {
    seconds,
    wireBytes,
    rawBytes: wireBytes + bytesSaved(after) - bytesSaved(before),
    pauseSeconds: after.get("nodejs_eventloop_lag_max_seconds") ?? Number.NaN,
  };
}

async function joinOnce(bench: Bench, dataset: Dataset, { name, flags }: Way): Promise<Figures> {
  const dataDir = bench.folder();
  dataset.copyTo(dataDir);
  const genesis = ["--genesis", dataset.genesis];
  const server = await bench.node({ dataDir, flags: genesis });
  const joiner = await bench.node({ flags: [...genesis, ...flags] });
  const samples = samplesOf(dataset);
  const cpuSeconds = async (): Promise<number> => (await readMetrics(server)).get("process_cpu_seconds_total") ?? 0;
  const cpuBefore = await cpuSeconds();
  const probing = probe(`${server.api}/contracts/${samples[0]}`);
  const { seconds, wireBytes, rawBytes, pauseSeconds } = await meet(joiner, server, samples);
  const delays = await probing.end();
  const cpu = (await cpuSeconds()) - cpuBefore;
  const peak = joiner.peakMemoryBytes();
  await Promise.all([server.stop(), joiner.stop()]);
  const what = `${name}, ${dataset.contracts} contracts, ${dataset.blocks} blocks`;
  return {
    [`${what}: s`]: seconds,
    [`${what}: MiB on the wire`]: wireBytes / MIB,
    [`${what}: MiB if uncompressed`]: rawBytes / MIB,
    [`${what}: peak MiB of the joiner`]: peak / MIB,
    [`${what}: longest pause of the joiner, s`]: pauseSeconds,
    [`${what}: CPU s of the server`]: cpu,
    [`${what}: p99 ms of a GET there`]: percentile(delays, 99),
  };
}

export const joining: Scenario = async (bench, _scale, sizes) => {
  let figures: Figures = {};
  for (const size of sizes) {
    const dataset = await openDataset(size);
    for (const way of await waysOf(bench, dataset)) {
      figures = { ...figures, ...(await joinOnce(bench, dataset, way)) };
    }
  }
  return figures;
};
