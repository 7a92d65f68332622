/**
 * Holds the index of logs as it should be: makes the items of blocks that an older version wrote without them, and
 * gathers blocks that are far enough below the head in sections. It works in slices among the other writers, each of them
 * one write that leaves the index whole, so that a restart goes on where it was.
 */

import { bytesToBigInt, viewOf } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { decodeAnyReceipts } from "@counterpart/core/chain/receipt";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { Store, StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import { isAdopting } from "./adopted.ts";
import {
  bucketOf,
  ENTRY_BYTES,
  entriesKey,
  type LogBounds,
  logBoundsRow,
  readLogBounds,
  sectionRow,
} from "./log-index.ts";
import { encodeItems, ITEM_BYTES } from "./log-items.ts";
import { rowsOf } from "./paging.ts";
import { numberKey } from "./rows.ts";
import type { WriterQueue } from "./writer-queue.ts";

export interface SectionLimits {
  /** A section has so many blocks, at most 65,536, or ends with the one that reaches so many items. */
  readonly blocks: number;
  readonly items: number;
  /** So many blocks below the head nothing is gathered: they are the ones that reorganisations take back. */
  readonly depth: number;
}

/** Sections of which each takes some ten milliseconds to make. */
export const SECTION_LIMITS: SectionLimits = { blocks: 1_024, items: 65_536, depth: 64 };
/** Entries of a row, on average, at most. */
const ENTRIES_PER_ROW = 512;
const BITS_MAX = 12;
const BLOCKS_PER_SLICE = 256;
const ITEMS_PER_SLICE = 65_536;
/** Places a block takes in the number that an entry is sorted by. */
const PLACES = 65_536;

export interface LogKeeperDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly queue: Pick<WriterQueue, "run">;
  /** Number of the head, and of the block whose state was taken over. */
  readonly head: () => number;
  readonly adopted: () => number;
  readonly limits?: SectionLimits;
}

export interface LogKeeper {
  /** To be called when the head has moved. Sees to it that the index is as it should be; resolves when it is. */
  run(): Promise<void>;
}

/**
 * What the index has of a block, from its receipts; empty where it has no logs.
 * @throws CodedError `STORE_CORRUPT`
 */
export function storedItems(rows: Pick<StoreReader, "get">, hash: Uint8Array | undefined): Uint8Array {
  const receipts = hash === undefined ? undefined : rows.get("receipts", hash);
  if (receipts === undefined) throw new CodedError("STORE_CORRUPT", "the receipts of a block are not held");
  return encodeItems(decodeAnyReceipts(receipts));
}

/** Puts the blocks up to the start, the last one first, into the index. */
function recall(store: StoreReader, { start }: LogBounds, wanted: number): StoreWrite[] {
  const rows: StoreWrite[] = [];
  let items = 0;
  let at = start;
  while (at > wanted && start - at < BLOCKS_PER_SLICE && items < ITEMS_PER_SLICE) {
    const key = numberKey(at--);
    const value = storedItems(store, store.get("canonical", key));
    if (value.length > 0) rows.push({ table: "logItems", key, value });
    items += value.length / ITEM_BYTES;
  }
  return [...rows, logBoundsRow({ start: at, gathered: at })];
}

/** Entries of a section's blocks as numbers in the order of the rows: item, then place. */
function entriesFrom(store: StoreReader, first: number, { blocks, items }: SectionLimits) {
  const entries: number[] = [];
  let last = first + blocks - 1;
  for (const { key, value } of rowsOf(store, "logItems", numberKey(first), numberKey(last + 1))) {
    const number = Number(bytesToBigInt(key));
    const view = viewOf(value);
    for (let at = 0; at < view.byteLength; at += ITEM_BYTES) entries.push(view.getUint32(at) * PLACES + number - first);
    if (entries.length < items) continue;
    last = number;
    break;
  }
  return { last, entries: Float64Array.from(entries).sort() };
}

/** The rows of a section with these entries, in order. */
export function* entryRows(
  first: number,
  bits: number,
  entries: Float64Array,
): Generator<StoreWrite & { value: Uint8Array }> {
  const itemAt = (at: number): number => Math.floor((entries[at] as number) / PLACES);
  for (let begin = 0; begin < entries.length; ) {
    const bucket = bucketOf(itemAt(begin), bits);
    let end = begin;
    while (end < entries.length && bucketOf(itemAt(end), bits) === bucket) end++;
    const value = new Uint8Array((end - begin) * ENTRY_BYTES);
    const view = viewOf(value);
    for (let at = begin; at < end; at++) {
      const item = itemAt(at);
      view.setUint32((at - begin) * ENTRY_BYTES, item);
      view.setUint16((at - begin) * ENTRY_BYTES + ITEM_BYTES, (entries[at] as number) - item * PLACES);
    }
    yield { table: "logEntries", key: entriesKey(first, bucket), value };
    begin = end;
  }
}

/** Gathers the blocks after those that are gathered. What a branch that lost has left behind there goes first. */
function* gather(store: StoreReader, { start, gathered }: LogBounds, limits: SectionLimits): Generator<StoreWrite> {
  const first = gathered + 1;
  for (const table of ["logSections", "logEntries"] as const) {
    for (const { key } of rowsOf(store, table, numberKey(first))) yield { table, key, value: null };
  }
  const { last, entries } = entriesFrom(store, first, limits);
  const bits = Math.min(BITS_MAX, Math.max(0, Math.ceil(Math.log2(entries.length / ENTRIES_PER_ROW))));
  yield* entryRows(first, bits, entries);
  yield sectionRow({ first, last, bits });
  yield logBoundsRow({ start, gathered: last });
}

export function createLogKeeper(deps: LogKeeperDeps): LogKeeper {
  const { store, clock, logger, queue, head, adopted, limits = SECTION_LIMITS } = deps;
  let running: Promise<void> | undefined;

  const isComplete = ({ start }: LogBounds): boolean => start <= adopted();
  const isGathered = ({ gathered }: LogBounds): boolean => head() - limits.depth - gathered < limits.blocks;
  /** One slice; returns whether there was anything to do. */
  const step = (): boolean => {
    if (isAdopting(store)) return false;
    const bounds = readLogBounds(store);
    if (!isComplete(bounds)) store.write(recall(store, bounds, adopted()));
    else if (!isGathered(bounds)) store.write([...gather(store, bounds, limits)]);
    else return false;
    return true;
  };
  const slices = async (): Promise<void> => {
    const bounds = readLogBounds(store);
    if (isComplete(bounds) && isGathered(bounds)) return;
    const isRecalling = !isAdopting(store) && !isComplete(bounds);
    if (isRecalling) logger.info("the index of logs is being made, from this block backwards", { start: bounds.start });
    while (await queue.run(async () => step())) await new Promise<void>((resolve) => clock.setTimer(0, resolve));
    if (isRecalling) logger.info("logs are indexed from this block on", { start: readLogBounds(store).start });
  };
  const run = async (): Promise<void> => {
    try {
      await slices();
    } catch (error) {
      if (!isCodedError(error, "NOT_READY")) logger.error("logs are not indexed as wanted", { error: String(error) });
    } finally {
      running = undefined;
    }
  };
  return {
    run() {
      running ??= run();
      return running;
    },
  };
}
