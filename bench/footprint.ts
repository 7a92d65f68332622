/** What a full node takes of a machine when it holds a data set and nothing happens: memory and disk. */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { openDataset } from "./dataset.ts";
import { getJson } from "./http.ts";
import type { Figures, Scenario } from "./scenarios.ts";

const MIB = 2 ** 20;

/** Blocks that the file system has given to the files below a folder, in bytes. */
function diskBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => statSync(join(folder, name)))
    .filter((file) => file.isFile())
    .reduce((sum, { blocks }) => sum + blocks * 512, 0);
}

export const footprint: Scenario = async (bench, _scale, sizes) => {
  let figures: Figures = {};
  for (const size of sizes) {
    const dataset = await openDataset(size);
    const dataDir = bench.folder();
    dataset.copyTo(dataDir);
    const node = await bench.node({ dataDir, flags: ["--genesis", dataset.genesis] });
    await getJson(`${node.api}/contracts?limit=200`);
    const what = `${dataset.contracts} contracts, ${dataset.blocks} blocks`;
    figures = {
      ...figures,
      [`${what}: MiB resident after the first list`]: node.memoryBytes() / MIB,
      [`${what}: MiB resident at the peak`]: node.peakMemoryBytes() / MIB,
      [`${what}: MiB on the disk`]: diskBytes(dataDir) / MIB,
    };
    await node.stop();
  }
  return figures;
};
