/** `counterpart db`: checking, copying and restoring the database of a node. */

import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { utf8ToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { genesisAlloc, genesisHeader } from "@counterpart/core/chain/genesis";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import { foreignGenesisHash } from "../engine/imported.ts";
import { readDetached } from "../engine/irregular.ts";
import { createOverlay } from "../engine/overlay.ts";
import { applyChanges } from "../engine/state.ts";
import { runModule } from "../store/child.ts";
import { openDataDir } from "../store/data-dir.ts";
import { readGenesis } from "../store/genesis-file.ts";
import { openLmdbStore } from "../store/lmdb-store.ts";
import { probeDatabase } from "../store/probe.ts";
import type { BackupLine } from "./db-backup-child.ts";
import type { GivenFacts, VerifyLine } from "./db-verify-child.ts";
import { copyKeys, createDraft, DATABASE, putInPlace, requireDatabase } from "./draft.ts";

export interface Output {
  print(text: string): void;
  /** Where progress goes; absent where nobody looks. */
  progress?(text: string): void;
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
  const root = applyChanges(createOverlay({ get: () => undefined }), EMPTY_TRIE_ROOT, genesisAlloc(own));
  return { chainId: own.chainId, signers: own.signers, genesisHash: genesisHeader(own, root).hash, isGiven };
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

/**
 * Checks everything that is stored, in a process of its own.
 * @returns how many faults were found
 * @throws CodedError `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE`, `INVALID_GENESIS`, `STORE_CORRUPT` when the file is so
 * damaged that the checks could not end
 */
async function verifyDatabase(path: string, chain: GivenFacts, { print, progress }: Output): Promise<number> {
  let faults = 0;
  let failure: Extract<VerifyLine, { kind: "failure" }> | undefined;
  const onLine = (text: string): void => {
    const line = parseLine<VerifyLine>(text);
    if (line === undefined) return;
    if (line.kind === "progress") progress?.(`  …    ${line.name}: ${line.examined}`);
    else if (line.kind === "failure") failure = line;
    else {
      faults += line.faultCount;
      print(linesOf(line));
    }
  };
  const { code, signal } = await runModule("db-verify-child", import.meta.url, [path, JSON.stringify(chain)], onLine);
  if (failure === undefined && code === 0) return faults;
  if (failure?.code === "STORE_VERSION") throw new CodedError("STORE_VERSION", failure.message, { path });
  const reason = failure?.message ?? signal ?? `exit code ${code}`;
  throw new CodedError("STORE_CORRUPT", `checking ${path} ended early (${reason})`, { path, reason });
}

export interface VerifyOptions {
  readonly dataDir: string;
  readonly genesis?: string;
}

/** @throws CodedError those of `verifyDatabase`; `STORE_CORRUPT` when there are faults */
export async function verify({ dataDir, genesis }: VerifyOptions, output: Output): Promise<void> {
  const path = requireDatabase(resolve(dataDir));
  const chain = chainFacts(genesis);
  const held = await openDataDir(dataDir);
  try {
    await probeDatabase(path);
    const faults = await verifyDatabase(path, chain, output);
    if (faults > 0) throw new CodedError("STORE_CORRUPT", `${path} has ${faults} faults`, { path, faults });
    output.print(`${path} is whole\n`);
  } finally {
    await held.release();
  }
}

export interface ResetOptions {
  readonly dataDir: string;
}

/**
 * Gives up a chain that development methods have changed: the database is removed, the keys stay.
 * @throws CodedError `INVALID_CONFIG` when the chain is as other nodes have it, `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE`,
 * `STORE_CORRUPT`
 */
export async function reset({ dataDir }: ResetOptions, { print }: Output): Promise<void> {
  const path = requireDatabase(resolve(dataDir));
  const held = await openDataDir(dataDir);
  try {
    await probeDatabase(path);
    const store = openLmdbStore(path, { migrates: false });
    const by = readDetached(store);
    await store.close();
    if (by === undefined) {
      throw new CodedError(
        "INVALID_CONFIG",
        `the chain in ${dataDir} is as other nodes have it: there is nothing to reset`,
      );
    }
    for (const file of [path, `${path}-lock`]) rmSync(file, { force: true });
    print(`the chain in ${dataDir}, which ${by} had changed, is gone; its keys are not\n`);
  } finally {
    await held.release();
  }
}

export interface BackupOptions {
  readonly dataDir: string;
  readonly to: string;
  readonly keys: boolean;
}

/**
 * Copies the database in a process of its own.
 * @throws CodedError `STORE_CORRUPT` when the file is so damaged that the copy could not end, `STORE_VERSION`,
 * `STORE_WRITE_FAILED`, `DATA_DIR_UNUSABLE`
 */
async function copyDatabase(path: string, to: string): Promise<void> {
  let said: BackupLine | undefined;
  const onLine = (text: string): void => {
    said = parseLine<BackupLine>(text);
  };
  const { code, signal } = await runModule("db-backup-child", import.meta.url, [path, to], onLine);
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
export async function backup({ dataDir, to, keys }: BackupOptions, { print }: Output): Promise<void> {
  const path = requireDatabase(resolve(dataDir));
  if (existsSync(to)) throw new CodedError("DATA_DIR_UNUSABLE", `${to} is there already`, { path: to });
  await probeDatabase(path);
  const draft = createDraft(to);
  try {
    await copyDatabase(path, join(draft, DATABASE));
    if (keys) copyKeys(dataDir, draft);
    putInPlace(draft, to);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  print(`${path} is copied to ${to}${keys ? ", with its keys" : ""}\n`);
}

export interface RestoreOptions {
  readonly from: string;
  readonly dataDir: string;
  readonly genesis?: string;
}

/** A database that others may have read on from must not give new changes the numbers of changes they know. */
async function renameInstance(path: string): Promise<void> {
  const store = openLmdbStore(path);
  store.write([{ table: "meta", key: utf8ToBytes("instance"), value: null }]);
  await store.close();
}

/**
 * Checks a backup and makes it a data directory.
 * @throws CodedError `DATA_DIR_UNUSABLE` when the directory is not empty, those of `verify`
 */
export async function restore({ from, dataDir, genesis }: RestoreOptions, output: Output): Promise<void> {
  const source = requireDatabase(resolve(from));
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0) {
    throw new CodedError("DATA_DIR_UNUSABLE", `${dataDir} is not empty`, { path: dataDir });
  }
  const chain = chainFacts(genesis);
  const draft = createDraft(dataDir);
  try {
    cpSync(source, join(draft, DATABASE));
    copyKeys(from, draft);
    await probeDatabase(join(draft, DATABASE));
    const faults = await verifyDatabase(join(draft, DATABASE), chain, output);
    if (faults > 0) throw new CodedError("STORE_CORRUPT", `the backup ${source} has ${faults} faults`, { faults });
    await renameInstance(join(draft, DATABASE));
    putInPlace(draft, dataDir);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  output.print(`${from} is restored to ${dataDir}\n`);
}
