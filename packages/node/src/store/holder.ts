/**
 * Which process of this machine has a directory: the one that made the highest of the folders `holder-<n>`, as long as
 * it lives, refreshes its lock, and the only entry in there is its process id. Whoever comes after it makes the next
 * number. That is one rename, which fails onto a folder with something in it: of those that find the same dead holder
 * only one succeeds, whenever each of them found out. Numbers never go down, so that one that looked long ago sees that
 * it came too late.
 */

import { mkdtempSync, readdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CodedError } from "@counterpart/core/base/errors";

export interface Holding {
  /** Whether the holder before this one ended without giving the directory back. */
  readonly isTakenOver: boolean;
  /** Gives it back. */
  release(): void;
}

const HOLDER = /^holder-(\d{1,15})$/;
const DRAFT = ".holder-";
/** The entry of a holder that has given the directory back. */
const FREE = "free";
/** Older ones than the holder that are left: a listing is not one moment, but never as slow as so many holders. */
const KEPT = 8;

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

const numberOf = (name: string): number => Number(HOLDER.exec(name)?.[1] ?? 0);

const highestIn = (path: string): number => Math.max(0, ...readdirSync(path).map(numberOf));

const folderOf = (path: string, number: number): string => join(path, `holder-${number}`);

/** Process id of a holder; undefined when it has given the directory back, or is long superseded. */
function pidOf(path: string, number: number): number | undefined {
  try {
    const pid = Number(readdirSync(folderOf(path, number))[0]);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Process that has a directory at present, whoever's; undefined when none has, as far as can be told without taking it. */
export function holderOf(directory: string): number | undefined {
  const pid = pidOf(directory, highestIn(directory));
  return pid !== undefined && isRunning(pid) ? pid : undefined;
}

const modifiedMs = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** What a rename onto a folder with something in it is refused with; or the draft was cleared away by who was faster. */
const TOO_LATE: ReadonlySet<string | undefined> = new Set(["ENOTEMPTY", "EEXIST", "ENOENT"]);

/** Whoever made a draft may be writing into it at this moment: what cannot be removed is left for the next holder. */
function discard(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {}
}

function clear(path: string, number: number): void {
  for (const name of readdirSync(path)) {
    const other = numberOf(name);
    const isOld = other > 0 && other < number - KEPT;
    if (isOld || name.startsWith(DRAFT)) discard(join(path, name));
  }
}

function release(path: string, number: number): void {
  heldHere.delete(path);
  try {
    renameSync(join(folderOf(path, number), String(process.pid)), join(folderOf(path, number), FREE));
  } catch {
    // The directory is gone: there is nothing to give back.
  }
}

/**
 * Makes a draft the next holder, unless the last one is alive or somebody was faster.
 * @throws errors of the file system, those of `TOO_LATE` among them
 */
function takeNext(path: string, draft: string, lockPath: string, staleMs: number): Holding | undefined {
  const last = highestIn(path);
  const pid = pidOf(path, last);
  // By the clock of the file system, like the signs of life: the draft is new.
  const silentMs = modifiedMs(draft) - Math.max(modifiedMs(folderOf(path, last)), modifiedMs(lockPath));
  // The id of a dead holder may be another process's by now, which does not refresh the lock.
  const isAlive = pid === process.pid ? heldHere.has(path) : pid !== undefined && isRunning(pid) && silentMs <= staleMs;
  if (isAlive) return undefined;
  const number = last + 1;
  renameSync(draft, folderOf(path, number));
  if (highestIn(path) !== number) {
    discard(folderOf(path, number));
    return undefined;
  }
  heldHere.add(path);
  clear(path, number);
  return { isTakenOver: pid !== undefined, release: () => release(path, number) };
}

/**
 * Takes a directory for this process.
 * @param lockPath what a holder refreshes, at least every `staleMs` milliseconds
 * @throws CodedError `DATA_DIR_LOCKED`; errors of the file system
 */
export function hold(directory: string, lockPath: string, staleMs: number): Holding {
  const path = realpathSync(directory);
  const draft = mkdtempSync(join(path, DRAFT));
  try {
    writeFileSync(join(draft, String(process.pid)), "", { mode: 0o600 });
    const holding = takeNext(path, draft, lockPath, staleMs);
    if (holding !== undefined) return holding;
  } catch (error) {
    if (!TOO_LATE.has((error as NodeJS.ErrnoException).code)) throw error;
  } finally {
    discard(draft);
  }
  const pid = pidOf(path, highestIn(path));
  const by = pid === undefined ? "another process" : `process ${pid}`;
  throw new CodedError("DATA_DIR_LOCKED", `${path} is in use by ${by}`);
}
