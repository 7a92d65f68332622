/** Nodes of tries in memory. */

import { hasHashAt, type TrieNode } from "./node.ts";

/**
 * Nodes that were read or made lately, by their hash, so that they need not be read, hashed and decoded again. For one
 * who applies batch after batch to the same tries.
 */
export interface NodeCache {
  /** The node whose hash `bytes` have at `at`. */
  get(bytes: Uint8Array, at?: number): TrieNode | undefined;
  add(hash: Uint8Array, node: TrieNode): void;
}

/** The first 30 bits of a hash, the most that a number takes no memory for: of two nodes with the same one is forgotten. */
const shortHash = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 22) |
  ((bytes[at + 1] as number) << 14) |
  ((bytes[at + 2] as number) << 6) |
  ((bytes[at + 3] as number) >> 2);

/** @param nodesMax of which some two thirds are there as a rule: what was not asked for of late makes room together */
export function createNodeCache(nodesMax: number): NodeCache {
  type Known = Map<number, { readonly hash: Uint8Array; readonly node: TrieNode }>;
  let young: Known = new Map();
  let old: Known = new Map();
  const add = (hash: Uint8Array, node: TrieNode): void => {
    if (young.size >= nodesMax / 2) {
      old = young;
      young = new Map();
    }
    young.set(shortHash(hash, 0), { hash, node });
  };
  return {
    get(bytes, at = 0) {
      const short = shortHash(bytes, at);
      const recent = young.get(short);
      const found = recent ?? old.get(short);
      if (found === undefined || !hasHashAt(bytes, at, found.hash)) return undefined;
      if (recent === undefined) add(found.hash, found.node);
      return found.node;
    },
    add,
  };
}
