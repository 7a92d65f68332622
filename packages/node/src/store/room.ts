/**
 * Room on the disk before LMDB needs it. A write that LMDB begins and the disk refuses is not just an error there: the
 * message about it overruns its buffer (lmdb 3.5.6, `mdb_page_flush`), and the process ends. So the file is made longer
 * first, with zeros behind its last page, where a refusal is an ordinary error and nothing has begun.
 */

import { closeSync, existsSync, fstatSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { CodedError, reasonOf, saysNoRoom } from "@counterpart/core/base/errors";

const STEP_BYTES = 1024 * 1024;
const ZEROS = new Uint8Array(STEP_BYTES);
/** Pages that a transaction takes beside those of its rows: the list of free pages, the tables' roots, the meta page. */
const PAGES_BESIDE = 64;
/** Pages on the way to a row that its change may copy: from the leaf up, and a neighbour when pages merge. */
const PAGES_PER_ROW = 4;

export interface FileFacts {
  /** Number of the last page that the database uses. */
  readonly lastPageNumber: number;
  readonly pageSize: number;
}

/** Makes room for one transaction, row by row. */
export interface Room {
  /** @throws CodedError `STORE_WRITE_FAILED` when the disk has none */
  take(rowBytes: number): void;
}

export interface Rooms {
  begin(): Room;
  close(): void;
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

/**
 * LMDB makes the file of its locks, which it maps, and the tables of a new database without asking: where the disk has no
 * room for them, the process ends.
 * @throws CodedError `STORE_WRITE_FAILED`
 */
export function requireRoomToOpen(path: string): void {
  if (existsSync(path) && existsSync(`${path}-lock`)) return;
  const probe = `${path}.room.tmp`;
  try {
    writeFileSync(probe, ZEROS);
  } catch (cause) {
    // Anything else LMDB says as well.
    if (!saysNoRoom(cause)) return;
    throw new CodedError("STORE_WRITE_FAILED", `there is no room to open the database ${path}: ${reasonOf(cause)}`);
  } finally {
    removeQuietly(probe);
  }
}

/** @param facts of the database as last written */
export function createRooms(path: string, facts: () => FileFacts): Rooms {
  const file = openSync(path, "r+");
  const extendTo = (bytes: number): void => {
    try {
      // Asked each time: LMDB may have made the file longer itself, and nothing of its may be overwritten.
      for (let size = fstatSync(file).size; size < bytes; ) size += writeSync(file, ZEROS, 0, STEP_BYTES, size);
    } catch (cause) {
      throw new CodedError("STORE_WRITE_FAILED", `the disk has no room for the database: ${String(cause)}`);
    }
  };
  return {
    begin() {
      const { lastPageNumber, pageSize } = facts();
      let rows = 0;
      let dataPages = PAGES_BESIDE;
      let reserved = 0;
      const take = (rowBytes: number): void => {
        rows++;
        // Rows share pages; what does not fit into one has its own.
        dataPages += (2 * rowBytes) / pageSize;
        const copied = Math.min(rows * PAGES_PER_ROW, lastPageNumber);
        const needed = (lastPageNumber + 1 + copied + Math.ceil(dataPages)) * pageSize;
        if (needed <= reserved) return;
        extendTo(needed);
        reserved = needed + STEP_BYTES / 2;
        extendTo(reserved);
      };
      take(0);
      return { take };
    },
    close: () => closeSync(file),
  };
}
