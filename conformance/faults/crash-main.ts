/**
 * `npm run crash [-- --rounds N] [--first N] [--seed S] [--blocks N] [--following]`: kills real nodes, three times a
 * round, and says what they were doing; with `--following` nodes of each kind that have taken a state over, while they
 * follow. Ends with 1 at the first round that loses anything; that round alone: `--first N --rounds 1`.
 */

import { parseArgs } from "node:util";
import { TAKERS } from "../hostile/takeover.ts";
import { makeBase } from "./crash-base.ts";
import { crashRound, type RoundResult } from "./crash-round.ts";
import { createFollowingScene, followingRound } from "./following-round.ts";
import { NodeProcesses } from "./node-process.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "80" },
    first: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    blocks: { type: "string", default: "300" },
    following: { type: "boolean", default: false },
  },
});
const [rounds, first, seed, blocks] = [values.rounds, values.first, values.seed, values.blocks].map(Number) as [
  number,
  number,
  number,
  number,
];

function summary(results: readonly RoundResult[]): string {
  const counts = new Map<string, number>();
  for (const { activity, kills } of results) {
    for (const { doing } of kills) {
      const key = `${activity}, ${doing}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const lines = [...counts].sort().map(([key, count]) => `  ${String(count).padStart(4)}  ${key}`);
  return lines.join("\n");
}

function lineOf(number: number, { activity, kills, counts }: RoundResult): string {
  const killed = kills.map(
    ({ afterMs, acknowledged, doing }) => `${afterMs} ms (${acknowledged} acknowledged, ${doing})`,
  );
  const became = Object.entries(counts).map(([status, count]) => `${count} ${status}`);
  return `round ${number}: ${activity}, killed after ${killed.join(", ")}; ${became.join(", ")}`;
}

async function killWorking(processes: NodeProcesses): Promise<void> {
  console.log(`seed ${seed}: making two histories of at least ${blocks} blocks`);
  const base = await makeBase(processes, blocks);
  console.log(`  ${base.shorter.height} and ${base.longer.height} blocks`);
  const results: RoundResult[] = [];
  for (let number = first; number < first + rounds; number++) {
    const result = await crashRound(base, seed, number);
    results.push(result);
    console.log(lineOf(number, result));
  }
  const kills = results.flatMap((result) => result.kills);
  const acknowledged = kills.reduce((total, one) => total + one.acknowledged, 0);
  console.log(
    `${kills.length} kills, ${acknowledged} acknowledgements before them, nothing lost; while\n${summary(results)}`,
  );
}

async function killFollowing(processes: NodeProcesses): Promise<void> {
  const scene = await createFollowingScene(processes);
  for (let number = first; number < first + rounds; number++) {
    const killed = (await followingRound(scene, TAKERS, seed, number)).map(
      ({ taker, afterMs, blocks }) => `${taker} after ${blocks} blocks and ${afterMs} ms`,
    );
    console.log(`round ${number}: killed ${killed.join(", ")}`);
  }
}

await using processes = new NodeProcesses();
await (values.following ? killFollowing : killWorking)(processes);
