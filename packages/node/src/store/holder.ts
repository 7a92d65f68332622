/**
 * Which process of this machine has a directory: the one that made the highest of the folders `holder-<n>`, as long as
 * it lives and the only entry in there is its process id. Whoever comes after it makes the next number. That is one
 * rename, which fails onto a folder with something in it: of those that find the same dead holder only one succeeds,
 * whenever each of them found out. Numbers never go down, so that one that looked long ago sees that it came too late.
 */

import { mkdtempSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
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

const isAlive = (pid: number, path: string): boolean => (pid === process.pid ? heldHere.has(path) : isRunning(pid));

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

/** What a rename onto a folder with something in it is refused with; or the draft was cleared away by who was faster. */
const TOO_LATE: ReadonlySet<string | undefined> = new Set(["ENOTEMPTY", "EEXIST", "ENOENT"]);

/** Makes the holder of that number, if nobody has. */
function make(path: string, number: number): boolean {
  const draft = mkdtempSync(join(path, DRAFT));
  try {
    writeFileSync(join(draft, String(process.pid)), "", { mode: 0o600 });
    renameSync(draft, folderOf(path, number));
    return true;
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (TOO_LATE.has((error as NodeJS.ErrnoException).code)) return false;
    throw error;
  }
}

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

/**
 * Takes a directory for this process.
 * @throws CodedError `DATA_DIR_LOCKED`; errors of the file system
 */
export function hold(directory: string): Holding {
  const path = realpathSync(directory);
  const last = highestIn(path);
  const pid = pidOf(path, last);
  if (pid !== undefined && isAlive(pid, path)) throw isHeld(path);
  const number = last + 1;
  if (!make(path, number)) throw isHeld(path);
  if (highestIn(path) !== number) {
    rmSync(folderOf(path, number), { recursive: true, force: true });
    throw isHeld(path);
  }
  heldHere.add(path);
  clear(path, number);
  return { isTakenOver: pid !== undefined, release: () => release(path, number) };
}
