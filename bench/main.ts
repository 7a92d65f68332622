/**
 * `npm run bench [-- scenario …] [--runs N] [--scale X]`: medians of several runs, each with fresh processes. Nothing
 * is asserted: the figures are for reading, and machines differ. `joining`, `crowd`, `latency`, `resync` and `footprint`
 * take data sets of every combination of `--contracts 1000,10000` and `--blocks 10,1000`, which are made when they are
 * first asked for.
 */

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { accounts } from "./accounts.ts";
import { commands } from "./commands.ts";
import { crowd } from "./crowd.ts";
import type { DatasetSize } from "./dataset.ts";
import { footprint } from "./footprint.ts";
import { hostileCode } from "./hostile-code.ts";
import { joining } from "./joining.ts";
import { latency } from "./latency.ts";
import { logs } from "./logs.ts";
import { loops } from "./loops.ts";
import { merging } from "./merging.ts";
import { Bench } from "./processes.ts";
import { memory, recovery } from "./recovery.ts";
import { requests } from "./requests.ts";
import { resync } from "./resync.ts";
import { executions, type Figures, freshNode, propagation, type Scenario } from "./scenarios.ts";
import { median, round } from "./statistics.ts";
import { subscribers } from "./subscribers.ts";
import { transfers } from "./transfers.ts";
import { writers } from "./writers.ts";

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  propagation,
  executions,
  "fresh-node": freshNode,
  merging,
  writers,
  recovery,
  memory,
  joining,
  crowd,
  latency,
  resync,
  transfers,
  requests,
  loops,
  accounts,
  "hostile-code": hostileCode,
  subscribers,
  logs,
  commands,
  footprint,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "5" },
    scale: { type: "string", default: "1" },
    contracts: { type: "string", default: "1000" },
    blocks: { type: "string", default: "1000" },
  },
});
const runs = Number(values.runs);
const scale = Number(values.scale);
const numbers = (list: string): number[] => list.split(",").map(Number);
const sizes: readonly DatasetSize[] = numbers(values.contracts).flatMap((contracts) =>
  numbers(values.blocks).map((blocks) => ({ contracts, blocks })),
);
const names = positionals.length > 0 ? positionals : Object.keys(SCENARIOS);

function show(name: string, results: readonly Figures[]): void {
  console.log(`${name} (median of ${results.length}; lowest–highest)`);
  for (const figure of Object.keys(results[0] ?? {})) {
    const all = results.map((result) => result[figure] ?? Number.NaN);
    console.log(`  ${figure}: ${round(median(all), 2)} (${round(Math.min(...all), 2)}–${round(Math.max(...all), 2)})`);
  }
}

async function run(name: string): Promise<void> {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new Error(`unknown scenario ${name}: ${Object.keys(SCENARIOS).join(", ")}`);
  const results: Figures[] = [];
  for (let i = 0; i < runs; i++) {
    const bench = new Bench();
    try {
      results.push(await scenario(bench, scale, sizes));
    } finally {
      await bench.end();
    }
  }
  show(name, results);
}

console.log(`Node ${process.version}, ${availableParallelism()} cores, ${process.platform} ${process.arch}`);
for (const name of names) await run(name);
