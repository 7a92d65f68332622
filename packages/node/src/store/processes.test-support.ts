/** What the kernel says of processes. */

import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);

/** Also false of one of whose end nobody takes note. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

const WAIT_MS_MAX = 60_000;

async function until(holds: () => boolean): Promise<void> {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > WAIT_MS_MAX) throw new Error("it did not come to pass");
    await delay(20);
  }
}

export const untilEnded = (pid: number): Promise<void> => until(() => !isRunning(pid));

/** The first process that another one starts. */
export async function firstChildOf(pid: number): Promise<number> {
  await until(() => childrenOf(pid).length > 0);
  return childrenOf(pid)[0] as number;
}
