/** Work on a database that may be damaged, in a process of its own: LMDB then ends that one with a signal. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

/** In a thread, as the work does not let others have their turns: standard input ends with the process that holds its other side. */
const WATCH = `
  const { Socket } = require("node:net");
  const end = () => process.kill(process.pid, "SIGKILL");
  new Socket({ fd: 0 }).on("error", () => {}).on("close", end).resume();
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
/** Whoever waits for one of these waits on. */
const ended = new WeakSet<ChildProcess>();

/** Ends all that `runModule` has started, for a process that is to end, and waits until none can write any more. */
export async function endModules(): Promise<void> {
  const closed = [...running].map((child) => new Promise((resolve) => child.once("close", resolve)));
  for (const child of running) {
    ended.add(child);
    child.kill("SIGKILL");
  }
  await Promise.all(closed);
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
  for (const end of ["close", "error"] as const) child.once(end, () => running.delete(child));
  createInterface({ input: child.stdout }).on("line", onLine);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (!ended.has(child)) resolve({ code, signal });
    });
  });
}
