/** Folders and files that get their name when they are whole: what has the name has survived whatever crash there was. */

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { CodedError, isCodedError, reasonOf } from "@counterpart/core/base/errors";
import { readSecretFile, syncFolder, writeSecretFile } from "../keys/secret-file.ts";
import { GENESIS_NAME, readGenesisBytes } from "../store/data-dir-genesis.ts";
import { isRunning } from "../store/holder.ts";
import { makeDirectory } from "../store/make-directory.ts";
import type { WorkOutput } from "./render/progress.ts";

export const DATABASE = "chain.mdb";
const KEYS = "keys";
/** What came into a folder while it was removed is removed too. */
const REMOVAL_RETRIES_MAX = 5;

/** Path of the database in a folder. @throws CodedError `DATA_DIR_UNUSABLE` */
export function requireDatabase(folder: string): string {
  const path = join(folder, DATABASE);
  if (existsSync(path)) return path;
  throw new CodedError("DATA_DIR_UNUSABLE", `there is no database in ${folder}: is it a node's data directory?`, {
    path,
  });
}

const draftName = (target: string, pid: number | string): string => `${basename(target)}.${pid}.tmp`;

const isFolderDraft = (path: string): boolean =>
  statSync(path).isDirectory() &&
  readdirSync(path).every((name) => name.startsWith(DATABASE) || name === KEYS || name === GENESIS_NAME);

/** Removes drafts for this target whose process was killed; anything else with such a name stays. */
function removeAbandoned(target: string, isDraft: (path: string) => boolean): void {
  const folder = dirname(target);
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const pid = Number(/\.([1-9]\d{0,9})\.tmp$/.exec(name)?.[1]);
    if (name !== draftName(target, pid) || (pid !== process.pid && isRunning(pid))) continue;
    if (isDraft(join(folder, name))) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function cannotMake(path: string, cause: unknown): CodedError {
  return new CodedError("DATA_DIR_UNUSABLE", `${path} cannot be made: ${reasonOf(cause)}`, { path });
}

/**
 * An empty folder (mode 0700) beside `target`.
 * @throws CodedError `DATA_DIR_UNUSABLE`
 */
function createDraft(target: string): string {
  const path = resolve(target);
  const draft = join(dirname(path), draftName(path, process.pid));
  try {
    removeAbandoned(path, isFolderDraft);
    makeDirectory(dirname(path));
    mkdirSync(draft, { mode: 0o700 });
    return draft;
  } catch (cause) {
    throw cannotMake(path, cause);
  }
}

/** Returns when the file's content is on the disk. */
export function syncFile(path: string): void {
  const file = openSync(path, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * Gives a draft its name, when all that is in it is on the disk. An empty folder gives way; anything that came into it
 * meanwhile stays.
 * @throws CodedError `DATA_DIR_UNUSABLE`
 */
function putInPlace(draft: string, target: string): void {
  const path = resolve(target);
  try {
    syncFile(join(draft, DATABASE));
    syncFolder(draft);
    if (existsSync(path)) rmdirSync(path);
    renameSync(draft, path);
    syncFolder(dirname(path));
  } catch (cause) {
    throw cannotMake(path, cause);
  }
}

/**
 * Makes a folder by filling a draft of it. Whatever keeps the draft from being whole, nothing of it is left.
 * @throws CodedError `DATA_DIR_UNUSABLE`; what `fill` throws
 */
export async function makeWhole(
  target: string,
  output: Pick<WorkOutput, "onStop">,
  fill: (draft: string) => Promise<void>,
): Promise<void> {
  const draft = createDraft(target);
  const remove = (): void => rmSync(draft, { recursive: true, force: true, maxRetries: REMOVAL_RETRIES_MAX });
  output.onStop?.(remove);
  try {
    await fill(draft);
    putInPlace(draft, target);
  } finally {
    remove();
  }
}

/**
 * The same of a file: `fill` makes the draft, and returns when all of it is on the disk.
 * @throws CodedError `DATA_DIR_UNUSABLE`; those of `fill`
 */
export async function makeWholeFile<T>(
  target: string,
  output: Pick<WorkOutput, "onStop">,
  fill: (draft: string) => Promise<T>,
): Promise<T> {
  const path = resolve(target);
  const draft = join(dirname(path), draftName(path, process.pid));
  const remove = (): void => rmSync(draft, { force: true });
  output.onStop?.(remove);
  try {
    removeAbandoned(path, (name) => statSync(name).isFile());
    const made = await fill(draft);
    renameSync(draft, path);
    syncFolder(dirname(path));
    return made;
  } catch (cause) {
    throw isCodedError(cause) ? cause : cannotMake(path, cause);
  } finally {
    remove();
  }
}

/**
 * Copies the keys, durably: folder 0700 and files 0600, whatever the originals have.
 * @throws CodedError `DATA_DIR_UNUSABLE`, `STORE_CORRUPT` when one of them is larger than any key
 */
export function copyKeys(from: string, to: string): void {
  if (!existsSync(join(from, KEYS))) return;
  mkdirSync(join(to, KEYS), { mode: 0o700 });
  for (const entry of readdirSync(join(from, KEYS), { withFileTypes: true })) {
    // A name with a dot in front is the draft of a key that is being written.
    if (!entry.isFile() || entry.name.startsWith(".")) continue;
    writeSecretFile(join(to, KEYS, entry.name), readSecretFile(join(from, KEYS, entry.name)));
  }
}

/**
 * Gives a folder its genesis file, durably; none when the source is undefined.
 * @throws CodedError `DATA_DIR_UNUSABLE`
 */
export function copyGenesis(source: string | undefined, to: string): void {
  if (source === undefined) return;
  try {
    // Anew, as the original may be one that nobody may write.
    writeFileSync(join(to, GENESIS_NAME), readGenesisBytes(source), { flush: true });
  } catch (cause) {
    throw new CodedError("DATA_DIR_UNUSABLE", `${source} cannot be copied: ${reasonOf(cause)}`, { path: source });
  }
}
