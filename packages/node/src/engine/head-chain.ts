/**
 * The chain that the head is on. Headers of a better one are put in its place before their state is here: until the head
 * moves there, what it has left is found by its parents.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { AnyChainReader } from "./chain-reader.ts";

export interface HeadChain {
  readonly chain: Pick<AnyChainReader, "header" | "canonicalHash">;
  readonly head: AnySealedHeader;
}

/** The hash of the block with a number on the head's chain; undefined above the head. */
export function hashOnHeadChain({ chain, head }: HeadChain, number: number): Hex | undefined {
  if (number > head.number) return undefined;
  let header = head;
  while (header.number > number && chain.canonicalHash(header.number) !== header.hash) {
    const parent = chain.header(header.parentHash);
    assert(parent !== undefined, "the headers of the head's chain are held");
    header = parent;
  }
  return header.number === number ? header.hash : chain.canonicalHash(number);
}

/** Whether the head's chain has the block. */
export function isOnHeadChain(place: HeadChain, hash: Hex): boolean {
  if (hash === place.head.hash) return true;
  const header = place.chain.header(hash);
  return header !== undefined && hashOnHeadChain(place, header.number) === hash;
}
