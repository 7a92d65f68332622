/**
 * Proofs of a range of keys: its entries, and the nodes of the trie that its two ends run through. What lies between is
 * rebuilt from the entries and must be what those nodes refer to, so that nothing can be left out, added or changed. Keys are 32 bytes, as in secure tries. Source: the `snap` protocol's account and storage
 * ranges.
 */

import { bytesToHex, EMPTY_BYTES, equalBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { encodeRlp, type RlpInput } from "../codec/rlp.ts";
import { keccak256 } from "../crypto/crypto.ts";
import { encodeCompact, keyToNibbles, nibbleOf, sharedLength } from "./nibbles.ts";
import { type Child, HASH_SIZE, invalidNode, loadNode, nodeToRlp, type TrieNode } from "./node.ts";
import { EMPTY_TRIE_ROOT, type NibblePath, type TrieNodeReader } from "./types.ts";

const KEY_NIBBLES = 64;

export interface RangeEntry {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Never empty. */
  readonly value: Uint8Array;
}

/** Ends of a range of keys, both within it. */
interface Range {
  readonly start: NibblePath;
  readonly last: NibblePath;
}

const HIGHEST_KEY = "f".repeat(KEY_NIBBLES);

/** Where the keys that start with `path` are: a range's ends run through those that are across. */
function placeOf(path: NibblePath, { start, last }: Range): "before" | "after" | "within" | "across" {
  const [low, high] = [path.padEnd(KEY_NIBBLES, "0"), path.padEnd(KEY_NIBBLES, "f")];
  if (high < start) return "before";
  if (low > last) return "after";
  return low >= start && high <= last ? "within" : "across";
}

/**
 * Encodings of the nodes that the ends of a range run through, whether its start is in the trie or not.
 * @param start 32 bytes
 * @param last greatest key of the range's entries; `undefined` when the trie holds nothing from `start` on
 * @throws CodedError `INVALID_TRIE_NODE` when `read` gives anything but the nodes of the trie with that root
 */
export function proveRange(
  read: TrieNodeReader,
  root: Hex,
  start: Uint8Array,
  last: Uint8Array | undefined,
): Uint8Array[] {
  const range = { start: keyToNibbles(start), last: last === undefined ? HIGHEST_KEY : keyToNibbles(last) };
  const proof: Uint8Array[] = [];
  const recording: TrieNodeReader = (path) => {
    const bytes = read(path);
    if (bytes !== undefined) proof.push(bytes);
    return bytes;
  };
  const visit = (child: Child | undefined, path: NibblePath): void => {
    if (child === undefined || placeOf(path, range) !== "across") return;
    const node = child instanceof Uint8Array ? loadNode(recording, child, path) : child;
    if (node.kind === "extension") visit(node.child, path + node.path);
    if (node.kind !== "branch") return;
    for (const [nibble, next] of node.children.entries()) visit(next, path + nibbleOf(nibble));
  };
  if (root !== EMPTY_TRIE_ROOT) visit(hexToBytes(root), "");
  return proof;
}

interface Entry {
  readonly key: NibblePath;
  readonly value: Uint8Array;
}

interface Check extends Range {
  /** Encodings of nodes by their hash, each to be used once. */
  readonly nodes: Map<Hex, Uint8Array>;
  /** Whether the trie holds keys after `last`. */
  more: boolean;
}

function entriesOf(start: NibblePath, entries: readonly RangeEntry[]): Entry[] {
  let previous: NibblePath | undefined;
  return entries.map(({ key, value }) => {
    const nibbles = keyToNibbles(key);
    if (nibbles.length !== KEY_NIBBLES) throw invalidNode("a key of a range is not 32 bytes", nibbles);
    if (nibbles < start) throw invalidNode("a key is before the range", nibbles);
    if (previous !== undefined && nibbles <= previous) throw invalidNode("the keys of a range do not ascend", nibbles);
    if (value.length === 0) throw invalidNode("a value of a range is empty", nibbles);
    previous = nibbles;
    return { key: nibbles, value };
  });
}

/** The entries whose keys start with `path`; all of them start with all but its last nibbles. */
function below(entries: readonly Entry[], path: NibblePath): Entry[] {
  return entries.filter(({ key }) => key.startsWith(path));
}

const unknownKeys = (path: NibblePath) => invalidNode("the range holds keys that the trie does not", path);

const referenceTo = (structure: RlpInput): RlpInput => {
  const bytes = encodeRlp(structure);
  return bytes.length < HASH_SIZE ? structure : keccak256(bytes);
};

/** RLP structure of the node that holds exactly these entries, seen from below the first `depth` nibbles of their keys. */
function rebuild(entries: readonly Entry[], depth: number): RlpInput | undefined {
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  if (first === last) return [encodeCompact(first.key.slice(depth), true), first.value];
  const fork = sharedLength(first.key, last.key, depth);
  const byNibble = Map.groupBy(entries, ({ key }) => key[fork]);
  const branch: RlpInput[] = Array.from({ length: 16 }, (_, nibble) => {
    const child = rebuild(byNibble.get(nibbleOf(nibble)) ?? [], fork + 1);
    return child === undefined ? EMPTY_BYTES : referenceTo(child);
  });
  branch.push(EMPTY_BYTES);
  return fork === depth ? branch : [encodeCompact(first.key.slice(depth, fork), false), referenceTo(branch)];
}

const structureOf = (node: TrieNode): RlpInput =>
  nodeToRlp(node, (child) => (child instanceof Uint8Array ? child : structureOf(child)));

/** Whether a subtrie that lies within the range holds exactly these entries. */
function holdsExactly(child: Child | undefined, entries: readonly Entry[], path: NibblePath): boolean {
  const rebuilt = rebuild(entries, path.length);
  if (child === undefined || rebuilt === undefined) return child === undefined && rebuilt === undefined;
  const bytes = encodeRlp(rebuilt);
  if (!(child instanceof Uint8Array)) return equalBytes(bytes, encodeRlp(structureOf(child)));
  return (bytes.length >= HASH_SIZE || path === "") && equalBytes(keccak256(bytes), child);
}

function resolve(check: Check, child: Child, path: NibblePath): TrieNode {
  if (!(child instanceof Uint8Array)) return child;
  const hash = bytesToHex(child);
  const bytes = check.nodes.get(hash);
  check.nodes.delete(hash);
  return loadNode(() => bytes, child, path);
}

/** A leaf at one of the ends: the one entry there, or beside the range. */
function checkLeaf(check: Check, key: NibblePath, value: Uint8Array, entries: readonly Entry[]): void {
  if (key.length !== KEY_NIBBLES) throw invalidNode("a leaf's key is not 32 bytes", key);
  const isWithin = key >= check.start && key <= check.last;
  if (key > check.last) check.more = true;
  const [entry] = entries;
  const isShown = entry !== undefined && entries.length === 1 && entry.key === key && equalBytes(entry.value, value);
  if (isWithin ? !isShown : entries.length > 0) throw invalidNode("the range is not what the trie holds", key);
}

/** A subtrie that the range's ends run through. */
function checkCrossed(check: Check, child: Child, path: NibblePath, entries: readonly Entry[]): void {
  const node = resolve(check, child, path);
  if (node.kind === "leaf") {
    checkLeaf(check, path + node.path, node.value, entries);
  } else if (node.kind === "extension") {
    const next = path + node.path;
    const inside = below(entries, next);
    if (inside.length !== entries.length) throw unknownKeys(path);
    checkSubtrie(check, node.child, next, inside);
  } else {
    if (node.value !== undefined) throw invalidNode("a branch has a value", path);
    for (const [nibble, child] of node.children.entries()) {
      const next = path + nibbleOf(nibble);
      checkSubtrie(check, child, next, below(entries, next));
    }
  }
}

function checkSubtrie(check: Check, child: Child | undefined, path: NibblePath, entries: readonly Entry[]): void {
  if (path.length > KEY_NIBBLES) throw invalidNode("a path is longer than any key", path);
  const place = placeOf(path, check);
  if (place === "within") {
    if (!holdsExactly(child, entries, path)) throw invalidNode("the range is not what the trie holds", path);
  } else if (place === "across") {
    if (child !== undefined) checkCrossed(check, child, path, entries);
    else if (entries.length > 0) throw unknownKeys(path);
  } else if (place === "after" && child !== undefined) {
    check.more = true;
  }
}

/**
 * Checks that `entries` are all that the trie with that root holds: its root follows from them.
 * @param entries in the order of their keys, of 32 bytes each
 * @throws CodedError `INVALID_TRIE_NODE`
 */
export function verifyWhole(root: Hex, entries: readonly RangeEntry[]): void {
  const checked = entriesOf("0".repeat(KEY_NIBBLES), entries);
  const child = root === EMPTY_TRIE_ROOT ? undefined : hexToBytes(root);
  if (!holdsExactly(child, checked, "")) throw invalidNode("the entries are not what the trie holds", "");
}

/**
 * Checks that the trie with that root holds exactly `entries` from `start` to the last of them, or nothing from `start`
 * on when there are none.
 * @param start 32 bytes; need not be in the trie
 * @param entries in the order of their keys
 * @param proof as `proveRange` makes it, in any order
 * @returns whether the trie holds anything after the last entry
 * @throws CodedError `INVALID_TRIE_NODE` when it does not prove that, or holds nodes that it does not need
 */
export function verifyRange(
  root: Hex,
  start: Uint8Array,
  entries: readonly RangeEntry[],
  proof: readonly Uint8Array[],
): boolean {
  const first = keyToNibbles(start);
  if (first.length !== KEY_NIBBLES) throw invalidNode("the start of a range is not 32 bytes", first);
  const checked = entriesOf(first, entries);
  const nodes = new Map(proof.map((bytes) => [bytesToHex(keccak256(bytes)), bytes]));
  if (nodes.size !== proof.length) throw invalidNode("the proof holds a node twice", "");
  const check: Check = { start: first, last: checked.at(-1)?.key ?? HIGHEST_KEY, nodes, more: false };
  checkSubtrie(check, root === EMPTY_TRIE_ROOT ? undefined : hexToBytes(root), "", checked);
  if (nodes.size > 0) throw invalidNode("the proof holds nodes that neither end runs through", "");
  return check.more;
}
