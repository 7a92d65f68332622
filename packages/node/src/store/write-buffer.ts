/**
 * Rows that were written of late, in memory, over those of the database. They lie in the very records of the log, as so
 * many small arrays would keep the garbage collector busy; of each row it is known where. A reader of a moment sees what
 * lies before its end.
 */

import { copyBytes } from "@counterpart/core/base/bytes";
import type { Entry, RangeOptions, StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { keyBytes, keyText } from "./key-text.ts";
import { createRecordWriter, placesIn, rowAt, valueAt } from "./log-record.ts";

/** Where a row lies: index of the record times this, plus the place in it. */
const RECORD_SPAN = 2 ** 32;
/** What a row takes in memory besides its record, roughly. */
const ROW_BYTES = 160;

/** Where its values lie, the newest last: more than one only where an older one may be read. */
type Places = number | readonly number[];

interface BufferedTable {
  readonly rows: Map<string, Places>;
  /** Names in order, but for those of `added`. */
  names: string[];
  added: string[];
}

/** A row of the write under way that there was before. */
interface Rewritten {
  readonly rows: BufferedTable["rows"];
  readonly name: string;
  readonly before: Places;
}

interface BufferedEntry {
  readonly name: string;
  readonly value: Uint8Array | null;
}

/** What there is at one moment, or always at present. Values are copies. */
export interface BufferView {
  /** `null`: removed; undefined: nothing was written. */
  get(table: TableName, name: string): Uint8Array | null | undefined;
  /** In the order and within the bounds of `options`; the limit is the caller's. Undefined: nothing was written there. */
  range(table: TableName, options: RangeOptions): Iterator<BufferedEntry> | undefined;
}

export interface WriteBuffer {
  /** Roughly, in memory. */
  readonly bytes: number;
  readonly present: BufferView;
  /** Whether anything was put since the last write ended. */
  readonly isPending: boolean;
  /** All writes that have ended. As long as it is used, `end` has to be told. */
  freeze(): BufferView;
  put(row: StoreWrite): void;
  /** What was put since the last write ended. */
  pending(): StoreWrite[];
  /** The same as a record. */
  record(number: number): Buffer;
  /**
   * Ends a write.
   * @param record what `record` gave
   * @param keepsOlder whether views of moments are used
   */
  end(record: Buffer, keepsOlder: boolean): void;
  /** Takes back what was put since the last write ended. */
  takeBack(): void;
}

/** The last place before `end`. */
function placeBefore(places: Places | undefined, end: number): number | undefined {
  if (typeof places === "number") return places < end ? places : undefined;
  return places?.findLast((place) => place < end);
}

/** Index of the first name that is not less. */
function lowerBound(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] as string) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Two lists in order as one. */
function merged(names: readonly string[], added: readonly string[]): string[] {
  const all: string[] = [];
  let at = 0;
  for (const name of added) {
    const end = lowerBound(names, name);
    while (at < end) all.push(names[at++] as string);
    if (names[at] !== name) all.push(name);
  }
  while (at < names.length) all.push(names[at++] as string);
  return all;
}

function sortedNames(table: BufferedTable): readonly string[] {
  if (table.added.length > 0) {
    table.added.sort();
    table.names = merged(table.names, table.added);
    table.added = [];
  }
  return table.names;
}

/** @param tables whose places are their codes in the log */
export function createWriteBuffer(tables: readonly TableName[]): WriteBuffer {
  const buffered = new Map<TableName, BufferedTable>();
  const records: Buffer[] = [];
  const writer = createRecordWriter(tables);
  let recordBytes = 0;
  let rowCount = 0;
  /** Rows of the write under way, and those of them that there were before, each as often as it was put. */
  let pendingRows = 0;
  let rewritten: Rewritten[] = [];

  const storedAt = (place: number): Uint8Array | null => {
    const index = Math.floor(place / RECORD_SPAN);
    const value = valueAt(records[index] ?? writer.bytes, place - index * RECORD_SPAN);
    return value === null ? null : copyBytes(value);
  };
  const tableOf = (name: TableName): BufferedTable => {
    const known = buffered.get(name);
    if (known !== undefined) return known;
    const table: BufferedTable = { rows: new Map(), names: [], added: [] };
    buffered.set(name, table);
    return table;
  };
  function* entriesOf(table: BufferedTable, options: RangeOptions, end: number): Generator<BufferedEntry, undefined> {
    const names = sortedNames(table);
    const from = options.start === undefined ? 0 : lowerBound(names, keyText(options.start));
    const to = options.end === undefined ? names.length : lowerBound(names, keyText(options.end));
    for (let i = 0; i < to - from; i++) {
      const name = names[options.reverse === true ? to - 1 - i : from + i] as string;
      const place = placeBefore(table.rows.get(name), end);
      if (place !== undefined) yield { name, value: storedAt(place) };
    }
    return undefined;
  }
  const viewTo = (end: number): BufferView => ({
    get(table, name) {
      const place = placeBefore(buffered.get(table)?.rows.get(name), end);
      return place === undefined ? undefined : storedAt(place);
    },
    range(name, options) {
      const table = buffered.get(name);
      return table === undefined ? undefined : entriesOf(table, options, end);
    },
  });
  const clear = (): void => {
    pendingRows = 0;
    rewritten = [];
    writer.begin();
  };
  return {
    get bytes() {
      return recordBytes + writer.size + ROW_BYTES * (rowCount + pendingRows);
    },
    present: viewTo(Number.POSITIVE_INFINITY),
    freeze: () => viewTo(records.length * RECORD_SPAN),
    put(row) {
      const table = tableOf(row.table);
      const { rows, added } = table;
      const name = row.name ?? keyText(row.key);
      const place = records.length * RECORD_SPAN + writer.add(row.table, name, row.value);
      const before = rows.get(name);
      pendingRows++;
      if (before === undefined) {
        added.push(name);
        rows.set(name, place);
        return;
      }
      rewritten.push({ rows, name, before });
      rows.set(name, typeof before === "number" ? [before, place] : [...before, place]);
    },
    get isPending() {
      return pendingRows > 0;
    },
    pending() {
      const record = writer.end(0);
      return Array.from(placesIn(record, 0, record.length), (at) => rowAt(record, at, tables));
    },
    record: (number) => writer.end(number),
    end(record, keepsOlder) {
      records.push(record);
      recordBytes += record.length;
      rowCount += pendingRows;
      if (!keepsOlder) {
        for (const { rows, name } of rewritten) {
          const places = rows.get(name);
          if (typeof places === "object") rows.set(name, places.at(-1) as number);
        }
      }
      clear();
    },
    takeBack() {
      for (const { rows, name, before } of rewritten.reverse()) rows.set(name, before);
      const start = records.length * RECORD_SPAN;
      for (const table of buffered.values()) {
        const { rows } = table;
        for (const [name, places] of rows) if (placeBefore(places, start) === undefined) rows.delete(name);
        table.names = table.names.filter((name) => rows.has(name));
        table.added = table.added.filter((name) => rows.has(name));
      }
      clear();
    },
  };
}

/** A range of the database, read a page at a time as more of it is asked for. */
function* storedEntries(
  base: StoreReader,
  table: TableName,
  options: RangeOptions,
): Generator<BufferedEntry, undefined> {
  let rest = options;
  for (;;) {
    const page = base.range(table, rest);
    for (const { key, value } of page) yield { name: keyText(key), value };
    const last = page.at(-1);
    if (last === undefined || page.length < options.limit) return undefined;
    if (options.reverse === true) rest = { ...rest, end: last.key };
    else rest = { ...rest, start: Uint8Array.of(...last.key, 0) };
  }
}

/** Entries of several sources as one, in order; of those with the same name the first source's. */
function* mergedEntries(sources: readonly Iterator<BufferedEntry>[], isReverse: boolean): Iterable<BufferedEntry> {
  const heads = sources.map((source) => source.next().value as BufferedEntry | undefined);
  const isBefore = (a: string, b: string): boolean => (isReverse ? a > b : a < b);
  for (;;) {
    let first: BufferedEntry | undefined;
    for (const head of heads) {
      if (head !== undefined && (first === undefined || isBefore(head.name, first.name))) first = head;
    }
    if (first === undefined) return;
    yield first;
    for (const [at, head] of heads.entries()) if (head?.name === first.name) heads[at] = sources[at]?.next().value;
  }
}

/**
 * Reads the database with buffers over it.
 * @param views the newest first, asked for at each read
 */
export function readBuffered(base: StoreReader, views: () => readonly BufferView[]): StoreReader {
  return {
    get(table, key, name = keyText(key)) {
      for (const view of views()) {
        const value = view.get(table, name);
        if (value !== undefined) return value ?? undefined;
      }
      return base.get(table, key);
    },
    range(table, options) {
      const over = views().flatMap((view) => view.range(table, options) ?? []);
      if (over.length === 0 || options.limit <= 0) return base.range(table, options);
      const entries: Entry[] = [];
      const sources = [...over, storedEntries(base, table, options)];
      for (const { name, value } of mergedEntries(sources, options.reverse === true)) {
        if (value !== null) entries.push({ key: keyBytes(name), value });
        if (entries.length >= options.limit) break;
      }
      return entries;
    },
  };
}
