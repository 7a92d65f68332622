/** The interface of the Merkle-Patricia tries, which are stored by path. */

import type { Hex } from "../base/bytes.ts";

/** Root of the trie that holds nothing: the hash of the RLP of the empty string. Such a trie stores no node. */
export const EMPTY_TRIE_ROOT: Hex = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";

/** Nibbles from the root to a node, one character 0-9a-f each; the root is "". */
export type NibblePath = string;

/**
 * Reads nodes of one trie by path; only nodes of 32 bytes and more, and the root, are stored. The bytes it gives must
 * stay as they are for as long as the result of the call they were read for is used.
 */
export type TrieNodeReader = (path: NibblePath) => Uint8Array | undefined;

/** One leaf to write: `key` is already hashed (32 bytes in secure tries); `null` or an empty value removes. */
export interface TrieChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
  /** What the leaf is thought to hold, if anything: where it does, it need not be read. */
  readonly before?: Uint8Array | null;
}

export interface TrieUpdate {
  readonly root: Hex;
  /** Nodes to store by path; `null` removes the one stored there, if there is one. Holds no other nodes than differ. */
  readonly nodes: ReadonlyMap<NibblePath, Uint8Array | null>;
}
