/**
 * Nodes of a Merkle-Patricia trie: their shapes and their strict decoding.
 * Source: Ethereum yellow paper, appendix D.
 */

import { EMPTY_BYTES, equalBytes } from "../base/bytes.ts";
import { CodedError, isCodedError } from "../base/errors.ts";
import { decodeRlp, encodedSize, encodeRlp, encodeRlpList, type RlpInput, type RlpItem } from "../codec/rlp.ts";
import { keccak256 } from "../crypto/crypto.ts";
import { decodeCompact, encodeCompact, nibbleOf } from "./nibbles.ts";
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

export interface BranchNode {
  readonly kind: "branch";
  /** 16, by the next nibble of the key. */
  readonly children: readonly (Child | undefined)[];
  /** Value of the key that ends here. */
  readonly value: Uint8Array | undefined;
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
  const children = items.slice(0, 16).map((item) => decodeChild(item, path));
  const value = decodeBytes(items[16], path);
  const occupied = children.filter((child) => child !== undefined).length + (value.length > 0 ? 1 : 0);
  if (occupied < 2) throw invalidNode("a branch holds less than two things", path);
  return { kind: "branch", children, value: value.length > 0 ? value : undefined };
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

const EMPTY_ITEM = 0x80;
const HASH_ITEM = 0x80 + HASH_SIZE;

/** Where the contents of a list of more than 55 bytes begin that fills `bytes`; 0 for anything else. */
function longListStart(bytes: Uint8Array): number {
  const high = bytes[1] as number;
  if (bytes[0] === 0xf8) return high >= 56 && bytes.length === 2 + high ? 2 : 0;
  if (bytes[0] === 0xf9) return high > 0 && bytes.length === 3 + high * 256 + (bytes[2] as number) ? 3 : 0;
  return 0;
}

/** The branch that `bytes` encode if it is as nearly all are: of hashes only, without a value. */
function decodePlainBranch(bytes: Uint8Array): BranchNode | undefined {
  let at = longListStart(bytes);
  if (at === 0) return undefined;
  const children: (Uint8Array | undefined)[] = [];
  let occupied = 0;
  while (children.length < 16) {
    if (bytes[at] === EMPTY_ITEM) {
      children.push(undefined);
      at++;
    } else if (bytes[at] === HASH_ITEM && at + HASH_SIZE < bytes.length) {
      children.push(bytes.subarray(at + 1, at + 1 + HASH_SIZE));
      at += 1 + HASH_SIZE;
      occupied++;
    } else return undefined;
  }
  const isWhole = bytes[at] === EMPTY_ITEM && at + 1 === bytes.length && occupied >= 2;
  return isWhole ? { kind: "branch", children, value: undefined } : undefined;
}

/**
 * The node that `bytes` encode; its hashes and values are views into them.
 * @param path where the node is, for the error
 * @throws CodedError `INVALID_TRIE_NODE` unless the encoding is the only one that a valid trie could hold
 */
export function decodeNode(bytes: Uint8Array, path: NibblePath = ""): TrieNode {
  const branch = decodePlainBranch(bytes);
  if (branch !== undefined) return branch;
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

/** The encoding of a branch of hashes only, without a value; undefined for another one. */
function encodePlainBranch({ children, value }: BranchNode): Uint8Array | undefined {
  if (value !== undefined) return undefined;
  const contents = new Uint8Array(16 * (1 + HASH_SIZE) + 1);
  let at = 0;
  for (const child of children) {
    if (child === undefined) contents[at++] = EMPTY_ITEM;
    else if (child instanceof Uint8Array) {
      contents[at++] = HASH_ITEM;
      contents.set(child, at);
      at += HASH_SIZE;
    } else return undefined;
  }
  contents[at++] = EMPTY_ITEM;
  return encodeRlpList(contents.subarray(0, at));
}

/** The encoding of a node whose children are hashes, or nodes that are embedded in it. */
export function encodeNode(node: TrieNode): Uint8Array {
  const branch = node.kind === "branch" ? encodePlainBranch(node) : undefined;
  return branch ?? encodeRlp(nodeToRlp(node, childToRlp));
}

/**
 * Nodes that were read or made lately, by their hash, so that they need not be read, hashed and decoded again. For one
 * who applies batch after batch to the same tries.
 */
export interface NodeCache {
  get(hash: Uint8Array): TrieNode | undefined;
  add(hash: Uint8Array, node: TrieNode): void;
}

/** The first six bytes of a hash, a number: who makes two of them equal gets one of the nodes forgotten. */
const shortHash = (hash: Uint8Array): number =>
  (((hash[0] as number) << 16) | ((hash[1] as number) << 8) | (hash[2] as number)) * 0x1000000 +
  (((hash[3] as number) << 16) | ((hash[4] as number) << 8) | (hash[5] as number));

/** @param nodesMax of which some two thirds are there as a rule: what was not asked for of late makes room together */
export function createNodeCache(nodesMax: number): NodeCache {
  type Known = Map<number, { readonly hash: Uint8Array; readonly node: TrieNode }>;
  let young: Known = new Map();
  let old: Known = new Map();
  const add = (hash: Uint8Array, node: TrieNode): void => {
    if (young.size >= nodesMax / 2) {
      old = young;
      young = new Map();
    }
    young.set(shortHash(hash), { hash, node });
  };
  return {
    get(hash) {
      const short = shortHash(hash);
      const recent = young.get(short);
      const found = recent ?? old.get(short);
      if (found === undefined || !equalBytes(found.hash, hash)) return undefined;
      if (recent === undefined) add(found.hash, found.node);
      return found.node;
    },
    add,
  };
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
