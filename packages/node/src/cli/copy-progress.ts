/** How far a copy of a database has come, as its size on the disk tells. */

import { statSync } from "node:fs";
import { createMeter, type WorkOutput } from "./render/progress.ts";
import { size } from "./render/units.ts";

const WATCH_MS = 500;
const MEBIBYTE = 1_048_576;

/** Waits for the copy, and tells meanwhile how long it is. */
export async function watchCopy<T>(
  from: string,
  to: string,
  output: Pick<WorkOutput, "progress" | "now">,
  copy: () => Promise<T>,
): Promise<T> {
  if (output.progress === undefined) return copy();
  // A copy without free pages ends before the file's size is reached.
  const total = statSync(from).size;
  const show = createMeter(output, "MiB");
  const timer = setInterval(() => {
    const done = statSync(to, { throwIfNoEntry: false })?.size ?? 0;
    show(`copying, ${size(done)} of at most ${size(total)}`, Math.floor(done / MEBIBYTE), Math.ceil(total / MEBIBYTE));
  }, WATCH_MS);
  return copy().finally(() => clearInterval(timer));
}
