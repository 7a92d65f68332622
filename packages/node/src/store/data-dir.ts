/** The data directory: one process at a time, also after that process was killed. */

import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { CodedError, isCodedError, reasonOf } from "@counterpart/core/base/errors";
import lockfile from "proper-lockfile";
import { type Holding, hold } from "./holder.ts";
import { makeDirectory } from "./make-directory.ts";

export interface DataDir {
  readonly path: string;
  /** Gives the lock back. */
  release(): Promise<void>;
}

/** A lock whose holder stopped refreshing it for so long is nobody's. */
const STALE_MS = 10_000;

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

/** What an error of opening means to the operator. */
function openingError(error: unknown, path: string): CodedError {
  if (isCodedError(error)) return error;
  if ((error as NodeJS.ErrnoException).code === "ELOCKED") {
    return new CodedError("DATA_DIR_LOCKED", `${path} is in use by another process`);
  }
  return new CodedError("DATA_DIR_UNUSABLE", `cannot use the data directory ${path}: ${reasonOf(error)}`);
}

/**
 * Creates the directory where needed (mode 0700) and locks it. A lock left by a killed process is taken over at once,
 * by one of those that find it.
 * @throws CodedError `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE`
 */
export async function openDataDir(directory: string): Promise<DataDir> {
  const path = resolve(directory);
  const lockPath = join(path, "lock");
  let holding: Holding | undefined;
  try {
    makeDirectory(path);
    const held = hold(path, lockPath, STALE_MS);
    holding = held;
    // No other process of this machine gets as far as this now: what a dead holder left is nobody's.
    if (held.isTakenOver) rmSync(lockPath, { recursive: true, force: true });
    const unlock = await lock(path, lockPath);
    return {
      path,
      async release() {
        await unlock();
        held.release();
      },
    };
  } catch (error) {
    holding?.release();
    throw openingError(error, path);
  }
}
