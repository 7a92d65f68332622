/**
 * Which process of this machine has a directory: the one that made the highest of the folders `holder-<n>`, as long as
 * it lives, refreshes its lock, and the only entry in there is its process id. Whoever comes after it makes the next number. That is one
 * rename, which fails onto a folder with something in it: of those that find the same dead holder only one succeeds,
 * whenever each of them found out. Numbers never go down, so that one that looked long ago sees that it came too late.
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

const numbersIn = (path: string): number[] =>
  readdirSync(path).flatMap((name) => {
    const number = HOLDER.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });

const highestIn = (path: string): number => numbersIn(path).reduce((high, number) => Math.max(high, number), 0);

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

/** When a holder began, or last refreshed its lock, by the clock of the file system. */
function lastSign(path: string, number: number, lockPath: string): number {
  const times = [folderOf(path, number), lockPath].map((one) => statSync(one, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return Math.max(...times);
}

/** What is renamed to become a holder; its time is now. */
function makeDraft(path: string): { readonly draft: string; readonly nowMs: number } {
  const draft = mkdtempSync(join(path, DRAFT));
  writeFileSync(join(draft, String(process.pid)), "", { mode: 0o600 });
  return { draft, nowMs: statSync(draft).mtimeMs };
}

/** What a rename onto a folder with something in it is refused with; or the draft was cleared away by who was faster. */
const TOO_LATE: ReadonlySet<string | undefined> = new Set(["ENOTEMPTY", "EEXIST", "ENOENT"]);

function clear(path: string, number: number): void {
  const old = numbersIn(path).filter((other) => other < number - KEPT);
  const drafts = readdirSync(path).filter((name) => name.startsWith(DRAFT));
  for (const name of [...old.map((other) => `holder-${other}`), ...drafts]) {
    rmSync(join(path, name), { recursive: true, force: true });
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

function isHeld(path: string): CodedError {
  const pid = pidOf(path, highestIn(path));
  return new CodedError(
    "DATA_DIR_LOCKED",
    `${path} is in use by ${pid === undefined ? "another process" : `process ${pid}`}`,
  );
}

function become(path: string, number: number, draft: string): void {
  try {
    renameSync(draft, folderOf(path, number));
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
}

/** @throws CodedError `DATA_DIR_LOCKED`; errors of the file system */
function takeNext(path: string, lockPath: string, staleMs: number): Holding {
  const last = highestIn(path);
  const pid = pidOf(path, last);
  const { draft, nowMs } = makeDraft(path);
  // The id of a dead holder may be another process's by now, which does not refresh the lock.
  const isAlive = (holder: number): boolean =>
    holder === process.pid
      ? heldHere.has(path)
      : isRunning(holder) && nowMs - lastSign(path, last, lockPath) <= staleMs;
  if (pid !== undefined && isAlive(pid)) {
    rmSync(draft, { recursive: true, force: true });
    throw isHeld(path);
  }
  const number = last + 1;
  become(path, number, draft);
  if (highestIn(path) !== number) {
    rmSync(folderOf(path, number), { recursive: true, force: true });
    throw isHeld(path);
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
  try {
    return takeNext(path, lockPath, staleMs);
  } catch (error) {
    if (TOO_LATE.has((error as NodeJS.ErrnoException).code)) throw isHeld(path);
    throw error;
  }
}
