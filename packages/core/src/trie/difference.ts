/**
 * What turns a trie held here into one of which only the root is known: a walk of both from their roots, which asks for
 * the nodes of the target that differ and for no others.
 *
 * Both tries are seen as if every node were a branch that takes one nibble: a leaf or an extension with a path is a
 * branch with one child. So whatever shapes meet at a path, they are compared child by child, and where both have the
 * same hash, or nothing, the walk does not go down.
 *
 * A target may be hostile, as hashes that are right do not make nodes that are: each step goes at least one nibble
 * down, and never deeper than keys reach. The walk goes depth first, and slows down where much is left to compare, so
 * that what it holds is limited too (`COMPARISONS_MAX`). What is not limited is how much there is to ask for: a target
 * may have any number of leaves, and its caller pays for each with a node that a peer has to send.
 */

import { bytesToHex, equalBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { nibbleAt, nibbleOf } from "./nibbles.ts";
import { type Child, invalidNode, type LeafNode, loadNode, notABranch, type TrieNode } from "./node.ts";
import { EMPTY_TRIE_ROOT, type NibblePath, type TrieChange, type TrieNodeReader } from "./types.ts";

/** A node of the target trie that is not known here. */
export interface WantedNode {
  readonly path: NibblePath;
  readonly hash: Hex;
}

export interface TrieDifference {
  /**
   * Goes on with the walk until `max` more nodes are wanted, and gives them. Each is handed out once, unless it was put
   * back. May give fewer, or none, though the walk is not done: as long as `CHANGES_MAX` changes wait to be taken, or
   * while answers are out that have to be compared first.
   * @throws CodedError `INVALID_TRIE_NODE` when the trie held here is damaged
   */
  take(max: number): readonly WantedNode[];
  /** Takes back nodes that were handed out and did not come; they are the next to be handed out again. */
  putBack(wanted: readonly WantedNode[]): void;
  /**
   * Takes a node that was handed out; its hash is checked already.
   * @throws CodedError `INVALID_TRIE_NODE` when it cannot stand at that path of a trie with keys of that length, which
   *   condemns the target; the walk stays as it was
   */
  give(wanted: WantedNode, node: TrieNode): void;
  /** The changes found since the last call, mostly in the order of their keys; none comes twice. */
  changes(): readonly TrieChange[];
  /** Nothing is wanted and nothing is out. Changes may still wait to be taken. */
  readonly isDone: boolean;
}

/** The walk pauses while that many changes wait to be taken. */
export const CHANGES_MAX = 1_024;

/**
 * While more comparisons wait, one node at a time is handed out, so that the walk goes straight down. At most this many
 * wait, beside one for each node that is out and 16 for each nibble of a key. An honest target has some tens for each
 * node that is out, as its tries are about as deep as the logarithm of their size.
 */
export const COMPARISONS_MAX = 32_768;

/** Two subtries to compare, which are not known to be the same. */
interface Comparison {
  readonly path: NibblePath;
  readonly local: Child | undefined;
  readonly target: Child | undefined;
  /** The target is what an extension leads to. */
  readonly isBelowExtension: boolean;
}

interface Walk {
  readonly read: TrieNodeReader;
  readonly keyNibbles: number;
  /** What is to be compared; the last first. */
  readonly waiting: Comparison[];
  /** Those that wait for a node that was handed out, by its path: there is at most one at each. */
  readonly out: Map<NibblePath, Comparison>;
  changes: TrieChange[];
}

/**
 * @param read gives the nodes of the trie held here. They are kept and read as long as the walk lasts, so they must
 *   stay as they are meanwhile, as in a snapshot. Once changes of an unfinished walk have been applied to the trie, a
 *   new walk from its new root goes on where this one was, for the price of the nodes above.
 * @param localRoot root of the trie held here
 * @param targetRoot applying all changes to the trie held here gives this root. Another root may come out only where
 *   no trie has the target root, though there are nodes with the hashes.
 * @param keyNibbles length of all keys of both tries; even
 */
export function createTrieDifference(
  read: TrieNodeReader,
  localRoot: Hex,
  targetRoot: Hex,
  keyNibbles = 64,
): TrieDifference {
  const walk: Walk = { read, keyNibbles, waiting: [], out: new Map(), changes: [] };
  push(walk, { path: "", local: rootChild(localRoot), target: rootChild(targetRoot), isBelowExtension: false });
  return {
    take: (max) => take(walk, max),
    putBack(wanted) {
      for (const node of wanted.toReversed()) walk.waiting.push(recall(walk, node));
    },
    give(wanted, node) {
      checkPlace(node, wanted.path, keyNibbles);
      if (walk.out.get(wanted.path)?.isBelowExtension && node.kind !== "branch") throw notABranch(wanted.path);
      walk.waiting.push({ ...recall(walk, wanted), target: node });
    },
    changes() {
      const found = walk.changes;
      walk.changes = [];
      return found;
    },
    get isDone() {
      return walk.waiting.length === 0 && walk.out.size === 0;
    },
  };
}

const rootChild = (root: Hex): Child | undefined => (root === EMPTY_TRIE_ROOT ? undefined : hexToBytes(root));

/** Ends a node's being out. */
function recall(walk: Walk, { path, hash }: WantedNode): Comparison {
  const comparison = walk.out.get(path);
  const isOut = comparison?.target instanceof Uint8Array && bytesToHex(comparison.target) === hash;
  assert(isOut, `no node with hash ${hash} was handed out for path ${path}`);
  walk.out.delete(path);
  return comparison;
}

/** Sorts out what needs no comparison: nothing on both sides, or the same hash. */
function push(walk: Walk, comparison: Comparison): void {
  const { local, target } = comparison;
  if (local === target) return;
  if (local instanceof Uint8Array && target instanceof Uint8Array && equalBytes(local, target)) return;
  walk.waiting.push(comparison);
}

function take(walk: Walk, max: number): readonly WantedNode[] {
  const { waiting, out } = walk;
  const wanted: WantedNode[] = [];
  while (wanted.length < max && walk.changes.length < CHANGES_MAX) {
    const next = waiting.at(-1);
    if (next === undefined) break;
    const { path, target } = next;
    if (target instanceof Uint8Array) {
      if (waiting.length > COMPARISONS_MAX && out.size > 0) break;
      out.set(path, next);
      wanted.push({ path, hash: bytesToHex(target) });
    }
    waiting.pop();
    if (!(target instanceof Uint8Array)) compare(walk, path, loadLocal(walk, next), target);
  }
  return wanted;
}

function loadLocal({ read, keyNibbles }: Walk, { path, local }: Comparison): TrieNode | undefined {
  if (!(local instanceof Uint8Array)) return local;
  const node = loadNode(read, local, path);
  checkPlace(node, path, keyNibbles);
  return node;
}

/** @throws CodedError `INVALID_TRIE_NODE` when a trie whose keys are that long can have no such node at `path` */
function checkPlace(node: TrieNode, path: NibblePath, keyNibbles: number): void {
  const end = node.kind === "branch" ? path : path + node.path;
  if (node.kind === "leaf") {
    if (end.length !== keyNibbles) throw invalidNode("a leaf's key has another length than those of the trie", path);
    return;
  }
  if (end.length >= keyNibbles) throw invalidNode("it is deeper than keys reach", path);
  if (node.kind === "extension") {
    if (!(node.child instanceof Uint8Array)) checkPlace(node.child, end, keyNibbles);
    return;
  }
  if (node.value !== undefined) throw invalidNode("a branch has a value", path);
  for (const [nibble, child] of node.children.entries()) {
    if (child !== undefined && !(child instanceof Uint8Array)) checkPlace(child, path + nibbleOf(nibble), keyNibbles);
  }
}

const isLeafOrNothing = (node: TrieNode | undefined): node is LeafNode | undefined =>
  node === undefined || node.kind === "leaf";

/** Finds the changes here, or what is to be compared one nibble further down. */
function compare(walk: Walk, path: NibblePath, local: TrieNode | undefined, target: TrieNode | undefined): void {
  if (isLeafOrNothing(local) && isLeafOrNothing(target)) {
    compareLeaves(walk, path, local, target);
    return;
  }
  const isBelowExtension = target?.kind === "extension" && target.path.length === 1;
  for (let nibble = 15; nibble >= 0; nibble--) {
    const [ours, theirs] = [childAt(local, nibble), childAt(target, nibble)];
    push(walk, { path: path + nibbleOf(nibble), local: ours, target: theirs, isBelowExtension });
  }
}

function compareLeaves(walk: Walk, path: NibblePath, local: LeafNode | undefined, target: LeafNode | undefined): void {
  const isSameKey = local?.path === target?.path;
  if (isSameKey && local && target && equalBytes(local.value, target.value)) return;
  if (local && !isSameKey) walk.changes.push({ key: keyOf(path, local), value: null });
  if (target) walk.changes.push({ key: keyOf(path, target), value: target.value });
}

const keyOf = (path: NibblePath, leaf: LeafNode): Uint8Array => hexToBytes(`0x${path}${leaf.path}`);

/** What a node holds below `nibble`, when it is seen as a branch. */
function childAt(node: TrieNode | undefined, nibble: number): Child | undefined {
  if (node === undefined) return undefined;
  if (node.kind === "branch") return node.child(nibble);
  if (nibbleAt(node.path, 0) !== nibble) return undefined;
  const path = node.path.slice(1);
  if (node.kind === "leaf") return { ...node, path };
  return path === "" ? node.child : { ...node, path };
}
