/** Which logs a filter matches, and which blooms rule a whole block out. Pure. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import type { Log } from "@counterpart/core/chain/types";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import type { ItemGroups } from "../../engine/log-index.ts";
import { ADDRESS_ITEM, itemOf } from "../../engine/log-items.ts";

export interface LogFilter {
  /** Any of them; empty: every address. */
  readonly addresses: readonly Hex[];
  /** By position, any of the given; empty: anything. A log with fewer topics than positions does not match. */
  readonly topics: readonly (readonly Hex[])[];
}

export function matchesLog({ addresses, topics }: LogFilter, log: Log): boolean {
  if (addresses.length > 0 && !addresses.includes(log.address)) return false;
  if (topics.length > log.topics.length) return false;
  return topics.every((wanted, at) => wanted.length === 0 || wanted.includes(log.topics[at] as Hex));
}

/** What the index of logs is asked for. */
export const itemsOf = ({ addresses, topics }: LogFilter): ItemGroups =>
  [
    addresses.map((address) => itemOf(ADDRESS_ITEM, address)),
    ...topics.map((wanted, at) => wanted.map((topic) => itemOf(at, topic))),
  ].filter((alternatives) => alternatives.length > 0);

const BLOOM_BITS_MASK = 2047;

/** The three bits of an address or topic (yellow paper, section 4.3.1), as byte index and mask. */
function bloomBits(item: Hex): readonly { readonly index: number; readonly mask: number }[] {
  const hash = keccak256(hexToBytes(item));
  return [0, 2, 4].map((at) => {
    const bit = (((hash[at] as number) << 8) | (hash[at + 1] as number)) & BLOOM_BITS_MASK;
    return { index: 255 - (bit >> 3), mask: 1 << (bit & 7) };
  });
}

/** Makes the test of a block's bloom: false means that no log of the block matches, true that one may. */
export function createBloomTest({ addresses, topics }: LogFilter): (bloom: Uint8Array) => boolean {
  const groups = [addresses, ...topics]
    .filter((alternatives) => alternatives.length > 0)
    .map((alternatives) => alternatives.map(bloomBits));
  return (bloom) =>
    groups.every((alternatives) =>
      alternatives.some((bits) => bits.every(({ index, mask }) => ((bloom[index] as number) & mask) !== 0)),
    );
}
