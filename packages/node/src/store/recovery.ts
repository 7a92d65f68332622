/** Brings what the log has and the database lacks into the database. */

import { rmSync } from "node:fs";
import type { Store, StoreWrite } from "@counterpart/core/ports/store";
import {
  damagedLog,
  type LoggedWrites,
  lastRows,
  logFiles,
  missingWrites,
  positionRow,
  readLogFile,
  readPosition,
} from "./write-log.ts";

type Database = Pick<Store, "get" | "write">;

function* rowsToTake(file: LoggedWrites): Iterable<StoreWrite> {
  yield* lastRows(file);
  const last = file.writes.at(-1)?.number;
  if (last !== undefined) yield positionRow({ id: file.id, last });
}

/**
 * Each file in one write. What the database has already is left out.
 * @throws CodedError `STORE_WRITE_FAILED`, `STORE_CORRUPT`
 */
export function takeMissing(database: Database, files: readonly LoggedWrites[]): void {
  for (const file of missingWrites(files, readPosition(database))) database.write(rowsToTake(file));
}

/**
 * What is in a file whose writer knows what it wrote: it must not be given up before the database has all of that.
 * @throws CodedError `STORE_WRITE_FAILED`, `STORE_CORRUPT` when it ends before write `last`
 */
export function takeWhole(database: Database, path: string, last: number): void {
  const file = readLogFile(path);
  const found = file.writes.at(-1)?.number;
  if (found !== last) throw damagedLog(path, `it was written up to ${last} and is whole up to ${found ?? "nothing"}`);
  takeMissing(database, [file]);
}

/**
 * What a process that was killed left; then its log is no longer needed.
 * @throws CodedError `STORE_WRITE_FAILED`, `STORE_CORRUPT`
 */
export function recover(database: Database, path: string): void {
  const files = logFiles(path);
  takeMissing(database, files.map(readLogFile));
  for (const file of files) rmSync(file);
}
