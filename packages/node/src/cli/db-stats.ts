/** `counterpart db stats`: what the database holds, table by table. */

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { isAdopting } from "../engine/adopted.ts";
import { readHistoryStart } from "../engine/history.ts";
import { headNumber } from "../engine/stored-blocks.ts";
import type { StoreStats } from "../store/lmdb-store.ts";
import { probeDatabase } from "../store/probe.ts";
import { openSharedStore } from "../store/shared-store.ts";
import { requireDatabase } from "./draft.ts";
import type { Style } from "./render/style.ts";
import { renderFields, renderTable } from "./render/table.ts";
import { size } from "./render/units.ts";

export interface DatabaseStats extends StoreStats {
  readonly path: string;
  readonly fileBytes: number;
  /** Number of the head. */
  readonly head: number;
  /** First block whose state can be read; undefined while a state is taken over. */
  readonly historyStart: number | undefined;
}

/**
 * Counts, also while a node uses the database; the probe's process meets a damaged file in this one's place.
 * @throws CodedError `DATA_DIR_UNUSABLE`, `STORE_CORRUPT`, `STORE_VERSION`
 */
export async function readStats(dataDir: string): Promise<DatabaseStats> {
  const path = requireDatabase(resolve(dataDir));
  await probeDatabase(path);
  const store = openSharedStore(path);
  try {
    const historyStart = isAdopting(store) ? undefined : readHistoryStart(store);
    return { ...store.stats(), path, fileBytes: statSync(path).size, head: headNumber(store), historyStart };
  } finally {
    await store.close();
  }
}

const COLUMNS = [
  { title: "table" },
  { title: "rows", isRight: true },
  { title: "size", isRight: true },
  { title: "share", isRight: true },
];

export function renderStats(stats: DatabaseStats, style: Style): string {
  const { path, fileBytes, freeBytes, head, historyStart } = stats;
  const tables = stats.tables.filter(({ rows }) => rows > 0).sort((a, b) => b.bytes - a.bytes);
  const total = tables.reduce((sum, { bytes }) => sum + bytes, 0);
  const share = (bytes: number): string => `${total === 0 ? 0 : Math.round((bytes / total) * 100)} %`;
  const rows = tables.map(({ name, rows: count, bytes }) => [name, String(count), size(bytes), share(bytes)]);
  const fields = [
    ["file", path],
    ["size", `${size(fileBytes)}, of which ${size(freeBytes + fileBytes - stats.bytes)} can be used again`],
    ["head", `block ${head}`],
    ["states", historyStart === undefined ? "being taken over" : `from block ${historyStart}`],
  ] as const;
  return `${renderFields(fields, style)}\n${renderTable(COLUMNS, rows, style)}`;
}

export const statsJson = (stats: DatabaseStats): object => ({
  path: stats.path,
  file_bytes: stats.fileBytes,
  used_bytes: stats.bytes - stats.freeBytes,
  free_bytes: stats.freeBytes + stats.fileBytes - stats.bytes,
  head: stats.head,
  history_start: stats.historyStart ?? null,
  tables: stats.tables,
});
