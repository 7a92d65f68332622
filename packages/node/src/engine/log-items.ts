/**
 * What of a log can be asked for: its address, and each of its topics at its position. The index of logs knows such an
 * item by 32 bits of a hash. Two items may have the same: then a block is looked at that has no such log, as with a
 * bloom. It need not be a strong hash, as whoever makes items collide gains no more than that.
 */

import { type Hex, viewOf } from "@counterpart/core/base/bytes";
import type { Log } from "@counterpart/core/chain/types";

/** An address, or the position of a topic. */
export const ADDRESS_ITEM = 4;
/** A log has no more topics (LOG4). */
const TOPICS_MAX = 4;
export const ITEM_BYTES = 4;

/** FNV-1a over the text, spread by the finalizer of MurmurHash3. @param kind `ADDRESS_ITEM`, or a topic's position */
export function itemOf(kind: number, value: Hex): number {
  let hash = Math.imul(0x811c9dc5 ^ kind, 0x01000193);
  for (let at = 2; at < value.length; at++) hash = Math.imul(hash ^ value.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The distinct items of a block's logs in ascending order, four bytes each; empty for none. */
export function encodeItems(receipts: readonly { readonly logs: readonly Log[] }[]): Uint8Array {
  const items: number[] = [];
  for (const { logs } of receipts) {
    for (const { address, topics } of logs) {
      items.push(itemOf(ADDRESS_ITEM, address));
      for (let at = 0; at < topics.length && at < TOPICS_MAX; at++) items.push(itemOf(at, topics[at] as Hex));
    }
  }
  if (items.length === 0) return new Uint8Array(0);
  const sorted = Uint32Array.from(items).sort();
  const bytes = new Uint8Array(sorted.length * ITEM_BYTES);
  const view = viewOf(bytes);
  let end = 0;
  let last = -1;
  for (const item of sorted) {
    if (item !== last) view.setUint32(end, item);
    end += item === last ? 0 : ITEM_BYTES;
    last = item;
  }
  return bytes.slice(0, end);
}

/** The first place of `stride` bytes in ascending rows whose leading four bytes are not below the item. */
export function placeOfItem(view: DataView, item: number, stride: number): number {
  let low = 0;
  let high = view.byteLength / stride;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (view.getUint32(middle * stride) < item) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether a block with these encoded items has one. */
export function hasItem(view: DataView, item: number): boolean {
  const place = placeOfItem(view, item, ITEM_BYTES) * ITEM_BYTES;
  return place < view.byteLength && view.getUint32(place) === item;
}
