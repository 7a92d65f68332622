/** Which logs a filter matches, and which blooms rule a whole block out. Pure. */

import type { Hex } from "@counterpart/core/base/bytes";
import { bloomBits, hasBloomBit } from "@counterpart/core/chain/receipt";
import type { Log } from "@counterpart/core/chain/types";
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

/** Makes the test of a block's bloom: false means that no log of the block matches, true that one may. */
export function createBloomTest({ addresses, topics }: LogFilter): (bloom: Uint8Array) => boolean {
  const groups = [addresses, ...topics]
    .filter((alternatives) => alternatives.length > 0)
    .map((alternatives) => alternatives.map(bloomBits));
  return (bloom) =>
    groups.every((alternatives) => alternatives.some((bits) => bits.every((bit) => hasBloomBit(bloom, bit))));
}
