/** What a node counts. */

import type { NodeProcess } from "./processes.ts";

/** Values by series, labels included: `name{label="value"}`. */
export type NodeMetrics = ReadonlyMap<string, number>;

export async function readMetrics({ api }: NodeProcess): Promise<NodeMetrics> {
  const text = await (await fetch(new URL("/metrics", api))).text();
  const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    series.map((line) => {
      const end = line.lastIndexOf(" ");
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}
