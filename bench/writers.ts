/** Sustained writes: executions through REST on one, two and three connected nodes at once. */

import { getJson, postJson } from "./http.ts";
import type { Bench, NodeProcess } from "./processes.ts";
import { deployToken, type Figures, mint, perSecond, type Scenario } from "./scenarios.ts";

const PARALLEL = 5;
const WRITERS_MAX = 3;

export async function untilEqual(nodes: readonly NodeProcess[]): Promise<void> {
  for (;;) {
    const heads = await Promise.all(nodes.map(async ({ api }) => (await getJson(`${api}/blocks/latest`)).hash));
    if (heads.every((head) => head === heads[0])) return;
  }
}

/** Each node writes to a token of its own: a write counts when its caller has it in a block. */
async function writesPerSecond(bench: Bench, writers: number, total: number): Promise<Figures> {
  const nodes = await Promise.all(Array.from({ length: WRITERS_MAX }, () => bench.node()));
  const [first] = nodes as [NodeProcess];
  const writing = nodes.slice(0, writers);
  for (const node of nodes.slice(1)) await postJson(`${node.api}/network/connect`, { address: first.p2p });
  const tokens: string[] = [];
  for (const node of writing) tokens.push(await deployToken(node));
  await untilEqual(nodes);
  const once = (index: number) => {
    const place = index % writers;
    return mint(writing[place] as NodeProcess, tokens[place] as string, 1);
  };
  const rate = await perSecond(total, PARALLEL * writers, once);
  const start = performance.now();
  await untilEqual(nodes);
  const equal = performance.now() - start;
  await Promise.all(nodes.map((node) => node.stop()));
  return { [`writes/s, ${writers} of 3 nodes write`]: rate, [`ms to equal heads, ${writers} write`]: equal };
}

export const writers: Scenario = async (bench, scale) => {
  let figures: Figures = {};
  for (let count = 1; count <= WRITERS_MAX; count++) {
    figures = { ...figures, ...(await writesPerSecond(bench, count, 600 * scale)) };
  }
  return figures;
};
