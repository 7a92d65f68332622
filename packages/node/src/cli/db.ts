/** `counterpart db`: checking, copying and restoring the database of a node. */

import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { utf8ToBytes } from "@counterpart/core/base/bytes";
import { CodedError, reasonOf, saysNoRoom } from "@counterpart/core/base/errors";
import { foreignGenesisHash } from "../engine/imported.ts";
import { readDetached } from "../engine/irregular.ts";
import { ownGenesisHash } from "../engine/open-genesis.ts";
import { runModule } from "../store/child.ts";
import { openDataDir } from "../store/data-dir.ts";
import { genesisIn } from "../store/data-dir-genesis.ts";
import { readGenesis } from "../store/genesis-file.ts";
import { holderOf } from "../store/holder.ts";
import { openLmdbStore } from "../store/lmdb-store.ts";
import { probeDatabase } from "../store/probe.ts";
import { logFiles } from "../store/write-log.ts";
import { watchCopy } from "./copy-progress.ts";
import type { BackupLine } from "./db-backup-child.ts";
import type { GivenFacts, VerifyLine } from "./db-verify-child.ts";
import { copyGenesis, copyKeys, DATABASE, makeWhole, requireDatabase } from "./draft.ts";
import { invalidConfig } from "./invalid-config.ts";
import { createMeter, type WorkOutput } from "./render/progress.ts";

/** One JSON document, or the same in words. */
function tell({ print }: Pick<WorkOutput, "print">, json: boolean | undefined, result: object, words: string): void {
  print(json === true ? `${JSON.stringify(result)}\n` : words);
}

/** What the database is to be held to. An imported chain says itself which rules it has. */
function chainFacts(genesisFile: string | undefined): GivenFacts {
  const isGiven = genesisFile !== undefined;
  const genesis = readGenesis(genesisFile);
  if ("foreign" in genesis) {
    const { foreign } = genesis;
    return { chainId: foreign.schedule.chainId, signers: [], genesisHash: foreignGenesisHash(foreign), isGiven };
  }
  const { own } = genesis;
  return { chainId: own.chainId, signers: own.signers, genesisHash: ownGenesisHash(own), isGiven };
}

const KEYS_SHOWN = 20;
const shortened = (key: string): string => (key.length <= KEYS_SHOWN ? key : `${key.slice(0, KEYS_SHOWN)}…`);

/** One line for each check that has ended, and for each of its faults. */
function linesOf(line: Extract<VerifyLine, { kind: "result" }>): string {
  const { name, examined, faults, faultCount } = line;
  const mark = faultCount === 0 ? "ok  " : "BAD ";
  const shown = faults.map(({ table, key, message }) => `       ${table} ${shortened(key)}: ${message}\n`);
  const rest = faultCount > faults.length ? `       and ${faultCount - faults.length} more\n` : "";
  const count = faultCount === 0 ? "" : `, ${faultCount} fault${faultCount === 1 ? "" : "s"}`;
  return `  ${mark} ${name}: ${examined} looked at${count}\n${shown.join("")}${rest}`;
}

/** Undefined for a line that the end of the process cut short. */
function parseLine<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

type CheckLine = Extract<VerifyLine, { kind: "result" }>;

/**
 * Checks everything that is stored, in a process of its own.
 * @param onResult is called as each check ends
 * @returns how many faults were found
 * @throws CodedError `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE`, `INVALID_GENESIS`, `STORE_CORRUPT` when the file is so
 * damaged that the checks could not end
 */
async function verifyDatabase(
  path: string,
  chain: GivenFacts,
  output: WorkOutput,
  onResult: (line: CheckLine) => void,
): Promise<number> {
  let show = createMeter(output, "rows");
  let faults = 0;
  let failure: Extract<VerifyLine, { kind: "failure" }> | undefined;
  const onLine = (text: string): void => {
    const line = parseLine<VerifyLine>(text);
    if (line === undefined) return;
    if (line.kind === "progress") show(line.name, line.examined, line.total);
    else if (line.kind === "failure") failure = line;
    else {
      faults += line.faultCount;
      onResult(line);
      show = createMeter(output, "rows");
    }
  };
  const { code, signal } = await runModule("db-verify-child", import.meta.url, [path, JSON.stringify(chain)], onLine);
  if (failure === undefined && code === 0) return faults;
  if (failure?.code === "STORE_VERSION") throw new CodedError("STORE_VERSION", failure.message, { path });
  if (failure?.code === "INVALID_GENESIS") {
    const advice = "give the genesis file of its chain with --genesis, or as genesis.json beside it";
    throw new CodedError("INVALID_GENESIS", failure.message, { path, advice });
  }
  const reason = failure?.message ?? signal ?? `exit code ${code}`;
  throw new CodedError("STORE_CORRUPT", `checking ${path} ended early (${reason})`, { path, reason });
}

/** The checks as they end: printed, or kept for one document. */
function createReport(output: WorkOutput, json: boolean | undefined) {
  const checks: object[] = [];
  return {
    checks,
    note(line: CheckLine): void {
      if (json !== true) output.print(linesOf(line));
      const { name, examined, faultCount, faults } = line;
      checks.push({ name, examined, fault_count: faultCount, faults });
    },
  };
}

export interface VerifyOptions {
  readonly dataDir: string;
  readonly genesis?: string;
  readonly json?: boolean;
}

/** @throws CodedError those of `verifyDatabase`; `STORE_CORRUPT` when there are faults */
export async function verify({ dataDir, genesis, json }: VerifyOptions, output: WorkOutput): Promise<void> {
  const path = requireDatabase(resolve(dataDir));
  const chain = chainFacts(genesis ?? genesisIn(dataDir));
  const held = await openDataDir(dataDir);
  try {
    await probeDatabase(path);
    const report = createReport(output, json);
    // The process that checks is ended with this one.
    output.onStop?.(() => {});
    const faults = await verifyDatabase(path, chain, output, report.note);
    tell(output, json, { path, whole: faults === 0, checks: report.checks }, faults === 0 ? `${path} is whole\n` : "");
    if (faults > 0) throw new CodedError("STORE_CORRUPT", `${path} has ${faults} faults`, { path, faults });
  } finally {
    await held.release();
  }
}

export interface ResetOptions {
  readonly dataDir: string;
  readonly json?: boolean;
}

/**
 * Gives up a chain that development methods have changed: the database is removed, the keys stay.
 * @throws CodedError `INVALID_CONFIG` when the chain is as other nodes have it, `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE`,
 * `STORE_CORRUPT`
 */
export async function reset({ dataDir, json }: ResetOptions, output: Pick<WorkOutput, "print">): Promise<void> {
  const path = requireDatabase(resolve(dataDir));
  const held = await openDataDir(dataDir);
  try {
    await probeDatabase(path);
    const store = openLmdbStore(path, { migrates: false });
    const by = readDetached(store);
    await store.close();
    if (by === undefined) {
      throw invalidConfig(`the chain in ${dataDir} is as other nodes have it: there is nothing to reset`);
    }
    for (const file of [path, `${path}-lock`]) rmSync(file, { force: true });
    const words = `the chain in ${dataDir}, which ${by} had changed, is gone; its keys are not\n`;
    tell(output, json, { data_dir: resolve(dataDir), changed_by: by }, words);
  } finally {
    await held.release();
  }
}

export interface BackupOptions {
  readonly dataDir: string;
  readonly to: string;
  readonly keys: boolean;
  readonly json?: boolean;
}

/**
 * Copies the database in a process of its own.
 * @throws CodedError `STORE_CORRUPT` when the file is so damaged that the copy could not end, `STORE_VERSION`,
 * `STORE_WRITE_FAILED`, `DATA_DIR_UNUSABLE`
 */
async function copyDatabase(path: string, to: string, output: WorkOutput): Promise<void> {
  let said: BackupLine | undefined;
  const onLine = (text: string): void => {
    said = parseLine<BackupLine>(text);
  };
  const copy = () => runModule("db-backup-child", import.meta.url, [path, to], onLine);
  const { code, signal } = await watchCopy(path, to, output, copy);
  if (said?.message !== undefined && said.code !== undefined) throw new CodedError(said.code, said.message, { path });
  // A signal after the word of success came while closing: the copy is whole.
  if (said !== undefined && said.message === undefined) return;
  const reason = said?.message ?? signal ?? `exit code ${code}`;
  throw new CodedError("STORE_CORRUPT", `copying ${path} ended early (${reason})`, { path, reason });
}

/**
 * Copies the database as it is at one moment, also while a node uses it, and the keys.
 * @throws CodedError `DATA_DIR_UNUSABLE` when the target is there already, those of `copyDatabase`
 */
export async function backup({ dataDir, to, keys, json }: BackupOptions, output: WorkOutput): Promise<void> {
  const path = requireDatabase(resolve(dataDir));
  if (existsSync(to))
    throw new CodedError("DATA_DIR_UNUSABLE", `${to} is there already: name a new folder`, { path: to });
  await probeDatabase(path);
  await makeWhole(to, output, async (draft) => {
    await copyDatabase(path, join(draft, DATABASE), output);
    copyGenesis(genesisIn(dataDir), draft);
    if (keys) copyKeys(dataDir, draft);
  });
  const words = `${path} is copied to ${to}${keys ? ", with its keys" : ""}\n`;
  tell(output, json, { path, to: resolve(to), keys, bytes: statSync(join(to, DATABASE)).size }, words);
}

export interface RestoreOptions {
  readonly from: string;
  readonly dataDir: string;
  readonly genesis?: string;
  readonly json?: boolean;
}

/** A database that others may have read on from must not give new changes the numbers of changes they know. */
async function renameInstance(path: string): Promise<void> {
  const store = openLmdbStore(path);
  store.write([{ table: "meta", key: utf8ToBytes("instance"), value: null }]);
  await store.close();
}

/** A node may have run on a backup: what is in its log belongs to it then, and whoever opens the copy takes it in. */
async function copyFiles(source: string, path: string): Promise<void> {
  try {
    for (const log of logFiles(source)) await copyFile(log, join(dirname(path), basename(log)));
    await copyFile(source, path);
  } catch (cause) {
    const code = saysNoRoom(cause) ? "STORE_WRITE_FAILED" : "DATA_DIR_UNUSABLE";
    throw new CodedError(code, `${source} cannot be copied: ${reasonOf(cause)}`);
  }
}

/** File by file, as it may be read only, unless a node runs on it: then as it is at one moment. */
async function copyBackup(source: string, path: string, output: WorkOutput): Promise<void> {
  if (holderOf(dirname(source)) === undefined) {
    await watchCopy(source, path, output, () => copyFiles(source, path));
    return;
  }
  await probeDatabase(source);
  await copyDatabase(source, path, output);
}

/** @throws CodedError `DATA_DIR_UNUSABLE` for what is neither an empty folder nor not there */
function requireEmpty(path: string): void {
  if (!existsSync(path)) return;
  const isFolder = statSync(path).isDirectory();
  if (isFolder && readdirSync(path).length === 0) return;
  const what = isFolder ? "is not empty" : "is no folder";
  throw new CodedError("DATA_DIR_UNUSABLE", `${path} ${what}: name a new folder`, { path });
}

/**
 * Checks a backup and makes it a data directory.
 * @throws CodedError `DATA_DIR_UNUSABLE` when the directory is not empty, those of `verify`
 */
export async function restore({ from, dataDir, genesis, json }: RestoreOptions, output: WorkOutput): Promise<void> {
  const source = requireDatabase(resolve(from));
  requireEmpty(dataDir);
  const genesisFile = genesis ?? genesisIn(from);
  const chain = chainFacts(genesisFile);
  const report = createReport(output, json);
  await makeWhole(dataDir, output, async (draft) => {
    const path = join(draft, DATABASE);
    await copyBackup(source, path, output);
    copyGenesis(genesisFile, draft);
    copyKeys(from, draft);
    await probeDatabase(path);
    const faults = await verifyDatabase(path, chain, output, report.note);
    if (faults > 0) throw new CodedError("STORE_CORRUPT", `the backup ${source} has ${faults} faults`, { faults });
    await renameInstance(path);
  });
  const result = { from: resolve(from), data_dir: resolve(dataDir), checks: report.checks };
  tell(output, json, result, `${from} is restored to ${dataDir}\n`);
}
