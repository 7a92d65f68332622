/**
 * Fills an empty state by ranges of accounts: a few segments of the key space side by side, pages written with the place
 * where their segment goes on, so that an interruption costs none that was written. A full page is written at once;
 * meagre ones wait for a few more, so that a peer whose pages are tiny does not make this node write all the time.
 */

import { bigIntToFixedBytes, bytesToBigInt, compareBytes } from "@counterpart/core/base/bytes";
import { asBytes, asList, decodeRlp, encodeRlp } from "@counterpart/core/codec/rlp";
import type { StatePortion } from "../engine/adoption.ts";
import { createWriterQueue } from "../engine/writer-queue.ts";
import { chunks, inLanes } from "./lanes.ts";
import { ACCOUNTS_AT_A_TIME, PORTION_BYTES_MAX, PORTION_BYTES_MIN, PORTION_PAGES_MAX, SEGMENTS_MAX } from "./limits.ts";
import { createStateCollector, keeping } from "./state-collector.ts";
import { bringAccounts, nextKey, type StateParts } from "./state-parts.ts";

/** Accounts that are still to be fetched: keys from `next` to `last`, both included. */
export interface Segment {
  readonly next: Uint8Array;
  readonly last: Uint8Array;
}

const KEY_BYTES = 32;
const LOWEST = new Uint8Array(KEY_BYTES);
const HIGHEST = new Uint8Array(KEY_BYTES).fill(0xff);
const ITEM_LIMITS = { depthMax: 3, itemsMax: 8 * SEGMENTS_MAX };

export const WHOLE_STATE: readonly Segment[] = [{ next: LOWEST, last: HIGHEST }];

export const encodeSegments = (segments: readonly Segment[]): Uint8Array =>
  encodeRlp(segments.map(({ next, last }) => [next, last]));

export function decodeSegments(bytes: Uint8Array): readonly Segment[] {
  return asList(decodeRlp(bytes, ITEM_LIMITS), "segments").map((item) => {
    const [next, last] = asList(item, "segment", 2);
    return { next: asBytes(next, "next", KEY_BYTES), last: asBytes(last, "last", KEY_BYTES) };
  });
}

/** Which part of the key space is no longer open, from 0 to 1: of an even state, the part that is there. */
export function filledPart(segments: readonly Segment[]): number {
  const open = segments.reduce((sum, { next, last }) => sum + bytesToBigInt(last) - bytesToBigInt(next) + 1n, 0n);
  return 1 - Number(open) / 2 ** 256;
}

/** Cuts what a page from the lowest key on has left into about as many segments as there are pages in it. */
export function cutRest(next: Uint8Array, last: Uint8Array): readonly Segment[] {
  const [from, end] = [bytesToBigInt(next), bytesToBigInt(last)];
  const pages = from === 0n ? BigInt(SEGMENTS_MAX) : (end - from) / from + 1n;
  const count = pages < BigInt(SEGMENTS_MAX) ? pages : BigInt(SEGMENTS_MAX);
  const width = (end - from + 1n) / count;
  return Array.from({ length: Number(count) }, (_, index): Segment => {
    const start = from + width * BigInt(index);
    const isLast = BigInt(index) === count - 1n;
    return {
      next: bigIntToFixedBytes(start, KEY_BYTES),
      last: bigIntToFixedBytes(isLast ? end : start + width - 1n, KEY_BYTES),
    };
  });
}

/** A segment as far as it has been written. */
interface OpenSegment {
  next: Uint8Array;
  readonly last: Uint8Array;
}

/**
 * Fetches what is left of the segments. With accounts of several states, where the target moved in between, the state is
 * none yet: what differs is brought afterwards.
 * @throws CodedError `PRUNED` when nobody has the target's state any more, `STORE_WRITE_FAILED`
 */
export async function fillState(parts: Omit<StateParts, "into">, segments: readonly Segment[]): Promise<void> {
  const { adoption, source, target } = parts;
  const open = new Set<OpenSegment>(segments.map((segment) => ({ ...segment })));
  /** Each write tells how far all segments have come: it has to know what became of the one before. */
  const queue = createWriterQueue();
  const write = async (portion: StatePortion, segment: OpenSegment, next: Uint8Array | undefined): Promise<void> => {
    const left = [...open].filter((one) => one !== segment);
    if (next !== undefined) left.push({ ...segment, next });
    await adoption.write(portion, encodeSegments(left));
    if (next === undefined) open.delete(segment);
    else segment.next = next;
  };

  /** Fetches a segment, or the first page of it. */
  const fill = async (segment: OpenSegment, isFirstOnly: boolean): Promise<void> => {
    /** Where the next page starts; undefined behind the last one. What is written tells of it, and nobody before. */
    let start: Uint8Array | undefined = segment.next;
    const into = createStateCollector(PORTION_BYTES_MAX, (portion) => {
      const next = start;
      return queue.run(() => write(portion, segment, next));
    });
    /** Gathers a page with all that belongs to it; whether the segment goes on. */
    const gatherPage = async (from: Uint8Array): Promise<boolean> => {
      const page = await source.accounts(target, from);
      const accounts = page.accounts.filter(({ key }) => compareBytes(key, segment.last) <= 0);
      for (const some of chunks(accounts, ACCOUNTS_AT_A_TIME)) await bringAccounts({ ...parts, into }, some);
      const end = page.accounts.at(-1)?.key;
      const isOver = !page.more || end === undefined || compareBytes(end, segment.last) >= 0;
      start = isOver ? undefined : nextKey(end);
      return start !== undefined;
    };
    await keeping(into, async () => {
      let waiting = 0;
      for (let goesOn = true; goesOn && start !== undefined; goesOn &&= !isFirstOnly) {
        goesOn = await gatherPage(start);
        const isMeagre = into.bytes < PORTION_BYTES_MIN && ++waiting < PORTION_PAGES_MAX;
        if (isMeagre && goesOn && !isFirstOnly) continue;
        await into.flush();
        waiting = 0;
      }
    });
  };

  const [first] = open;
  if (open.size === 1 && first !== undefined) {
    await fill(first, true);
    if (open.delete(first)) for (const segment of cutRest(first.next, first.last)) open.add({ ...segment });
  }
  await inLanes([...open], SEGMENTS_MAX, (segment) => fill(segment, false));
}
