/** Work on a database that may be damaged, in a process of its own: LMDB then ends that one with a signal. */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Called in the child: ends it when the process that started it has ended, however that was, and whatever this one is
 * in the middle of.
 */
export function endWithParent(): void {
  process.stdin.on("close", () => process.kill(process.pid, "SIGKILL")).resume();
  process.stdin.unref();
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
  createInterface({ input: child.stdout }).on("line", onLine);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}
