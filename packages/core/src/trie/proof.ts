/** Reading one key of a trie, proving its value or its absence, and checking such a proof (EIP-1186). */

import { type Hex, hexToBytes } from "../base/bytes.ts";
import { keyToNibbles, nibbleAt } from "./nibbles.ts";
import { type Child, invalidNode, loadNode, notABranch, type TrieNode } from "./node.ts";
import { EMPTY_TRIE_ROOT, type TrieNodeReader } from "./types.ts";

/**
 * The value of `key` (as the trie has it: hashed, in a secure trie), `undefined` when it is absent. The value is a view
 * into what `read` gave.
 * @throws CodedError `INVALID_TRIE_NODE` when `read` gives anything but the nodes of the trie with that root
 */
export function getFromTrie(read: TrieNodeReader, root: Hex, key: Uint8Array): Uint8Array | undefined {
  const nibbles = keyToNibbles(key);
  let depth = 0;
  let belowExtension = false;
  let child: Child | undefined = root === EMPTY_TRIE_ROOT ? undefined : hexToBytes(root);
  // Every turn but the last goes at least one nibble down.
  while (child !== undefined) {
    const path = nibbles.slice(0, depth);
    const node: TrieNode = child instanceof Uint8Array ? loadNode(read, child, path) : child;
    if (belowExtension && node.kind !== "branch") throw notABranch(path);
    belowExtension = node.kind === "extension";
    switch (node.kind) {
      case "leaf":
        return nibbles.slice(depth) === node.path ? node.value : undefined;
      case "extension":
        if (!nibbles.startsWith(node.path, depth)) return undefined;
        depth += node.path.length;
        child = node.child;
        break;
      case "branch":
        if (depth === nibbles.length) return node.value;
        child = node.children[nibbleAt(nibbles, depth)];
        depth++;
    }
  }
  return undefined;
}

/**
 * Encodings of the nodes on the way from the root to `key`, or to where the way ends; nodes embedded in another are
 * not listed. None for the empty trie.
 * @throws CodedError `INVALID_TRIE_NODE` as `getFromTrie`
 */
export function proveKey(read: TrieNodeReader, root: Hex, key: Uint8Array): Uint8Array[] {
  const proof: Uint8Array[] = [];
  getFromTrie(recording(read, proof), root, key);
  return proof;
}

function recording(read: TrieNodeReader, into: Uint8Array[]): TrieNodeReader {
  return (path) => {
    const bytes = read(path);
    if (bytes !== undefined) into.push(bytes);
    return bytes;
  };
}

/**
 * The value that `proof` proves `key` to have in the trie with that root; `undefined` when it proves its absence.
 * @param proof as `proveKey` makes it: exactly the nodes on the way, in order
 * @throws CodedError `INVALID_TRIE_NODE` when it proves neither, or holds anything more
 */
export function verifyProof(root: Hex, key: Uint8Array, proof: readonly Uint8Array[]): Uint8Array | undefined {
  let used = 0;
  const value = getFromTrie(() => proof[used++], root, key);
  if (used !== proof.length) throw invalidNode("the proof holds nodes that are not on the way to the key", "");
  return value;
}
