/**
 * Nodes of a Merkle-Patricia trie: their shapes and their strict decoding.
 * Source: Ethereum yellow paper, appendix D.
 */

import { copyBytes, EMPTY_BYTES, equalBytes, zeroBytes } from "../base/bytes.ts";
import { CodedError, isCodedError } from "../base/errors.ts";
import {
  decodeRlp,
  encodedSize,
  encodeRlp,
  listHeaderSize,
  type RlpInput,
  type RlpItem,
  writeListHeader,
  writeString,
} from "../codec/rlp.ts";
import { keccak256 } from "../crypto/crypto.ts";
import { decodeCompact, encodeCompact, nibbleOf, writeCompact } from "./nibbles.ts";
import type { NibblePath, TrieNodeReader } from "./types.ts";

export const HASH_SIZE = 32;

/** What a node holds of the node below it: its hash, or itself when its encoding is shorter than a hash. */
export type Child = Uint8Array | TrieNode;

export interface LeafNode {
  readonly kind: "leaf";
  /** The rest of the key. */
  readonly path: NibblePath;
  readonly value: Uint8Array;
}

export interface ExtensionNode {
  readonly kind: "extension";
  /** What all keys below share; never empty. */
  readonly path: NibblePath;
  /** Always a branch. */
  readonly child: Child;
}

const CHILDREN = 16;
const EMPTY_ITEM = 0x80;
const HASH_ITEM = 0x80 + HASH_SIZE;
const NO_CHILDREN: readonly undefined[] = new Array(CHILDREN).fill(undefined);

/** Number of bits that are set, of sixteen: summed in pairs, fours, eights. */
function bitCount(bits: number): number {
  const pairs = bits - ((bits >> 1) & 0x5555);
  const fours = (pairs & 0x3333) + ((pairs >> 2) & 0x3333);
  const eights = (fours + (fours >> 4)) & 0x0f0f;
  return (eights + (eights >> 8)) & 0x1f;
}

/** Where the contents of a list of more than 55 bytes begin that fills `bytes`; 0 for anything else. */
function longListStart(bytes: Uint8Array): number {
  const high = bytes[1] as number;
  if (bytes[0] === 0xf8) return high >= 56 && bytes.length === 2 + high ? 2 : 0;
  if (bytes[0] === 0xf9) return high > 0 && bytes.length === 3 + high * 256 + (bytes[2] as number) ? 3 : 0;
  return 0;
}

/** Whether `bytes` have at `at` the hash that others have at `start`. */
export function hasHashAt(bytes: Uint8Array, at: number, others: Uint8Array, start = 0): boolean {
  let same = 0;
  while (same < HASH_SIZE && bytes[at + same] === others[start + same]) same++;
  return same === HASH_SIZE;
}

/** Byte by byte: a view of each part would take longer. */
function copyHash(from: Uint8Array, at: number, to: Uint8Array, start: number): void {
  for (let i = 0; i < HASH_SIZE; i++) to[start + i] = from[at + i] as number;
}

/**
 * Sixteen children by the next nibble of the key. Nearly all are hashes, which stay in the encoding that they came in: an
 * array for each would cost more than everything else that is done with a trie. What is part of one is not changed any
 * more.
 */
export class BranchNode {
  readonly kind = "branch";
  /** Value of the key that ends here. */
  value: Uint8Array | undefined;
  /** A bit for each child that there is. */
  private occupied = 0;
  /** A plain branch, for the children that `over` says nothing of; empty where it has all. */
  private encoded: Uint8Array;
  /** Children of that one. */
  private encodedChildren: number;
  private over: (Child | undefined)[] | undefined;
  /** Whether nobody else has `encoded`, so that hashes in it may be replaced. */
  private isOwn = false;

  constructor(children: readonly (Child | undefined)[] = [], value?: Uint8Array) {
    this.value = value;
    this.encoded = EMPTY_BYTES;
    this.encodedChildren = 0;
    for (let nibble = 0; nibble < children.length; nibble++) this.setChild(nibble, children[nibble]);
  }

  /** The branch of hashes that `bytes` encode if they are that; not to be changed any more then. */
  static ofPlain(bytes: Uint8Array): BranchNode | undefined {
    let at = longListStart(bytes);
    if (at === 0) return undefined;
    let occupied = 0;
    for (let nibble = 0; nibble < CHILDREN; nibble++) {
      if (bytes[at] === EMPTY_ITEM) at++;
      else if (bytes[at] === HASH_ITEM && at + HASH_SIZE < bytes.length) {
        occupied |= 1 << nibble;
        at += 1 + HASH_SIZE;
      } else return undefined;
    }
    if (bytes[at] !== EMPTY_ITEM || at + 1 !== bytes.length || bitCount(occupied) < 2) return undefined;
    const branch = new BranchNode();
    branch.occupied = occupied;
    branch.settle(bytes);
    return branch;
  }

  /** Where the hash of a child is in the encoding. */
  private placeOf(nibble: number): number {
    const before = bitCount(this.encodedChildren & ((1 << nibble) - 1));
    return (this.encoded[0] === 0xf9 ? 3 : 2) + nibble + before * HASH_SIZE + 1;
  }

  has(nibble: number): boolean {
    return (this.occupied & (1 << nibble)) !== 0;
  }

  child(nibble: number): Child | undefined {
    if (!this.has(nibble)) return undefined;
    const over = this.over?.[nibble];
    if (over !== undefined) return over;
    const at = this.placeOf(nibble);
    return this.encoded.slice(at, at + HASH_SIZE);
  }

  /** The child if it is a node, not a hash. */
  nodeAt(nibble: number): TrieNode | undefined {
    const child = this.over?.[nibble];
    return child instanceof Uint8Array ? undefined : child;
  }

  /** Bytes in which the hash of a child is, where it has one: from `hashStart` on. */
  hashBytes(nibble: number): Uint8Array {
    const over = this.over?.[nibble];
    return over instanceof Uint8Array ? over : this.encoded;
  }

  hashStart(nibble: number): number {
    return this.over?.[nibble] === undefined ? this.placeOf(nibble) : 0;
  }

  /** While it is made. */
  setChild(nibble: number, child: Child | undefined): void {
    const bit = 1 << nibble;
    if (this.isOwn && this.over === undefined && child instanceof Uint8Array && (this.occupied & bit) !== 0) {
      copyHash(child, 0, this.encoded, this.placeOf(nibble));
      return;
    }
    if (child === undefined) this.occupied &= ~bit;
    else this.occupied |= bit;
    this.over ??= [...NO_CHILDREN];
    this.over[nibble] = child;
  }

  /** One that may be changed. */
  copy(): BranchNode {
    const copy = new BranchNode([], this.value);
    copy.occupied = this.occupied;
    copy.encoded = copyBytes(this.encoded);
    copy.encodedChildren = this.encodedChildren;
    copy.over = this.over?.slice();
    copy.isOwn = true;
    return copy;
  }

  get count(): number {
    return bitCount(this.occupied);
  }

  /** Nibble of the first child; -1 where there is none. */
  get first(): number {
    return this.occupied === 0 ? -1 : 31 - Math.clz32(this.occupied & -this.occupied);
  }

  /** Whether it has two children or more, all of them hashes, and no key ends here. */
  get isPlain(): boolean {
    if (this.value !== undefined || this.count < 2) return false;
    return this.over === undefined || this.over.every((child) => child === undefined || child instanceof Uint8Array);
  }

  /** All of them, 16. */
  get children(): readonly (Child | undefined)[] {
    return NO_CHILDREN.map((_, nibble) => this.child(nibble));
  }

  /** The encoding of a plain one. */
  encodePlain(): Uint8Array {
    if (this.over === undefined) return this.encoded;
    const bytes = this.occupied === this.encodedChildren ? copyBytes(this.encoded) : this.encodeAnew();
    let at = bytes[0] === 0xf9 ? 3 : 2;
    for (let nibble = 0; nibble < CHILDREN; nibble++, at++) {
      if (!this.has(nibble)) continue;
      const over = this.over?.[nibble];
      if (over instanceof Uint8Array) copyHash(over, 0, bytes, at + 1);
      at += HASH_SIZE;
    }
    return bytes;
  }

  /** All but the hashes in `over`. */
  private encodeAnew(): Uint8Array {
    const size = CHILDREN + 1 + this.count * HASH_SIZE;
    const head = size > 0xff ? [0xf9, size >> 8, size & 0xff] : [0xf8, size];
    const bytes = zeroBytes(head.length + size);
    bytes.set(head);
    let at = head.length;
    for (let nibble = 0; nibble < CHILDREN; nibble++) {
      bytes[at++] = this.has(nibble) ? HASH_ITEM : EMPTY_ITEM;
      if (!this.has(nibble)) continue;
      if (this.over?.[nibble] === undefined) copyHash(this.encoded, this.placeOf(nibble), bytes, at);
      at += HASH_SIZE;
    }
    bytes[at] = EMPTY_ITEM;
    return bytes;
  }

  /** Takes the children of a plain one from its own encoding from now on. */
  settle(bytes: Uint8Array): void {
    this.encoded = bytes;
    this.encodedChildren = this.occupied;
    this.over = undefined;
    this.isOwn = false;
  }
}

export type TrieNode = LeafNode | ExtensionNode | BranchNode;

/** Greatest nesting and count of items in a node: short nodes embedded in short nodes in a branch. */
const NODE_RLP_LIMITS = { depthMax: 8, itemsMax: 1024 };

export function invalidNode(reason: string, path: NibblePath): CodedError {
  return new CodedError("INVALID_TRIE_NODE", `invalid trie node: ${reason}`, { path });
}

export const notABranch = (path: NibblePath): CodedError => invalidNode("an extension leads to no branch", path);

function decodeBytes(item: RlpItem | undefined, path: NibblePath): Uint8Array {
  if (!(item instanceof Uint8Array)) throw invalidNode("a path or value is not a byte string", path);
  return item;
}

function decodeChild(item: RlpItem, path: NibblePath): Child | undefined {
  if (Array.isArray(item)) {
    if (encodedSize(item) >= HASH_SIZE) throw invalidNode("an embedded node is not shorter than a hash", path);
    return decodeItem(item, path);
  }
  if (item.length === 0) return undefined;
  if (item.length !== HASH_SIZE) throw invalidNode("a reference is neither a hash nor a node", path);
  return item;
}

function decodeBranch(items: readonly RlpItem[], path: NibblePath): BranchNode {
  const children = items.slice(0, CHILDREN).map((item) => decodeChild(item, path));
  const value = decodeBytes(items[CHILDREN], path);
  const branch = new BranchNode(children, value.length > 0 ? value : undefined);
  if (branch.count + (branch.value === undefined ? 0 : 1) < 2) {
    throw invalidNode("a branch holds less than two things", path);
  }
  return branch;
}

function decodeExtension(below: NibblePath, item: RlpItem, path: NibblePath): ExtensionNode {
  if (below === "") throw invalidNode("an extension has an empty path", path);
  const child = decodeChild(item, path);
  if (child === undefined) throw invalidNode("an extension leads nowhere", path);
  if (!(child instanceof Uint8Array) && child.kind !== "branch") throw notABranch(path);
  return { kind: "extension", path: below, child };
}

function decodeItem(item: RlpItem, path: NibblePath): TrieNode {
  if (!Array.isArray(item)) throw invalidNode("not a list", path);
  if (item.length === 17) return decodeBranch(item, path);
  const [compact, content] = item;
  if (item.length !== 2 || content === undefined) throw invalidNode("a list of neither 2 nor 17 items", path);
  const decoded = decodeCompact(decodeBytes(compact, path));
  if (decoded === undefined) throw invalidNode("not a hex-prefix path", path);
  if (!decoded.isLeaf) return decodeExtension(decoded.path, content, path);
  const value = decodeBytes(content, path);
  if (value.length === 0) throw invalidNode("a leaf has no value", path);
  return { kind: "leaf", path: decoded.path, value };
}

/** The end of a string of 2 to 55 bytes that begins at `at`; 0 for anything else. */
function shortStringEnd(bytes: Uint8Array, at: number): number {
  const size = (bytes[at] ?? 0) - EMPTY_ITEM;
  return size >= 2 && size <= 55 && at + size < bytes.length ? at + 1 + size : 0;
}

/** The leaf that `bytes` encode if it is as nearly all are: some bytes of path and of value each. */
function decodePlainLeaf(bytes: Uint8Array): LeafNode | undefined {
  const first = bytes[0] as number;
  const start = first === 0xf8 ? longListStart(bytes) : first - 0xc0 + 1 === bytes.length ? 1 : 0;
  const pathEnd = start === 0 ? 0 : shortStringEnd(bytes, start);
  const valueEnd = pathEnd === 0 ? 0 : shortStringEnd(bytes, pathEnd);
  if (valueEnd === 0 || valueEnd !== bytes.length) return undefined;
  const decoded = decodeCompact(bytes.slice(start + 1, pathEnd));
  return decoded?.isLeaf === true ? { kind: "leaf", path: decoded.path, value: bytes.slice(pathEnd + 1) } : undefined;
}

/**
 * The node that `bytes` encode.
 * @param path where the node is, for the error
 * @throws CodedError `INVALID_TRIE_NODE` unless the encoding is the only one that a valid trie could hold
 */
export function decodeNode(bytes: Uint8Array, path: NibblePath = ""): TrieNode {
  const plain = BranchNode.ofPlain(bytes) ?? decodePlainLeaf(bytes);
  if (plain !== undefined) return plain;
  try {
    return decodeItem(decodeRlp(bytes, NODE_RLP_LIMITS), path);
  } catch (error) {
    if (isCodedError(error, "INVALID_RLP")) throw invalidNode(error.message, path);
    throw error;
  }
}

/** The RLP structure of `node`, given what its children encode to. */
export function nodeToRlp(node: TrieNode, childToRlp: (child: Child, below: NibblePath) => RlpInput): RlpInput {
  if (node.kind === "leaf") return [encodeCompact(node.path, true), node.value];
  if (node.kind === "extension") return [encodeCompact(node.path, false), childToRlp(node.child, node.path)];
  const items: RlpInput[] = node.children.map((child, nibble) =>
    child === undefined ? EMPTY_BYTES : childToRlp(child, nibbleOf(nibble)),
  );
  items.push(node.value ?? EMPTY_BYTES);
  return items;
}

const childToRlp = (child: Child): RlpInput => (child instanceof Uint8Array ? child : nodeToRlp(child, childToRlp));

/** The encoding of a leaf whose path is what follows on the first `from` nibbles of `key`. */
export function encodeLeaf(key: NibblePath, from: number, value: Uint8Array): Uint8Array {
  const pathSize = ((key.length - from) >> 1) + 1;
  // The one byte of a short path is below 0x80, and its own encoding.
  const pathHead = pathSize === 1 ? 0 : 1;
  const contents = pathHead + pathSize + encodedSize(value);
  const bytes = zeroBytes(listHeaderSize(contents) + contents);
  let at = writeListHeader(bytes, 0, contents);
  if (pathHead === 1) bytes[at++] = EMPTY_ITEM + pathSize;
  at = writeCompact(bytes, at, key, from, true);
  writeString(bytes, at, value);
  return bytes;
}

/** The encoding of a node whose children are hashes, or nodes that are embedded in it. */
export function encodeNode(node: TrieNode): Uint8Array {
  if (node.kind === "branch" && node.isPlain) return node.encodePlain();
  if (node.kind === "leaf") return encodeLeaf(node.path, 0, node.value);
  return encodeRlp(nodeToRlp(node, childToRlp));
}

/**
 * Reads the node stored at `path` and checks it against the hash that its parent names (the root, for path "").
 * @throws CodedError `INVALID_TRIE_NODE` when it is missing, malformed or another one
 */
export function loadNode(read: TrieNodeReader, hash: Uint8Array, path: NibblePath): TrieNode {
  const bytes = read(path);
  if (bytes === undefined) throw invalidNode("it is missing", path);
  if (bytes.length < HASH_SIZE && path !== "") throw invalidNode("a short node is not embedded in its parent", path);
  if (!equalBytes(keccak256(bytes), hash)) throw invalidNode("it does not match its hash", path);
  return decodeNode(bytes, path);
}

/** Paths of the nodes, stored by themselves, that a trie has on the way to a key; the root's first. */
export function pathsToward(read: TrieNodeReader, key: NibblePath): readonly NibblePath[] {
  const paths: NibblePath[] = [];
  for (let path: NibblePath = ""; ; ) {
    const bytes = read(path);
    if (bytes === undefined) return paths;
    paths.push(path);
    const node = decodeNode(bytes, path);
    const step = node.kind === "branch" ? key.slice(path.length, path.length + 1) : node.path;
    if (node.kind === "leaf" || step === "" || !key.startsWith(step, path.length)) return paths;
    path += step;
  }
}
