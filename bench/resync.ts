/** A node that was away meets the other again, after none, few or many contracts have changed there. */

import { changeContracts, type Dataset, openDataset } from "./dataset.ts";
import { meet, samplesOf, type Way, waysOf } from "./joining.ts";
import type { Bench } from "./processes.ts";
import type { Figures, Scenario } from "./scenarios.ts";

const CHANGED = [0, 10, 1_000];
const KIB = 1_024;

async function resyncOnce(bench: Bench, dataset: Dataset, { name, flags }: Way): Promise<Figures> {
  const [served, held] = [bench.folder(), bench.folder()];
  dataset.copyTo(served);
  const genesis = ["--genesis", dataset.genesis];
  const samples = samplesOf(dataset);
  const meetOnce = async () => {
    const server = await bench.node({ dataDir: served, flags: genesis });
    const node = await bench.node({ dataDir: held, flags: [...genesis, ...flags] });
    const meeting = await meet(node, server, samples);
    await Promise.all([server.stop(), node.stop()]);
    return meeting;
  };
  await meetOnce();
  let figures: Figures = {};
  for (const changed of CHANGED.filter((count) => count < dataset.contracts)) {
    if (changed > 0) await changeContracts(dataset, served, changed);
    const { seconds, wireBytes, rawBytes } = await meetOnce();
    const what = `${name}, ${changed} of ${dataset.contracts} changed`;
    figures = {
      ...figures,
      [`${what}: s`]: seconds,
      [`${what}: KiB on the wire`]: wireBytes / KIB,
      [`${what}: KiB if uncompressed`]: rawBytes / KIB,
    };
  }
  return figures;
}

/** The bytes are all of the connection's, its handshakes included: what 0 changed contracts cost. */
export const resync: Scenario = async (bench, _scale, sizes) => {
  let figures: Figures = {};
  for (const size of sizes) {
    const dataset = await openDataset(size);
    for (const way of await waysOf(bench, dataset)) {
      figures = { ...figures, ...(await resyncOnce(bench, dataset, way)) };
    }
  }
  return figures;
};
