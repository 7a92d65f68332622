/** The index of logs against the receipts: of every block that it covers, and of no other, what they say. */

import { bytesToBigInt, EMPTY_BYTES, equalBytes, hexToBytes, viewOf } from "@counterpart/core/base/bytes";
import type { StoreReader } from "@counterpart/core/ports/store";
import {
  bucketOf,
  ENTRY_BYTES,
  entriesKey,
  type LogBounds,
  logBoundsRow,
  readLogBounds,
  type Section,
  sectionAt,
} from "../log-index.ts";
import { ITEM_BYTES, placeOfItem } from "../log-items.ts";
import { storedItems } from "../log-keeper.ts";
import { rowsOf } from "../paging.ts";
import { numberKey } from "../rows.ts";
import { headNumber } from "../stored-blocks.ts";
import { faultAt, faultOf, type StoreFault } from "./check.ts";
import { readHeader, readOwnBranch } from "./head-branch.ts";
import { readHeld } from "./held.ts";

function boundsFault({ start, gathered }: LogBounds, head: number, adopted: number): string | undefined {
  if (start > head || gathered > head) return "the index of logs begins after the head";
  if (start < adopted) return "the index of logs begins before the state that was taken over";
  return gathered < start ? "what is gathered ends before the index of logs begins" : undefined;
}

/** Blocks of the head's chain that are not on the canonical one, by number. */
function ownBlocks(rows: StoreReader): ReadonlyMap<number, Uint8Array> {
  const hashes = [...readOwnBranch(rows).own].map(hexToBytes);
  return new Map(hashes.map((hash) => [readHeader(rows, hash).number, hash]));
}

function itemsFault(rows: StoreReader, number: number, hash: Uint8Array | undefined): string | undefined {
  const wanted = storedItems(rows, hash);
  const held = rows.get("logItems", numberKey(number)) ?? EMPTY_BYTES;
  return equalBytes(held, wanted) ? undefined : "the index has other logs of the block than its receipts";
}

/** Whether the section leads from every item of the block to it. */
function leadsToAll(rows: StoreReader, { first, bits }: Section, number: number): boolean {
  const items = viewOf(rows.get("logItems", numberKey(number)) ?? EMPTY_BYTES);
  for (let at = 0; at < items.byteLength; at += ITEM_BYTES) {
    const item = items.getUint32(at);
    const entries = viewOf(rows.get("logEntries", entriesKey(first, bucketOf(item, bits))) ?? EMPTY_BYTES);
    let place = placeOfItem(entries, item, ENTRY_BYTES) * ENTRY_BYTES;
    const isBefore = (): boolean =>
      place < entries.byteLength &&
      entries.getUint32(place) === item &&
      entries.getUint16(place + ITEM_BYTES) < number - first;
    while (isBefore()) place += ENTRY_BYTES;
    if (place >= entries.byteLength || entries.getUint32(place) !== item) return false;
    if (entries.getUint16(place + ITEM_BYTES) !== number - first) return false;
  }
  return true;
}

/** Entries too many cost a query a look at a block, and are no fault: what a reorganisation left behind is such. */
function* checkSections(rows: StoreReader, bounds: LogBounds): Generator<StoreFault | undefined> {
  for (let number = bounds.start + 1; number <= bounds.gathered; ) {
    let section: Section | undefined;
    const lost = faultOf("logSections", numberKey(number), () => {
      section = sectionAt(rows, number, bounds);
      return undefined;
    });
    if (section === undefined) return yield lost;
    for (; number <= section.last; number++) {
      const isWhole = leadsToAll(rows, section, number);
      yield isWhole
        ? undefined
        : faultAt("logEntries", numberKey(section.first), `logs of block ${number} are missing`);
    }
  }
}

/** The index of blocks after the start is there, and of no block after the head. */
export function* checkLogs(rows: StoreReader): Generator<StoreFault | undefined> {
  const bounds = readLogBounds(rows);
  const head = headNumber(rows);
  const message = boundsFault(bounds, head, readHeld(rows).adopted);
  if (message !== undefined) return yield faultAt("meta", logBoundsRow(bounds).key, message);
  yield undefined;
  const own = ownBlocks(rows);
  for (let number = bounds.start + 1; number <= head; number++) {
    const key = numberKey(number);
    yield faultOf("logItems", key, () => itemsFault(rows, number, own.get(number) ?? rows.get("canonical", key)));
  }
  for (const { key } of rowsOf(rows, "logItems", numberKey(head + 1))) {
    yield faultAt("logItems", key, `block ${bytesToBigInt(key)} is not on the chain`);
  }
  yield* checkSections(rows, bounds);
}
