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

/** A second of processor time, in the kernel's hundredths: more than a process needs to begin. */
const BUSY_TICKS = 100;

/** Of all its threads. */
function ticksOf(pid: number): number {
  const [user = 0, system = 0] = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ")
    .slice(11)
    .map(Number);
  return user + system;
}

/** Until it is at work. @throws when it has ended */
export const untilBusy = (pid: number): Promise<void> => until(() => ticksOf(pid) >= BUSY_TICKS);

export const untilEnded = (pid: number): Promise<void> => until(() => !isRunning(pid));

/** The first process that another one starts. */
export async function firstChildOf(pid: number): Promise<number> {
  await until(() => childrenOf(pid).length > 0);
  return childrenOf(pid)[0] as number;
}
