/** Reads a database that another process may be writing to, as it is at one moment: the file, and the log beside it. */

import { rmSync } from "node:fs";
import { isCodedError } from "@counterpart/core/base/errors";
import type { StoreReader, StoreSnapshot } from "@counterpart/core/ports/store";
import { openDatabase, type StoreStats, TABLE_NAMES } from "./lmdb-store.ts";
import { takeMissing } from "./recovery.ts";
import { createWriteBuffer, readBuffered } from "./write-buffer.ts";
import { type LoggedWrites, logFiles, loggedRows, missingWrites, readLogFile, readPosition } from "./write-log.ts";

export interface SharedStore extends StoreReader {
  /** Of the file alone. */
  stats(): StoreStats;
  /**
   * Copies everything that had been written when this store was opened, and maybe more, into a new file.
   * @throws CodedError `STORE_WRITE_FAILED`, `STORE_CORRUPT`
   */
  copyTo(path: string): Promise<void>;
  close(): Promise<void>;
}

/** The writer takes a file of its log into the database now and then, and removes it: how often that may come between. */
const ATTEMPTS = 50;

/** A file that was there a moment ago is gone, or what came before it is. */
const isOvertaken = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === "ENOENT" || isCodedError(error, "STORE_CORRUPT");

interface Moment {
  readonly stored: StoreSnapshot;
  readonly log: readonly LoggedWrites[];
  readonly missing: readonly LoggedWrites[];
}

function momentOf(database: ReturnType<typeof openDatabase>, path: string): Moment {
  for (let attempt = 1; ; attempt++) {
    database.refresh();
    const stored = database.snapshot();
    try {
      const log = logFiles(path).map(readLogFile);
      return { stored, log, missing: [...missingWrites(log, readPosition(stored))] };
    } catch (error) {
      stored.done();
      if (!isOvertaken(error) || attempt >= ATTEMPTS) throw error;
    }
  }
}

/**
 * @throws CodedError `DATA_DIR_UNUSABLE`, `STORE_CORRUPT`, `STORE_VERSION` for one that a node has to bring up to date
 */
export function openSharedStore(path: string): SharedStore {
  const database = openDatabase(path, { migrates: false });
  const { stored, log, missing } = momentOf(database, path);
  const buffer = createWriteBuffer(TABLE_NAMES);
  for (const file of missing) {
    for (const row of loggedRows(file)) buffer.put(row);
    buffer.end(buffer.record(file.writes.at(-1)?.number ?? 0), false);
  }
  return {
    ...readBuffered(stored, () => [buffer.present]),
    stats: () => database.stats(),
    async copyTo(copy) {
      await database.copyTo(copy);
      if (missing.length === 0) return;
      const copied = openDatabase(copy, { migrates: false });
      try {
        takeMissing(copied, log);
      } finally {
        await copied.close();
      }
      rmSync(`${copy}-lock`, { force: true });
    },
    async close() {
      stored.done();
      await database.close();
    },
  };
}
