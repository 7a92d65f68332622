/**
 * `npm run sim -- --seed N`: one run, told as it happens. `npm run sim -- --seeds 1..500`: many, summed up. With `--bug
 * NAME` the program has that bug planted.
 */

import { parseArgs } from "node:util";
import { BUGS } from "./bugs.ts";
import { loadWith } from "./edits.ts";
import { SCALE } from "./scale.ts";

const { values } = parseArgs({
  options: { seed: { type: "string" }, seeds: { type: "string" }, bug: { type: "string" }, first: { type: "boolean" } },
});

/** Such as `7`, `1..500` or `3,7..9`. */
function rangeOf(text: string): readonly number[] {
  return text.split(",").flatMap((part) => {
    const [first = "1", last = first] = part.split("..");
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, at) => Number(first) + at);
  });
}

const planted = BUGS.filter(({ name }) => name === values.bug);
if (values.bug !== undefined && planted.length === 0) {
  throw new Error(`no such bug: ${BUGS.map(({ name }) => name).join(", ")}`);
}
loadWith([...planted, ...SCALE]);
// Only now, so that the edits are in what is loaded.
const { useCrypto } = await import("@counterpart/core/crypto/crypto");
const { createNativeCrypto } = await import("../packages/node/src/crypto/native.ts");
const { run } = await import("./run.ts");
useCrypto(await createNativeCrypto());

const seeds = rangeOf(values.seed ?? values.seeds ?? "1..100");
if (seeds.length === 0) throw new Error("no seeds: give a number, or a range such as 1..500");
const isSingle = values.seed !== undefined;
const total: Record<string, number> = {};
const failed: number[] = [];
const started = performance.now();
for (const seed of seeds) {
  const result = await run({
    seed,
    ...(isSingle && {
      onLog: ({ node, level, message, fields }, now) =>
        console.log(new Date(now).toISOString().slice(11, 23), node, level, message, JSON.stringify(fields)),
    }),
  });
  for (const [what, times] of Object.entries(result.coverage)) total[what] = (total[what] ?? 0) + times;
  if (isSingle) console.log(`trace ${result.trace}, ${result.events} events`);
  if (result.violation === undefined) continue;
  failed.push(seed);
  console.log(`seed ${seed}: ${result.violation}`);
  if (values.first === true) break;
}
console.log(
  Object.entries(total)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, times]) => `  ${what}: ${times}`)
    .join("\n"),
);
const seconds = ((performance.now() - started) / 1_000).toFixed(1);
console.log(`${seeds.length} seeds in ${seconds} s: ${failed.length === 0 ? "clean" : `failed ${failed.join(" ")}`}`);
process.exitCode = failed.length === 0 ? 0 : 1;
