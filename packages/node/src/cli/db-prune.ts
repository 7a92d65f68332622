/** `counterpart db prune`: forgets the states of old blocks, and gives room that nothing uses back to the disk. */

import { renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { CodedError } from "@counterpart/core/base/errors";
import { isAdopting } from "../engine/adopted.ts";
import { readHistoryStart } from "../engine/history.ts";
import { forgottenRows } from "../engine/history-keeper.ts";
import { headNumber } from "../engine/stored-blocks.ts";
import { syncFolder } from "../keys/secret-file.ts";
import { openDataDir } from "../store/data-dir.ts";
import { type LmdbStore, openLmdbStore } from "../store/lmdb-store.ts";
import { probeDatabase } from "../store/probe.ts";
import { watchCopy } from "./copy-progress.ts";
import { DATABASE, requireDatabase, syncFile } from "./draft.ts";
import { createMeter, type WorkOutput } from "./render/progress.ts";

export interface PruneOptions {
  readonly dataDir: string;
  /** Blocks before the head whose state is kept; all that there are when absent. */
  readonly history?: number;
}

type PruneOutput = Pick<WorkOutput, "progress" | "now" | "onStop">;

export interface Pruned {
  readonly path: string;
  /** First block whose state can be read, before and after. */
  readonly history_start_before: number;
  readonly history_start: number;
  readonly bytes_before: number;
  readonly bytes: number;
}

/** In writes of bounded size, each of which leaves the history whole. @returns where it begins now */
function forget(store: LmdbStore, history: number | undefined, output: PruneOutput): number {
  const first = readHistoryStart(store);
  const wanted = history === undefined ? first : Math.max(first, headNumber(store) - history);
  const show = createMeter(output, "blocks");
  for (let start = first; start < wanted; start = readHistoryStart(store)) {
    store.write(forgottenRows(store, start, wanted));
    show("forgetting states", readHistoryStart(store) - first, wanted - first);
  }
  return wanted;
}

/**
 * Puts a copy without free pages in the place of the database. Until the copy has its name the database is untouched. Closes the store.
 * The lock file belongs to the old one: what it says of its transactions would mislead whoever opens the new one.
 */
async function compact(store: LmdbStore, path: string, output: PruneOutput): Promise<void> {
  const draft = `${path}.compact.tmp`;
  const remove = (): void => rmSync(draft, { force: true });
  remove();
  output.onStop?.(remove);
  try {
    await watchCopy(path, draft, output, () => store.copyTo(draft)).finally(() => store.close());
    syncFile(draft);
    renameSync(draft, path);
    rmSync(`${path}-lock`, { force: true });
    syncFolder(resolve(path, ".."));
  } finally {
    remove();
  }
}

/**
 * The data directory is locked meanwhile. A node that is started with a longer --history makes the states again, from
 * the previous values that every block keeps.
 * @throws CodedError `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE`, `STORE_CORRUPT`, `STORE_VERSION`, `STORE_WRITE_FAILED`
 * when the disk has no room for the copy; `NOT_READY` while a state is being taken over
 */
export async function prune({ dataDir, history }: PruneOptions, output: PruneOutput): Promise<Pruned> {
  const path = requireDatabase(resolve(dataDir));
  // Nobody goes on when the launcher has ended.
  output.onStop?.(() => {});
  const held = await openDataDir(dataDir);
  try {
    await probeDatabase(path);
    const store = openLmdbStore(join(held.path, DATABASE), { migrates: false });
    let isOpen = true;
    try {
      if (isAdopting(store))
        throw new CodedError("NOT_READY", "a state is being taken over: let the node finish first");
      const before = { start: readHistoryStart(store), bytes: statSync(path).size };
      const start = forget(store, history, output);
      isOpen = false;
      await compact(store, path, output);
      return {
        path,
        history_start_before: before.start,
        history_start: start,
        bytes_before: before.bytes,
        bytes: statSync(path).size,
      };
    } finally {
      if (isOpen) await store.close();
    }
  } finally {
    await held.release();
  }
}
