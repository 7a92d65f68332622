/** What one payment takes where there are ten thousand, a hundred thousand, a million accounts. */

import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Figures, Scenario } from "./scenarios.ts";

const CHILD = fileURLToPath(new URL("accounts-child.ts", import.meta.url));
const ACCOUNTS = [10_000, 100_000, 1_000_000];
const MIB = 2 ** 20;

export const accounts: Scenario = async (bench, scale) => {
  const figures: Record<string, number> = {};
  for (const count of ACCOUNTS.map((each) => Math.round(each * scale))) {
    const folder = bench.folder();
    mkdirSync(folder, { recursive: true });
    const { stdout } = await promisify(execFile)(process.execPath, [CHILD, folder, String(count)]);
    const { microseconds, rss, heapUsed } = JSON.parse(stdout) as Readonly<Record<string, number>>;
    figures[`${count} accounts: µs for each payment`] = microseconds ?? Number.NaN;
    figures[`${count} accounts: MiB resident`] = (rss ?? Number.NaN) / MIB;
    figures[`${count} accounts: MiB of heap`] = (heapUsed ?? Number.NaN) / MIB;
  }
  return figures satisfies Figures;
};
