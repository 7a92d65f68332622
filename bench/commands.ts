/** How long a person waits for a command: from the start of its process to its end. */

import type { Scenario } from "./scenarios.ts";
import { median } from "./statistics.ts";

const TIMES = 10;
const COMMANDS: readonly (readonly string[])[] = [
  ["--version"],
  ["status"],
  ["contracts", "list"],
  ["config", "print"],
];

export const commands: Scenario = async (bench) => {
  const { api, stop } = await bench.node();
  const environment = { COUNTERPART_URL: new URL(api).origin };
  const figures: Record<string, number> = {};
  for (const words of COMMANDS) {
    const all: number[] = [];
    for (let n = 0; n < TIMES; n++) {
      const start = performance.now();
      await bench.command(words, environment);
      all.push(performance.now() - start);
    }
    figures[`median ms of ${TIMES} times counterpart ${words.join(" ")}`] = median(all);
  }
  await stop();
  return figures;
};
