/** The interface of the Merkle-Patricia tries, which are stored by path. */

import type { Hex } from "../base/bytes.ts";

/** Nibbles from the root to a node, one character 0-9a-f each; the root is "". */
export type NibblePath = string;

/** Reads nodes of one trie by path; only nodes of 32 bytes and more, and the root, are stored. */
export type TrieNodeReader = (path: NibblePath) => Uint8Array | undefined;

/** One leaf to write: `key` is already hashed (32 bytes in secure tries); `null` removes. */
export interface TrieChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

export interface TrieUpdate {
  readonly root: Hex;
  /** Nodes to store by path; `null` removes the one stored there. Holds only what really differs. */
  readonly nodes: ReadonlyMap<NibblePath, Uint8Array | null>;
}
