/** `counterpart export`: writes blocks of the chain to a file that other clients import. */

import { closeSync, existsSync, fsyncSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { StoreReader } from "@counterpart/core/ports/store";
import { encodedBlocks, headNumber } from "../engine/stored-blocks.ts";
import { probeDatabase } from "../store/probe.ts";
import { openSharedStore } from "../store/shared-store.ts";
import { makeWholeFile, requireDatabase } from "./draft.ts";
import { invalidConfig } from "./invalid-config.ts";
import { createMeter, type WorkOutput } from "./render/progress.ts";

export interface ExportOptions {
  readonly dataDir: string;
  /** To be made. */
  readonly file: string;
  /** Number of the first block; 1 when absent, as whoever imports has the genesis. */
  readonly from?: number;
  /** Number of the last block; the head's when absent. */
  readonly to?: number;
}

/** After so many bytes, or blocks, a signal to end is heard. */
const BYTES_PER_TURN = 4 * 1024 * 1024;
const BLOCKS_PER_TURN = 256;

interface Written {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

async function writeBlocks(
  rows: StoreReader,
  path: string,
  { from = 1, to }: ExportOptions,
  output: WorkOutput,
): Promise<Written> {
  const head = headNumber(rows);
  const last = to ?? head;
  if (last > head) throw invalidConfig(`--to ${last}: the chain ends with block ${head}`);
  if (from > last + 1) throw invalidConfig(`--from ${from} is after block ${last}`);
  const show = createMeter(output, "blocks");
  let blocks = 0;
  let bytes = 0;
  let turnAt = 0;
  const file = openSync(path, "wx", 0o644);
  try {
    for (const encoded of encodedBlocks(rows, from, last)) {
      for (let at = 0; at < encoded.length; ) at += writeSync(file, encoded, at);
      bytes += encoded.length;
      show("writing", ++blocks, last - from + 1);
      if (bytes < turnAt && blocks % BLOCKS_PER_TURN !== 0) continue;
      turnAt = bytes + BYTES_PER_TURN;
      await turn();
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return { from, to: last, bytes };
}

/**
 * Writes the blocks of one moment, also while a node uses the data directory.
 * @throws CodedError `INVALID_CONFIG` for a range that is not there or a file that is, `PRUNED` when a body is not held,
 * `DATA_DIR_UNUSABLE`, `STORE_CORRUPT`, `STORE_VERSION`
 */
export async function exportChain(options: ExportOptions, output: WorkOutput): Promise<void> {
  const path = requireDatabase(resolve(options.dataDir));
  const target = resolve(options.file);
  if (existsSync(target)) throw invalidConfig(`${target} is there already: name a new file`);
  await probeDatabase(path);
  const store = openSharedStore(path);
  try {
    const written = await makeWholeFile(target, output, (draft) => writeBlocks(store, draft, options, output));
    const { from, to, bytes } = written;
    output.print(`blocks ${from} to ${to}, ${bytes} bytes, are in ${target}
`);
  } finally {
    await store.close();
  }
}
