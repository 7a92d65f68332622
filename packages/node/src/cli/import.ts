/** `counterpart import`: takes a chain that was sealed elsewhere into a data directory. */

import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { CodedError, isCodedError, reasonOf } from "@counterpart/core/base/errors";
import { rlpItems } from "@counterpart/core/codec/rlp-stream";
import type { ForeignGenesis } from "@counterpart/core/consensus/foreign-genesis";
import { type ChainImport, createChainImport } from "../engine/chain-import.ts";
import { foreignGenesisHash } from "../engine/imported.ts";
import { openDataDir } from "../store/data-dir.ts";
import { genesisIn } from "../store/data-dir-genesis.ts";
import { readForeignGenesis, readGenesis } from "../store/genesis-file.ts";
import { openLmdbStore } from "../store/lmdb-store.ts";
import { probeDatabase } from "../store/probe.ts";
import { openBlocksFile } from "./blocks-file.ts";
import { DATABASE } from "./draft.ts";
import { createImportMeter, type ImportMeter, progressLine, summaryLines } from "./import-progress.ts";
import { invalidConfig } from "./invalid-config.ts";
import type { WorkOutput } from "./render/progress.ts";

export interface ImportOptions {
  /** Path of the genesis file, as other clients have it. */
  readonly genesis: string;
  /** Path of the blocks, one encoding after the other, compressed by gzip or not. */
  readonly file: string;
  readonly dataDir: string;
  /** Progress and result as lines of JSON. */
  readonly json?: boolean;
}

export interface ImportOutput extends WorkOutput {
  /** Whether it is to end after the present block. */
  isStopped(): boolean;
}

/** Far above what the gas of a block pays for. */
const BLOCK_BYTES_MAX = 64 * 1024 * 1024;
const PROGRESS_MS = 1_000;

/** @throws CodedError `INVALID_CONFIG` when there is no such file */
function sizeOf(path: string): number {
  try {
    const facts = statSync(path);
    if (!facts.isDirectory()) return facts.size;
  } catch (error) {
    throw invalidConfig(`the file of blocks ${path} cannot be read: ${reasonOf(error)}`);
  }
  throw invalidConfig(`the file of blocks ${path} is a folder`);
}

/** What is wrong with the file rather than with a block. */
function fileError(error: unknown, last: number | undefined): unknown {
  if (isCodedError(error) && error.code !== "INVALID_RLP") return error;
  const place = last === undefined ? "at its beginning" : `after block ${last}`;
  const reason = reasonOf(error);
  return new CodedError("INVALID_CHAIN_FILE", `the file of blocks cannot be read ${place}: ${reason}`, {
    after: last ?? null,
  });
}

/** Takes in one block after the other; resolves to whether the file came to its end. */
async function takeAll(chain: ChainImport, path: string, meter: ImportMeter, output: Reporter): Promise<boolean> {
  const source = openBlocksFile(path);
  let last: number | undefined;
  let bytes = 0;
  try {
    for await (const encoded of rlpItems(source.bytes, BLOCK_BYTES_MAX)) {
      const block = await chain.add(encoded);
      last = block.header.number;
      bytes += encoded.length;
      meter.note(block, source.behind(bytes));
      output.tick();
      if (output.isStopped()) return false;
    }
  } catch (error) {
    throw fileError(error, last);
  } finally {
    source.close();
  }
  if (last === undefined) throw new CodedError("INVALID_CHAIN_FILE", "the file of blocks is empty");
  return true;
}

interface Reporter {
  isStopped(): boolean;
  /** Tells how far it has come, now and then. */
  tick(): void;
  end(kind: "done" | "stopped"): void;
  fail(error: unknown): void;
}

function createReporter(meter: ImportMeter, json: boolean, output: ImportOutput): Reporter {
  const say = (kind: string, more: object): void => output.print(`${JSON.stringify({ kind, ...more })}\n`);
  let saidAt = output.now();
  return {
    isStopped: output.isStopped,
    tick() {
      if (output.now() - saidAt < PROGRESS_MS) return;
      saidAt = output.now();
      const progress = meter.progress();
      if (json) say("progress", progress);
      else output.progress?.(progressLine(progress));
    },
    end(kind) {
      if (json) return say(kind, meter.progress());
      output.print(summaryLines(meter.progress()));
      if (kind === "stopped") output.print("stopped; the same command goes on from here\n");
    },
    fail(error) {
      const code = isCodedError(error) ? error.code : null;
      if (json) say("failed", { ...meter.progress(), code, message: error instanceof Error ? error.message : null });
      else output.print(summaryLines(meter.progress()));
    },
  };
}

/** Whatever the end was, the blocks before it are written; what the disk refused is not tried again. */
async function run(chain: ChainImport, path: string, meter: ImportMeter, reporter: Reporter): Promise<boolean> {
  try {
    const isWhole = await takeAll(chain, path, meter, reporter);
    chain.flush();
    reporter.end(isWhole ? "done" : "stopped");
    return isWhole;
  } catch (error) {
    if (!isCodedError(error, "STORE_WRITE_FAILED")) chain.flush();
    reporter.fail(error);
    throw error;
  }
}

/** A node would not start on the chain beside a genesis file of another. @throws CodedError `INVALID_GENESIS` */
function checkGenesisIn(dataDir: string, genesis: ForeignGenesis): void {
  const path = genesisIn(dataDir);
  if (path === undefined) return;
  const there = readGenesis(path);
  if ("foreign" in there && foreignGenesisHash(there.foreign) === foreignGenesisHash(genesis)) return;
  const advice = "name another --data-dir, or take that file away";
  throw new CodedError("INVALID_GENESIS", `${path} is of another chain than the one to be imported`, { path, advice });
}

/**
 * Imports a chain, or goes on with it where an earlier run ended.
 * @returns false when it was stopped before the end of the file
 * @throws CodedError `INVALID_GENESIS`, `INVALID_CONFIG`, `INVALID_CHAIN_FILE`, `INVALID_BLOCK`, `INVALID_HEADER`; those of
 * opening a data directory. The blocks before one that is refused stay
 */
export async function importChain(options: ImportOptions, output: ImportOutput): Promise<boolean> {
  const genesis = readForeignGenesis(options.genesis);
  checkGenesisIn(options.dataDir, genesis);
  const bytes = sizeOf(options.file);
  const dataDir = await openDataDir(options.dataDir);
  try {
    const path = join(resolve(options.dataDir), DATABASE);
    await probeDatabase(path);
    const store = openLmdbStore(path);
    try {
      const chain = createChainImport({ store, genesis, clock: { now: output.now } });
      const meter = createImportMeter(chain.head(), bytes, output.now);
      return await run(chain, options.file, meter, createReporter(meter, options.json === true, output));
    } finally {
      await store.close();
    }
  } finally {
    await dataDir.release();
  }
}
