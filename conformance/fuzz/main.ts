/**
 * `npm run fuzz [-- --seed N] [--cases M] [--first K]`: sends M requests, made from the node's own OpenAPI document and
 * then spoilt, to a real node. Ends with 1 when an answer or an effect is not what it must be; the cases of a seed are the
 * same in every run, so far as they do not name what the node answered before.
 */

import { parseArgs } from "node:util";
import { ProcessNodes } from "../processes/process-node.ts";
import { fuzz } from "./run.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    cases: { type: "string", default: "2000" },
    first: { type: "string", default: "0" },
    outcomes: { type: "boolean", default: false },
  },
});
const [seed, cases, first] = [values.seed, values.cases, values.first].map(Number) as [number, number, number];
if (![seed, cases, first].every(Number.isSafeInteger)) throw new Error("--seed, --cases and --first are numbers");

await using nodes = new ProcessNodes();
const node = await nodes.start("fuzzed", { flags: ["--dev"] });
const started = performance.now();
const { failures, outcomes, memory } = await fuzz({ node, seed, cases, first });
const seconds = ((performance.now() - started) / 1_000).toFixed(0);
for (const { number, message } of failures) console.log(`case ${number}: ${message}`);
if (values.outcomes)
  for (const [outcome, times] of [...outcomes].sort()) console.log(`${String(times).padStart(6)}  ${outcome}`);
const codes = new Set([...outcomes.keys()].map((outcome) => outcome.split(" ").at(-1)));
console.log(
  `seed ${seed}: ${cases} requests in ${seconds} s, ${outcomes.size} outcomes with ${codes.size} codes, ` +
    `memory ${memory.early} MiB early, ${memory.end} at the end, ${memory.peak} at most; ${failures.length} failures`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
