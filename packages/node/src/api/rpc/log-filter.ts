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

/** What the index of logs is asked for. */
export const itemsOf = ({ addresses, topics }: LogFilter): ItemGroups =>
  [
    addresses.map((address) => itemOf(ADDRESS_ITEM, address)),
    ...topics.map((wanted, at) => wanted.map((topic) => itemOf(at, topic))),
  ].filter((alternatives) => alternatives.length > 0);

/** A filter made ready: how many alternatives it has costs time once, and not with every log. */
export interface LogMatcher {
  /** False means that no log of the block with this bloom matches, true that one may. */
  mayBeIn(bloom: Uint8Array): boolean;
  matches(log: Log): boolean;
}

export function createLogMatcher({ addresses, topics }: LogFilter): LogMatcher {
  const groups = [addresses, ...topics]
    .filter((alternatives) => alternatives.length > 0)
    .map((alternatives) => alternatives.map(bloomBits));
  const senders = new Set(addresses);
  const wanted = topics.map((alternatives) => new Set(alternatives));
  return {
    mayBeIn: (bloom) =>
      groups.every((alternatives) => alternatives.some((bits) => bits.every((bit) => hasBloomBit(bloom, bit)))),
    matches(log) {
      if (senders.size > 0 && !senders.has(log.address)) return false;
      if (wanted.length > log.topics.length) return false;
      return wanted.every((alternatives, at) => alternatives.size === 0 || alternatives.has(log.topics[at] as Hex));
    },
  };
}
