/** Every leaf of a trie in the order of its key, and every stored node on the way, each checked against its hash. */

import { type Hex, hexToBytes } from "../base/bytes.ts";
import { nibbleOf } from "./nibbles.ts";
import { type Child, loadNode, type TrieNode } from "./node.ts";
import { EMPTY_TRIE_ROOT, type NibblePath, type TrieNodeReader } from "./types.ts";

export interface TrieLeaf {
  /** Nibbles of the whole key. */
  readonly key: NibblePath;
  readonly value: Uint8Array;
}

/**
 * @param onNode called with the path of every node that has a place of its own in the store
 * @throws CodedError `INVALID_TRIE_NODE` when `read` gives anything but the nodes of the trie with that root
 */
export function* walkTrie(
  read: TrieNodeReader,
  root: Hex,
  onNode: (path: NibblePath) => void = () => {},
): Generator<TrieLeaf> {
  const descend = function* (child: Child, path: NibblePath): Generator<TrieLeaf> {
    if (child instanceof Uint8Array) onNode(path);
    const node: TrieNode = child instanceof Uint8Array ? loadNode(read, child, path) : child;
    if (node.kind === "leaf") {
      yield { key: path + node.path, value: node.value };
    } else if (node.kind === "extension") {
      yield* descend(node.child, path + node.path);
    } else {
      if (node.value !== undefined) yield { key: path, value: node.value };
      for (const [nibble, below] of node.children.entries()) {
        if (below !== undefined) yield* descend(below, path + nibbleOf(nibble));
      }
    }
  };
  if (root !== EMPTY_TRIE_ROOT) yield* descend(hexToBytes(root), "");
}
