/** `counterpart export`: writes blocks of the chain to a file that other clients import. */

import { createWriteStream, existsSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { StoreReader } from "@counterpart/core/ports/store";
import { encodedBlocks, headNumber } from "../engine/stored-blocks.ts";
import { probeDatabase } from "../store/probe.ts";
import { openSharedStore } from "../store/shared-store.ts";
import { makeWholeFile, requireDatabase } from "./draft.ts";
import { invalidConfig } from "./invalid-config.ts";
import { createMeter, type WorkOutput } from "./render/progress.ts";

export interface ExportOptions {
  readonly dataDir: string;
  /** To be made; compressed where the name ends in `.gz`. */
  readonly file: string;
  /** Number of the first block; 1 when absent, as whoever imports has the genesis. */
  readonly from?: number;
  /** Number of the last block; the head's when absent. */
  readonly to?: number;
}

interface Written {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

async function writeBlocks(
  rows: StoreReader,
  path: string,
  { file, from = 1, to }: ExportOptions,
  output: WorkOutput,
): Promise<Written> {
  const head = headNumber(rows);
  const last = to ?? head;
  if (last > head) throw invalidConfig(`--to ${last}: the chain ends with block ${head}`);
  if (from > last) throw invalidConfig(`--from ${from} is after block ${last}: there is nothing to write`);
  const show = createMeter(output, "blocks");
  function* blocks(): Iterable<Uint8Array> {
    let done = 0;
    for (const encoded of encodedBlocks(rows, from, last)) {
      yield encoded;
      show("writing", ++done, last - from + 1);
    }
  }
  // On the disk before it is closed.
  const written = createWriteStream(path, { fd: openSync(path, "wx", 0o644), flush: true });
  // As `import` reads it.
  if (file.endsWith(".gz")) await pipeline(blocks, createGzip(), written);
  else await pipeline(blocks, written);
  return { from, to: last, bytes: written.bytesWritten };
}

/**
 * Writes the blocks of one moment, also while a node uses the data directory.
 * @throws CodedError `INVALID_CONFIG` for a range or a folder that is not there or a file that is, `PRUNED` when a body is not held,
 * `DATA_DIR_UNUSABLE`, `STORE_CORRUPT`, `STORE_VERSION`
 */
export async function exportChain(options: ExportOptions, output: WorkOutput): Promise<void> {
  const path = requireDatabase(resolve(options.dataDir));
  const target = resolve(options.file);
  if (existsSync(target)) throw invalidConfig(`${target} is there already: name a new file`);
  if (!existsSync(dirname(target))) throw invalidConfig(`the folder ${dirname(target)} is not there`);
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
