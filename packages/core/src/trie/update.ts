/**
 * Applies a batch of changes to a trie in one descent.
 *
 * The batch is sorted by key, so every node on the way takes one contiguous part of it. An edited node is encoded and
 * hashed once, as soon as all of its part is in place: its parent takes the hash in. What no change touches stays a hash
 * and is neither read nor hashed.
 */

import { bytesToHex, equalBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { keccak256 } from "../crypto/crypto.ts";
import { keyToNibbles, nibbleAt, nibbleOf, sharedLength } from "./nibbles.ts";
import {
  BranchNode,
  type Child,
  type ExtensionNode,
  encodeLeaf,
  encodeNode,
  HASH_SIZE,
  hasHashAt,
  type LeafNode,
  loadNode,
  type TrieNode,
} from "./node.ts";
import type { NodeCache } from "./node-cache.ts";
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

/** The changes `from` up to `to`: those below one node. */
interface Part {
  readonly batch: Batch;
  readonly from: number;
  readonly to: number;
}

/** What an edit gives back when the changes leave everything as it is. */
const UNCHANGED = Symbol("unchanged");

interface Update {
  readonly read: TrieNodeReader;
  /** What becomes of what is stored; `null` where a node was of the trie and is not, or was made and is not needed. */
  readonly nodes: Map<NibblePath, Uint8Array | null>;
  readonly cache: NodeCache | undefined;
}

const isPut = ({ value }: Change): boolean => value !== undefined;
const changesOf = ({ batch, from, to }: Part): Change[] => batch.slice(from, to);
const puts = (part: Part): Change[] => changesOf(part).filter(isPut);
const byKey = (a: Change, b: Change): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

function sortedBatch(changes: Iterable<TrieChange>): Batch {
  const all: Change[] = [];
  for (const { key, value, before } of changes) {
    assert(key.length <= KEY_SIZE_MAX, `a trie key is longer than ${KEY_SIZE_MAX} bytes`);
    const put = value === null || value.length === 0 ? undefined : value;
    all.push({ key: keyToNibbles(key), value: put, before: before ?? undefined });
  }
  // Those of one key stay in the order in which they came.
  all.sort(byKey);
  return all.filter(({ key }, at) => key !== all[at + 1]?.key);
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
  const update: Update = { read, nodes: new Map(), cache };
  const batch = sortedBatch(changes);
  if (batch.length === 0) return { root, nodes: update.nodes };
  const part: Part = { batch, from: 0, to: batch.length };
  const isEmpty = root === EMPTY_TRIE_ROOT;
  const after = isEmpty
    ? build(update, "", puts(part))
    : editStored(update, find(update, hexToBytes(root), 0, ""), "", part);
  if (after === UNCHANGED || (isEmpty && after === undefined)) return { root, nodes: update.nodes };
  const hash = after && seal(update, after, "");
  return { root: hash instanceof Uint8Array ? bytesToHex(hash) : EMPTY_TRIE_ROOT, nodes: update.nodes };
}

/** The node whose hash `bytes` have at `at`, as it is stored, or was made by this update. */
function load(update: Update, bytes: Uint8Array, at: number, path: NibblePath): TrieNode {
  const hash = bytes.slice(at, at + HASH_SIZE);
  return loadNode((wanted) => update.nodes.get(wanted) ?? update.read(wanted), hash, path);
}

/** Notes that the node at `path` is none of the trie's any more; whatever takes its place is noted afterwards. */
function leave(update: Update, path: NibblePath): void {
  update.nodes.set(path, null);
}

type Edited = Child | undefined | typeof UNCHANGED;

const find = (update: Update, bytes: Uint8Array, at: number, path: NibblePath): TrieNode =>
  update.cache?.get(bytes, at) ?? load(update, bytes, at, path);

/** Edits the node at `path`, which is stored by itself. */
function editStored(update: Update, node: TrieNode, path: NibblePath, part: Part): Edited {
  const edited = editNode(update, node, path, part);
  if (edited === node) return UNCHANGED;
  leave(update, path);
  return edited;
}

/** The only change below a hash, where that is of the leaf with the value from before: it need not be read then. */
function editKnownLeaf(update: Update, { key, value, before }: Change, path: NibblePath): Edited {
  if (value !== undefined && before !== undefined && equalBytes(value, before)) return UNCHANGED;
  leave(update, path);
  return value && sealLeaf(update, key, path, value);
}

/** Whether `bytes` have at `at` the hash of the leaf as it is thought to be. */
function isKnownLeaf(bytes: Uint8Array, at: number, { key, before }: Change, path: NibblePath): boolean {
  return before !== undefined && hasHashAt(bytes, at, keccak256(encodeLeaf(key, path.length, before)));
}

function editChild(update: Update, node: BranchNode, nibble: number, path: NibblePath, part: Part): Edited {
  if (!node.has(nibble)) return build(update, path, puts(part)) ?? UNCHANGED;
  const embedded = node.nodeAt(nibble);
  if (embedded !== undefined) {
    const edited = editNode(update, embedded, path, part);
    return edited === embedded ? UNCHANGED : edited;
  }
  const [bytes, at] = [node.hashBytes(nibble), node.hashStart(nibble)];
  const known = update.cache?.get(bytes, at);
  if (known === undefined && part.to - part.from === 1) {
    const change = part.batch[part.from] as Change;
    if (isKnownLeaf(bytes, at, change, path)) return editKnownLeaf(update, change, path);
  }
  return editStored(update, known ?? load(update, bytes, at, path), path, part);
}

// Each of the next gives back the very node that it was given when the changes leave it as it is. What it gives else is
// not encoded yet, unlike everything below that.

function editNode(update: Update, node: TrieNode, path: NibblePath, part: Part): Child | undefined {
  switch (node.kind) {
    case "leaf":
      return editLeaf(update, node, path, changesOf(part));
    case "extension":
      return editExtension(update, node, path, changesOf(part));
    case "branch":
      return editBranch(update, node, path, part);
  }
}

/** A new trie below `path` of puts alone. */
function build(update: Update, path: NibblePath, batch: Batch): Child | undefined {
  const first = batch[0];
  const last = batch.at(-1);
  if (first?.value === undefined || last === undefined) return undefined;
  if (first === last) return { kind: "leaf", path: first.key.slice(path.length), value: first.value };
  const fork = first.key.slice(0, sharedLength(first.key, last.key, path.length));
  const branch = editBranch(update, new BranchNode(), fork, { batch, from: 0, to: batch.length });
  return branch && prepend(fork.slice(path.length), branch);
}

function editLeaf(update: Update, leaf: LeafNode, path: NibblePath, batch: Batch): Child | undefined {
  const key = path + leaf.path;
  const put = batch.filter(isPut);
  const own = batch.find((change) => change.key === key);
  if (own === undefined) {
    if (put.length === 0) return leaf;
    put.push({ key, value: leaf.value, before: undefined });
    put.sort(byKey);
  } else if (put.length === 1 && own.value !== undefined && equalBytes(own.value, leaf.value)) {
    return leaf;
  }
  return build(update, path, put);
}

function editExtension(update: Update, node: ExtensionNode, path: NibblePath, batch: Batch): Child | undefined {
  const end = path + node.path;
  let shared = end.length;
  for (const { key, value } of batch) {
    if (value !== undefined) shared = Math.min(shared, sharedLength(key, end, path.length));
  }
  const fork = end.slice(0, shared);
  const below = batch.filter(({ key }) => key.startsWith(fork));
  const part: Part = { batch: below, from: 0, to: below.length };
  if (shared < end.length) {
    const split = editBranch(update, splitExtension(update, node, fork, shared - path.length), fork, part);
    return split && prepend(fork.slice(path.length), split);
  }
  const { child } = node;
  const edited =
    child instanceof Uint8Array
      ? editStored(update, find(update, child, 0, end), end, part)
      : editNode(update, child, end, part);
  if (edited === UNCHANGED || edited === child) return node;
  return edited && prepend(node.path, edited);
}

/** A branch in the middle of an extension, at `fork`, with the extension's rest as its only child yet. */
function splitExtension(update: Update, node: ExtensionNode, fork: NibblePath, at: number): BranchNode {
  const branch = new BranchNode();
  const rest = prepend(node.path.slice(at + 1), node.child);
  branch.setChild(nibbleAt(node.path, at), seal(update, rest, fork + node.path.charAt(at)));
  return branch;
}

function editBranch(update: Update, node: BranchNode, path: NibblePath, { batch, from, to }: Part): Child | undefined {
  let edited: BranchNode | undefined;
  let at = from;
  const own = batch[at]?.key === path ? batch[at] : undefined;
  if (own !== undefined) {
    at++;
    if (!sameValue(own.value, node.value)) {
      edited = node.copy();
      edited.value = own.value;
    }
  }
  while (at < to) {
    const nibble = nibbleAt((batch[at] as Change).key, path.length);
    let end = at + 1;
    while (end < to && nibbleAt((batch[end] as Change).key, path.length) === nibble) end++;
    const below = path + nibbleOf(nibble);
    const after = editChild(update, node, nibble, below, { batch, from: at, to: end });
    if (after !== UNCHANGED) {
      edited ??= node.copy();
      edited.setChild(nibble, after && seal(update, after, below));
    }
    at = end;
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
  const node = find(update, child, 0, path);
  if (node.kind === "branch") return child;
  leave(update, path);
  return node;
}

/** Notes a leaf to store, and gives what its parent holds of it. */
function sealLeaf(update: Update, key: NibblePath, path: NibblePath, value: Uint8Array): Child {
  const bytes = encodeLeaf(key, path.length, value);
  if (bytes.length < HASH_SIZE && path !== "") return { kind: "leaf", path: key.slice(path.length), value };
  update.nodes.set(path, bytes);
  return keccak256(bytes);
}

/** The same of any node, below which all is done. */
function seal(update: Update, child: Child, path: NibblePath): Child {
  if (child instanceof Uint8Array) return child;
  let node = child;
  if (node.kind === "extension") node = { ...node, child: seal(update, node.child, path + node.path) };
  const bytes = encodeNode(node);
  if (bytes.length < HASH_SIZE && path !== "") return node;
  const hash = keccak256(bytes);
  update.nodes.set(path, bytes);
  // Leaves are most of the nodes, and seldom needed again.
  if (node.kind !== "leaf") update.cache?.add(hash, bytes);
  return hash;
}
