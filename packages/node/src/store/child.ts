/** Work on a database that may be damaged, in a process of its own: LMDB then ends that one with a signal. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

/** In a thread: the work does not let others have their turns. Another process becomes the parent of one whose parent ends. */
const WATCH = `
  const parent = process.ppid;
  setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGKILL"); }, 200);
`;

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Called in the child: ends it when the process that started it has ended, however that was, and whatever this one is
 * in the middle of.
 */
export function endWithParent(): void {
  new Worker(WATCH, { eval: true, name: "parent-watch" }).unref();
}

const running = new Set<ChildProcess>();
let isEnding = false;

/**
 * Ends all that `runModule` has started, and waits until none can write any more. Whoever waits for one of them waits on, as
 * this process is to end.
 */
export async function endModules(): Promise<void> {
  isEnding = running.size > 0;
  const ending = [...running].map((child) => once(child, "close"));
  for (const child of running) child.kill("SIGKILL");
  await Promise.all(ending);
}

/**
 * Runs a module of this program with arguments, and waits for its end.
 * @param module name without ending of a module beside `base`, which is a `.ts` file here and `.js` when published
 * @param onLine called with every line that it prints
 * @param timeoutMs after which it is killed
 */
export function runModule(
  module: string,
  base: string,
  args: readonly string[],
  onLine: (line: string) => void,
  timeoutMs?: number,
): Promise<ChildEnd> {
  const file = fileURLToPath(new URL(`./${module}${base.endsWith(".ts") ? ".ts" : ".js"}`, base));
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ["pipe", "pipe", "ignore"],
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: "SIGKILL" as const }),
  });
  running.add(child);
  child.once("close", () => running.delete(child));
  createInterface({ input: child.stdout }).on("line", onLine);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (!isEnding) resolve({ code, signal });
    });
  });
}
