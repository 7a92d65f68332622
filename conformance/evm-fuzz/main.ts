/**
 * `npm run fuzz:evm -- --seeds A..B [--fork F]… [--minutes M]`: random blocks on the execution engine and on the EVM of
 * EthereumJS, under the rules of Cancun to Osaka unless forks are named. Ends with 1 when they differ; says then by which
 * seed, and by which program, made as small as it goes. The cases of a seed are the same in every run.
 */

import { parseArgs } from "node:util";
import { useCrypto } from "@counterpart/core/crypto/crypto";
import { FORKS, type Fork } from "../../packages/core/src/execution/fork.ts";
import { createNativeCrypto } from "../../packages/node/src/crypto/native.ts";
import { reportLines } from "./report.ts";
import { type Campaign, createCampaigns, playSeed } from "./run.ts";

const FAILURES_MAX = 10;
const PROGRESS_SEEDS = 500;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1..200" },
    fork: { type: "string", multiple: true, default: ["cancun", "prague", "osaka"] },
    minutes: { type: "string", default: "Infinity" },
  },
});
const [first, last] = (/^(\d+)\.\.(\d+)$/.exec(values.seeds) ?? []).slice(1).map(Number);
if (first === undefined || last === undefined) throw new Error("--seeds takes a range, such as 1..200");
const forks = values.fork.map((name): Fork => {
  const fork = FORKS.find((each) => each === name);
  if (fork === undefined) throw new Error(`unknown fork ${name}: ${FORKS.join(", ")}`);
  return fork;
});

useCrypto(await createNativeCrypto());
const started = performance.now();
const campaigns = createCampaigns(forks);
const total = (count: (campaign: Campaign) => number): number => campaigns.reduce((sum, each) => sum + count(each), 0);
let seed = first;
for (; seed <= last; seed++) {
  for (const campaign of campaigns) for (const line of await playSeed(campaign, seed)) console.log(line);
  const minutes = (performance.now() - started) / 60_000;
  if ((seed - first + 1) % PROGRESS_SEEDS === 0) console.log(`seed ${seed}, ${minutes.toFixed(1)} minutes`);
  if (minutes > Number(values.minutes) || total(({ failures }) => failures) >= FAILURES_MAX) break;
}
const seconds = (performance.now() - started) / 1_000;
const done = Math.min(seed, last);
for (const campaign of campaigns) for (const line of reportLines(campaign)) console.log(line);
console.log(
  `seeds ${first}..${done} under ${forks.length} forks: ${total(({ blocks }) => blocks)} blocks with ` +
    `${total(({ transactions }) => transactions)} transactions in ${seconds.toFixed(0)} s, ` +
    `${(((done - first + 1) * forks.length) / seconds).toFixed(1)} seeds/s; ${total(({ failures }) => failures)} failures`,
);
process.exitCode = total(({ failures }) => failures) === 0 ? 0 : 1;
