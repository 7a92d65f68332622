/**
 * Where logs are: which blocks may have some that a filter matches. Each block that has logs has a row with its items
 * (`logItems`), written and taken back with the block. Blocks far enough below the head are gathered in sections
 * (`logSections`), in which an item leads to its blocks (`logEntries`): a query over many blocks reads a row or two for
 * each section. The index covers the blocks after `start` up to the head; those up to `gathered` are in sections.
 */

import { bytesToBigInt, concatBytes, viewOf } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import { hasItem, placeOfItem } from "./log-items.ts";
import { metaKey, numberKey } from "./rows.ts";

const BOUNDS_KEY = metaKey("logs");
const NUMBER_BYTES = 8;
const MARKER_BYTES = NUMBER_BYTES + 1;
/** Item ‖ place of the block in its section (2 bytes). */
export const ENTRY_BYTES = 6;
/** Blocks without index, or items of single blocks, that are looked at in one step. */
const PAGE = 256;

export interface LogBounds {
  /** The blocks after this one are indexed. */
  readonly start: number;
  /** Those up to this one are in sections; not below `start`. */
  readonly gathered: number;
}

/** @throws CodedError `STORE_CORRUPT` */
export function readLogBounds(rows: Pick<StoreReader, "get">): LogBounds {
  const row = rows.get("meta", BOUNDS_KEY);
  if (row?.length !== 2 * NUMBER_BYTES) throw new CodedError("STORE_CORRUPT", "where the index of logs begins is lost");
  const view = viewOf(row);
  return { start: Number(view.getBigUint64(0)), gathered: Number(view.getBigUint64(NUMBER_BYTES)) };
}

export const logBoundsRow = ({ start, gathered }: LogBounds) =>
  ({
    table: "meta",
    key: BOUNDS_KEY,
    value: concatBytes(numberKey(start), numberKey(gathered)),
  }) as const satisfies StoreWrite;

/** The index as it is where nothing up to a block is indexed: of a genesis, or of a state that was taken over. */
export const logsFrom = (number: number) => logBoundsRow({ start: number, gathered: number });

type Rows = Pick<StoreReader, "get"> & {
  put(table: StoreWrite["table"], key: Uint8Array, value: Uint8Array | null): void;
};

/** Takes the canonical block with this number, the head, out of the index. */
export function unwindLogs(rows: Rows, number: number): void {
  rows.put("logItems", numberKey(number), null);
  const { start, gathered } = readLogBounds(rows);
  if (gathered < number) return;
  const { table, key, value } = logBoundsRow({ start: Math.min(start, number - 1), gathered: number - 1 });
  rows.put(table, key, value);
}

/** Blocks that were gathered. A later section may have been begun within: from there on it says what is true. */
export interface Section {
  readonly first: number;
  readonly last: number;
  /** How many leading bits of an item choose the row of entries. */
  readonly bits: number;
}

export const entriesKey = (first: number, bucket: number): Uint8Array => {
  const suffix = new Uint8Array(2);
  viewOf(suffix).setUint16(0, bucket);
  return concatBytes(numberKey(first), suffix);
};

export const bucketOf = (item: number, bits: number): number => (bits === 0 ? 0 : item >>> (32 - bits));

export const sectionRow = ({ first, last, bits }: Section): StoreWrite => ({
  table: "logSections",
  key: numberKey(first),
  value: concatBytes(numberKey(last), Uint8Array.of(bits)),
});

function decodeSection(key: Uint8Array, value: Uint8Array): Section {
  if (value.length !== MARKER_BYTES)
    throw new CodedError("STORE_CORRUPT", "a section of the index of logs is malformed");
  const last = Number(viewOf(value).getBigUint64(0));
  return { first: Number(bytesToBigInt(key)), last, bits: value[NUMBER_BYTES] as number };
}

/**
 * The section that says where the logs of a gathered block are, as far as it is true.
 * @throws CodedError `STORE_CORRUPT`
 */
export function sectionAt(rows: Pick<StoreReader, "range">, number: number, { gathered }: LogBounds): Section {
  const [row] = rows.range("logSections", { end: numberKey(number + 1), limit: 1, reverse: true });
  const [next] = rows.range("logSections", { start: numberKey(number + 1), limit: 1 });
  const section = row === undefined ? undefined : decodeSection(row.key, row.value);
  const nextFirst = next === undefined ? Number.POSITIVE_INFINITY : Number(bytesToBigInt(next.key));
  const last = Math.min(section?.last ?? 0, nextFirst - 1, gathered);
  if (section === undefined || last < number) {
    throw new CodedError("STORE_CORRUPT", `block ${number} is in no section of the index of logs`);
  }
  return { ...section, last };
}

/** Alternatives, of which a block must have one, of each group. */
export type ItemGroups = readonly (readonly number[])[];

/** Blocks from a number on that were looked at together. */
export interface LogStretch {
  /** Numbers, ascending, of those that may have logs that match: all, where there is no index. */
  readonly candidates: readonly number[];
  /** The last block that was looked at. */
  readonly last: number;
}

export interface LogIndex {
  /** Looks at the blocks from one number on, to another one at most. To be asked again from after `last`. */
  next(groups: ItemGroups, from: number, to: number): LogStretch;
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** Places, in their section, of the blocks that have the item. */
function placesOf(rows: Pick<StoreReader, "get">, { first, bits }: Section, item: number): number[] {
  const entries = rows.get("logEntries", entriesKey(first, bucketOf(item, bits)));
  if (entries === undefined) return [];
  const view = viewOf(entries);
  const places: number[] = [];
  for (let at = placeOfItem(view, item, ENTRY_BYTES) * ENTRY_BYTES; at < view.byteLength; at += ENTRY_BYTES) {
    if (view.getUint32(at) !== item) break;
    places.push(view.getUint16(at + 4));
  }
  return places;
}

function inSection(rows: StoreReader, section: Section, groups: ItemGroups, from: number, to: number): LogStretch {
  const last = Math.min(section.last, to);
  let found: Set<number> | undefined;
  for (const alternatives of groups) {
    const before = found;
    const places = alternatives.flatMap((item) => placesOf(rows, section, item));
    found = new Set(before === undefined ? places : places.filter((place) => before.has(place)));
    if (found.size === 0) break;
  }
  const candidates = [...(found ?? [])].map((place) => section.first + place).sort((a, b) => a - b);
  return { candidates: candidates.filter((number) => number >= from && number <= last), last };
}

/** Blocks one by one: without logs they have no row. */
function inBlocks(rows: StoreReader, groups: ItemGroups, from: number, to: number): LogStretch {
  const page = rows.range("logItems", { start: numberKey(from), end: numberKey(to + 1), limit: PAGE });
  const candidates: number[] = [];
  let last = from;
  for (const { key, value } of page) {
    const view = viewOf(value);
    last = Number(bytesToBigInt(key));
    if (groups.every((alternatives) => alternatives.some((item) => hasItem(view, item)))) candidates.push(last);
  }
  return { candidates, last: page.length < PAGE ? to : last };
}

export const createLogIndex = (rows: StoreReader): LogIndex => ({
  next(groups, from, to) {
    const bounds = readLogBounds(rows);
    if (from <= bounds.start) {
      const last = Math.min(to, bounds.start, from + PAGE - 1);
      return { candidates: numbers(from, last), last };
    }
    if (from > bounds.gathered || groups.length === 0) return inBlocks(rows, groups, from, to);
    return inSection(rows, sectionAt(rows, from, bounds), groups, from, to);
  },
});
