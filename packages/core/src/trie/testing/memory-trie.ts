/** A trie whose nodes are kept in memory: for tests and official vectors. */

import type { Hex } from "../../base/bytes.ts";
import { EMPTY_TRIE_ROOT, type NibblePath, type TrieChange, type TrieNodeReader, type TrieUpdate } from "../types.ts";
import { updateTrie } from "../update.ts";

export interface MemoryTrie {
  readonly root: Hex;
  readonly nodes: ReadonlyMap<NibblePath, Uint8Array>;
  readonly read: TrieNodeReader;
  /** @throws CodedError as `updateTrie` */
  apply(changes: Iterable<TrieChange>): TrieUpdate;
}

/** An empty trie. Its size is the caller's to limit. */
export function createMemoryTrie(): MemoryTrie {
  const nodes = new Map<NibblePath, Uint8Array>();
  const read: TrieNodeReader = (path) => nodes.get(path);
  let root = EMPTY_TRIE_ROOT;
  return {
    get root() {
      return root;
    },
    nodes,
    read,
    apply(changes) {
      const update = updateTrie(read, root, changes);
      root = update.root;
      for (const [path, node] of update.nodes) {
        if (node === null) nodes.delete(path);
        else nodes.set(path, node);
      }
      return update;
    },
  };
}
