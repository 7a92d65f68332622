/**
 * Applies a batch of changes to a trie in one descent.
 *
 * The batch is sorted by key, so every node on the way takes one contiguous part of it. Edited nodes are first held as
 * objects (a child is then a node instead of a hash) and encoded and hashed once, from the bottom up, when the whole
 * batch is in place. What no change touches stays a hash and is neither read nor hashed.
 */

import { bytesToHex, equalBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { keccak256 } from "../crypto/crypto.ts";
import { keyToNibbles, nibbleAt, nibbleOf, sharedLength } from "./nibbles.ts";
import {
  BranchNode,
  type Child,
  type ExtensionNode,
  encodeNode,
  HASH_SIZE,
  type LeafNode,
  loadNode,
  type NodeCache,
  type TrieNode,
} from "./node.ts";
import { EMPTY_TRIE_ROOT, type NibblePath, type TrieChange, type TrieNodeReader, type TrieUpdate } from "./types.ts";

/** Longest key, in bytes: bounds the depth of the recursion. */
const KEY_SIZE_MAX = 32;

interface Change {
  readonly key: NibblePath;
  /** `undefined` removes. */
  readonly value: Uint8Array | undefined;
  readonly before: Uint8Array | undefined;
}

/** Changes in the order of their keys, at most one a key. */
type Batch = readonly Change[];

interface Update {
  readonly read: TrieNodeReader;
  /** Where a stored node is no longer part of the trie as it was. */
  readonly replaced: Set<NibblePath>;
  readonly nodes: Map<NibblePath, Uint8Array | null>;
  readonly cache: NodeCache | undefined;
}

const isPut = ({ value }: Change): boolean => value !== undefined;
const byKey = (a: Change, b: Change): number => (a.key < b.key ? -1 : 1);

function sortedBatch(changes: Iterable<TrieChange>): Batch {
  const last = new Map<NibblePath, Change>();
  for (const { key, value, before } of changes) {
    assert(key.length <= KEY_SIZE_MAX, `a trie key is longer than ${KEY_SIZE_MAX} bytes`);
    const nibbles = keyToNibbles(key);
    const put = value === null || value.length === 0 ? undefined : value;
    last.set(nibbles, { key: nibbles, value: put, before: before ?? undefined });
  }
  return [...last.values()].sort(byKey);
}

/** Puts `path` before a node. A hash stands for a branch here. */
function prepend(path: NibblePath, node: Child): Child {
  if (path === "") return node;
  if (node instanceof Uint8Array || node.kind === "branch") return { kind: "extension", path, child: node };
  return { ...node, path: path + node.path };
}

/**
 * Puts and removes leaves.
 * @param read gives the trie's nodes; only those on the way to a changed key are read, and each is checked
 * @param root the trie's root, `EMPTY_TRIE_ROOT` when it holds nothing
 * @param changes in any order; the last one of a key counts; keys have at most 32 bytes
 * @param cache saves reading and checking nodes that it has; those that are new come into it
 * @returns the new root, and what it takes to turn the stored nodes into those of the new trie
 * @throws CodedError `INVALID_TRIE_NODE` when `read` gives anything but the nodes of the trie with that root
 */
export function updateTrie(
  read: TrieNodeReader,
  root: Hex,
  changes: Iterable<TrieChange>,
  cache?: NodeCache,
): TrieUpdate {
  const update: Update = { read, replaced: new Set(), nodes: new Map(), cache };
  const batch = sortedBatch(changes);
  const before = root === EMPTY_TRIE_ROOT ? undefined : hexToBytes(root);
  const after = batch.length === 0 ? before : edit(update, before, "", batch);
  if (after === before) return { root, nodes: update.nodes };
  const hash = after && seal(update, after, "");
  for (const path of update.replaced) if (!update.nodes.has(path)) update.nodes.set(path, null);
  return { root: hash instanceof Uint8Array ? bytesToHex(hash) : EMPTY_TRIE_ROOT, nodes: update.nodes };
}

/** Leaves are most of the nodes, and seldom needed again. */
function remember({ cache }: Update, hash: Uint8Array, node: TrieNode): void {
  if (node.kind !== "leaf") cache?.add(hash, node);
}

/** The leaf that a hash is thought to be of, if it is: its hash proves it. */
function leafOf(hash: Uint8Array, path: NibblePath, { key, before }: Change): LeafNode | undefined {
  if (before === undefined) return undefined;
  const leaf: LeafNode = { kind: "leaf", path: key.slice(path.length), value: before };
  return equalBytes(keccak256(encodeNode(leaf)), hash) ? leaf : undefined;
}

/** @param expected the only change below, if there is one: the node may be its leaf */
function load(update: Update, hash: Uint8Array, path: NibblePath, expected?: Change): TrieNode {
  const known = update.cache?.get(hash) ?? (expected && leafOf(hash, path, expected));
  if (known !== undefined) return known;
  const node = loadNode(update.read, hash, path);
  remember(update, hash, node);
  return node;
}

// Each edit gives back the very child that it was given when the batch changes nothing in it.

function edit(update: Update, child: Child | undefined, path: NibblePath, batch: Batch): Child | undefined {
  if (child === undefined) return build(update, path, batch.filter(isPut));
  if (!(child instanceof Uint8Array)) return editNode(update, child, path, batch);
  const node = load(update, child, path, batch.length === 1 ? batch[0] : undefined);
  const edited = editNode(update, node, path, batch);
  if (edited === node) return child;
  update.replaced.add(path);
  return edited;
}

function editNode(update: Update, node: TrieNode, path: NibblePath, batch: Batch): Child | undefined {
  switch (node.kind) {
    case "leaf":
      return editLeaf(update, node, path, batch);
    case "extension":
      return editExtension(update, node, path, batch);
    case "branch":
      return editBranch(update, node, path, batch);
  }
}

/** A new trie below `path` of puts alone. */
function build(update: Update, path: NibblePath, puts: Batch): Child | undefined {
  const first = puts[0];
  const last = puts.at(-1);
  if (first?.value === undefined || last === undefined) return undefined;
  if (first === last) return { kind: "leaf", path: first.key.slice(path.length), value: first.value };
  const fork = first.key.slice(0, sharedLength(first.key, last.key, path.length));
  const branch = editBranch(update, new BranchNode(), fork, puts);
  return branch && prepend(fork.slice(path.length), branch);
}

function editLeaf(update: Update, leaf: LeafNode, path: NibblePath, batch: Batch): Child | undefined {
  const key = path + leaf.path;
  const puts = batch.filter(isPut);
  const own = batch.find((change) => change.key === key);
  if (own === undefined) {
    if (puts.length === 0) return leaf;
    puts.push({ key, value: leaf.value, before: undefined });
    puts.sort(byKey);
  } else if (puts.length === 1 && own.value !== undefined && equalBytes(own.value, leaf.value)) {
    return leaf;
  }
  return build(update, path, puts);
}

function editExtension(update: Update, node: ExtensionNode, path: NibblePath, batch: Batch): Child | undefined {
  const end = path + node.path;
  let shared = end.length;
  for (const { key, value } of batch) {
    if (value !== undefined) shared = Math.min(shared, sharedLength(key, end, path.length));
  }
  const fork = end.slice(0, shared);
  const below = batch.filter(({ key }) => key.startsWith(fork));
  if (shared < end.length) {
    const split = editBranch(update, splitExtension(node, shared - path.length), fork, below);
    return split && prepend(fork.slice(path.length), split);
  }
  const child = edit(update, node.child, end, below);
  if (child === node.child) return node;
  return child && prepend(node.path, child);
}

/** A branch in the middle of an extension, with the extension's rest as its only child yet. */
function splitExtension(node: ExtensionNode, at: number): BranchNode {
  const branch = new BranchNode();
  branch.setChild(nibbleAt(node.path, at), prepend(node.path.slice(at + 1), node.child));
  return branch;
}

function editBranch(update: Update, node: BranchNode, path: NibblePath, batch: Batch): Child | undefined {
  let edited: BranchNode | undefined;
  const own = batch[0]?.key === path ? batch[0] : undefined;
  if (own !== undefined && !sameValue(own.value, node.value)) {
    edited = node.copy();
    edited.value = own.value;
  }
  let from = own ? 1 : 0;
  while (from < batch.length) {
    const nibble = nibbleAt((batch[from] as Change).key, path.length);
    let to = from + 1;
    while (to < batch.length && nibbleAt((batch[to] as Change).key, path.length) === nibble) to++;
    const before = node.child(nibble);
    const after = edit(update, before, path + nibbleOf(nibble), batch.slice(from, to));
    if (after !== before) {
      edited ??= node.copy();
      edited.setChild(nibble, after);
    }
    from = to;
  }
  return edited === undefined ? node : collapse(update, edited, path);
}

function sameValue(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && equalBytes(a, b));
}

/** The form that a branch must have when it holds less than two things. */
function collapse(update: Update, node: BranchNode, path: NibblePath): Child | undefined {
  const { count, first, value } = node;
  if (count === 0) return value && { kind: "leaf", path: "", value };
  if (count > 1 || value !== undefined) return node;
  const only = node.child(first) as Child;
  return prepend(nibbleOf(first), openUnlessBranch(update, only, path + nibbleOf(first)));
}

/** A leaf or extension moves up into its collapsing parent; a branch stays where it is. */
function openUnlessBranch(update: Update, child: Child, path: NibblePath): Child {
  if (!(child instanceof Uint8Array)) return child;
  const node = load(update, child, path);
  if (node.kind === "branch") return child;
  update.replaced.add(path);
  return node;
}

/** A branch that was edited is this update's own; in one that is embedded nothing changes here. */
function sealBelow(update: Update, node: TrieNode, path: NibblePath): TrieNode {
  if (node.kind === "leaf") return node;
  if (node.kind === "extension") return { ...node, child: seal(update, node.child, path + node.path) };
  for (let nibble = 0; nibble < 16; nibble++) {
    const child = node.nodeAt(nibble);
    if (child !== undefined) node.setChild(nibble, seal(update, child, path + nibbleOf(nibble)));
  }
  return node;
}

/** Encodes an edited node and all edited ones below it, notes what to store, and gives what its parent holds of it. */
function seal(update: Update, child: Child, path: NibblePath): Child {
  if (child instanceof Uint8Array) return child;
  const node = sealBelow(update, child, path);
  const bytes = encodeNode(node);
  if (bytes.length < HASH_SIZE && path !== "") return node;
  const hash = keccak256(bytes);
  if (node.kind === "branch" && node.isPlain) node.settle(bytes);
  update.nodes.set(path, bytes);
  remember(update, hash, node);
  return hash;
}
