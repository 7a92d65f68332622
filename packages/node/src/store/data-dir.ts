/** The data directory: one process at a time, also after that process was killed. */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CodedError } from "@counterpart/core/base/errors";
import lockfile from "proper-lockfile";

export interface DataDir {
  readonly path: string;
  /** Gives the lock back. */
  release(): Promise<void>;
}

/** A lock whose holder stopped refreshing it for so long is nobody's. */
const STALE_MS = 10_000;

/** Directories that this process holds: process ids are used again, so the id alone does not tell. */
const heldHere = new Set<string>();

/** Whether there is a process with this id, whoever's. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const isAlive = (pid: number, path: string): boolean => (pid === process.pid ? heldHere.has(path) : isRunning(pid));

/** Process id of the lock's holder as it wrote it down; undefined when it cannot be read. */
function holderOf(pidFile: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, "utf8"), 10);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Step by step: where a parent exists but takes no entries, Node's own recursion may never end. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another node that starts at the same time may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

async function lock(path: string, lockPath: string): Promise<() => Promise<void>> {
  return lockfile.lock(path, {
    lockfilePath: lockPath,
    stale: STALE_MS,
    update: STALE_MS / 4,
    onCompromised: () => {
      // The directory was removed or its lock taken away under a running node: going on could corrupt it.
      process.stderr.write(`the lock of ${path} was lost; stopping at once\n`);
      process.exit(1);
    },
  });
}

/**
 * Creates the directory where needed (mode 0700) and locks it. A lock left by a killed process is taken over at once.
 * @throws CodedError `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE`
 */
export async function openDataDir(directory: string): Promise<DataDir> {
  const path = resolve(directory);
  const lockPath = join(path, "lock");
  const pidFile = join(path, "pid");
  try {
    makeDirectory(path);
    const holder = holderOf(pidFile);
    if (holder !== undefined && !isAlive(holder, path)) rmSync(lockPath, { recursive: true, force: true });
    const unlock = await lock(path, lockPath);
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
    heldHere.add(path);
    return {
      path,
      async release() {
        heldHere.delete(path);
        rmSync(pidFile, { force: true });
        await unlock();
      },
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ELOCKED") {
      const holder = holderOf(pidFile);
      const by = holder === undefined ? "another process" : `process ${holder}`;
      throw new CodedError("DATA_DIR_LOCKED", `${path} is in use by ${by}`);
    }
    throw new CodedError("DATA_DIR_UNUSABLE", `cannot use the data directory ${path}: ${String(error)}`);
  }
}
