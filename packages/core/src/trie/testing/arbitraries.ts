/** What the property tests of the tries are fed with. */

import fc from "fast-check";
import { bytesToHex } from "../../base/bytes.ts";
import { keccak256 } from "../../crypto/crypto.ts";
import { type Child, loadNode } from "../node.ts";
import type { NibblePath, TrieChange } from "../types.ts";
import type { MemoryTrie } from "./memory-trie.ts";

/** Short keys over few bytes: many share prefixes, and some are prefixes of others. */
const shortKey = fc
  .array(fc.constantFrom(0x00, 0x01, 0x10, 0x11, 0xff), { minLength: 1, maxLength: 4 })
  .map((bytes) => Uint8Array.from(bytes));

/** 32-byte keys that fork near the end, so that long extensions and embedded nodes occur. */
const longKey = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(40)).map(([first, middle, last]) => {
  const key = new Uint8Array(32);
  key[0] = first << 4;
  key[20] = middle;
  key[31] = last;
  return key;
});

const hashedKey = fc.nat(60).map((seed) => keccak256(Uint8Array.of(seed)));

export const trieKey = fc.oneof(shortKey, longKey, hashedKey);

/** Values on both sides of what fits in an embedded node. */
export const trieValue = fc.uint8Array({ minLength: 1, maxLength: 40 });

const put = fc.record({ key: trieKey, value: trieValue });
const change: fc.Arbitrary<TrieChange> = fc.oneof(
  { weight: 2, arbitrary: put },
  { weight: 1, arbitrary: fc.record({ key: trieKey, value: fc.constantFrom(null, new Uint8Array(0)) }) },
);

export const trieBatch = fc.array(change, { maxLength: 24 });

/** Puts of distinct keys. */
export const triePuts = fc.uniqueArray(put, { maxLength: 40, selector: ({ key }) => bytesToHex(key) });

/** Follows every reference from the root and gives the paths of the stored nodes: what a store must hold, and no more. */
export function reachablePaths(trie: MemoryTrie, rootHash: Uint8Array): NibblePath[] {
  const paths: NibblePath[] = [];
  const visit = (child: Child, path: NibblePath): void => {
    if (child instanceof Uint8Array) paths.push(path);
    const node = child instanceof Uint8Array ? loadNode(trie.read, child, path) : child;
    if (node.kind === "extension") visit(node.child, path + node.path);
    if (node.kind !== "branch") return;
    for (const [nibble, below] of node.children.entries()) if (below) visit(below, path + nibble.toString(16));
  };
  if (trie.nodes.size > 0) visit(rootHash, "");
  return paths;
}
