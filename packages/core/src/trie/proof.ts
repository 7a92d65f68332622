/** Reading one key of a trie, proving its value or its absence, and checking such a proof (EIP-1186). */

import { bytesToHex, type Hex, hexToBytes } from "../base/bytes.ts";
import { keccak256 } from "../crypto/crypto.ts";
import { keyToNibbles, nibbleAt } from "./nibbles.ts";
import { type Child, decodeNode, HASH_SIZE, invalidNode, loadNode, notABranch, type TrieNode } from "./node.ts";
import { EMPTY_TRIE_ROOT, type NibblePath, type TrieNodeReader } from "./types.ts";

type LoadNode = (hash: Uint8Array, path: NibblePath) => TrieNode;

/** Goes down from the root to `key`, or to where the way ends. */
function descend(load: LoadNode, root: Hex, key: Uint8Array): Uint8Array | undefined {
  const nibbles = keyToNibbles(key);
  let depth = 0;
  let belowExtension = false;
  let child: Child | undefined = root === EMPTY_TRIE_ROOT ? undefined : hexToBytes(root);
  // Every turn but the last goes at least one nibble down.
  while (child !== undefined) {
    const path = nibbles.slice(0, depth);
    const node: TrieNode = child instanceof Uint8Array ? load(child, path) : child;
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
        child = node.child(nibbleAt(nibbles, depth));
        depth++;
    }
  }
  return undefined;
}

/**
 * The value of `key` (as the trie has it: hashed, in a secure trie), `undefined` when it is absent. The value is a view
 * into what `read` gave.
 * @throws CodedError `INVALID_TRIE_NODE` when `read` gives anything but the nodes of the trie with that root
 */
export function getFromTrie(read: TrieNodeReader, root: Hex, key: Uint8Array): Uint8Array | undefined {
  return descend((hash, path) => loadNode(read, hash, path), root, key);
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

/** Nodes that prove several keys, of several tries: each is needed for at least one of them. */
export interface NodeSet {
  /**
   * The value that the nodes prove `key` to have in the trie with that root; `undefined` when they prove its absence.
   * @throws CodedError `INVALID_TRIE_NODE` when they prove neither
   */
  get(root: Hex, key: Uint8Array): Uint8Array | undefined;
  /** @throws CodedError `INVALID_TRIE_NODE` when one of them was not needed */
  end(): void;
}

/** @throws CodedError `INVALID_TRIE_NODE` when one is there twice */
export function createNodeSet(nodes: readonly Uint8Array[]): NodeSet {
  const byHash = new Map(nodes.map((bytes) => [bytesToHex(keccak256(bytes)), bytes]));
  if (byHash.size !== nodes.length) throw invalidNode("the proof holds a node twice", "");
  const unused = new Set(byHash.keys());
  const load: LoadNode = (hash, path) => {
    const name = bytesToHex(hash);
    const bytes = byHash.get(name);
    unused.delete(name);
    // Found by its hash, it needs no other check; a short one has no place outside of its parent but at the root.
    if (bytes === undefined) throw invalidNode("it is missing", path);
    if (bytes.length < HASH_SIZE && path !== "") throw invalidNode("a short node is not embedded in its parent", path);
    return decodeNode(bytes, path);
  };
  return {
    get: (root, key) => descend(load, root, key),
    end() {
      if (unused.size > 0) throw invalidNode("the proof holds nodes that prove nothing asked for", "");
    },
  };
}
