/**
 * State: the tries hold together by their hashes from the head's root down, and the flat rows are exactly their leaves.
 * So the root recomputed from the flat rows is the head's. Both are read in order of key, side by side.
 */

import { bytesToHex, concatBytes, equalBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { decodeAccount } from "@counterpart/core/chain/account";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import { encodeRlp } from "@counterpart/core/codec/rlp";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import type { Entry, StoreReader } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import type { NibblePath, TrieNodeReader } from "@counterpart/core/trie/types";
import { type TrieLeaf, walkTrie } from "@counterpart/core/trie/walk";
import { createAnyChainReader } from "../chain-reader.ts";
import { readChosen } from "../holding.ts";
import { rowsOf } from "../paging.ts";
import { accountKey, accountNodeKey, storageNodeKey } from "../rows.ts";
import { accountNodes, storageNodes } from "../state.ts";
import { corrupt, faultAt, faultOf, type StoreFault } from "./check.ts";
import { readHeld } from "./held.ts";

/** A trie, its rows of nodes, and the flat rows that are its leaves. */
interface TrieOfRows {
  readonly root: Hex;
  readonly read: TrieNodeReader;
  readonly nodeTable: TableName;
  nodeKey(path: NibblePath): Uint8Array;
  readonly leafTable: TableName;
  /** Before the part of a leaf row's key that the trie has. */
  readonly prefix: Uint8Array;
  leafValue(row: Uint8Array): Uint8Array;
}

const SEPARATOR = new Uint8Array(1);
/** Above every key with the prefix. */
const above = (prefix: Uint8Array, length: number): Uint8Array =>
  concatBytes(prefix, new Uint8Array(length).fill(0xff), SEPARATOR);

function* flatRows(rows: StoreReader, { leafTable, prefix }: TrieOfRows): Generator<Entry> {
  if (prefix.length === 0) yield* rowsOf(rows, leafTable);
  else yield* rowsOf(rows, leafTable, prefix, above(prefix, 32));
}

function compareLeaf(leaf: TrieLeaf, row: Entry | undefined, trie: TrieOfRows): StoreFault | undefined {
  const key = concatBytes(trie.prefix, hexToBytes(`0x${leaf.key}`));
  if (row === undefined || !equalBytes(row.key, key)) {
    const order = row !== undefined && bytesToHex(row.key) < bytesToHex(key);
    return order
      ? faultAt(trie.leafTable, row.key, "the row is not in the trie")
      : faultAt(trie.leafTable, key, "the row is missing");
  }
  const equal = equalBytes(trie.leafValue(row.value), leaf.value);
  return equal ? undefined : faultAt(trie.leafTable, key, "the row has another value than the trie");
}

/** Walks a trie beside its flat rows. Ends at the first fault of order, as everything after it would be one too. */
function* checkTrie(rows: StoreReader, trie: TrieOfRows): Generator<StoreFault | undefined> {
  const flat = flatRows(rows, trie);
  let passed = 0;
  let at: NibblePath = "";
  const note = (path: NibblePath): void => {
    passed++;
    at = path;
  };
  const leaves = walkTrie(trie.read, trie.root, note);
  for (;;) {
    let leaf: IteratorResult<TrieLeaf> | undefined;
    const broken = faultOf(trie.nodeTable, trie.nodeKey(at), () => {
      leaf = leaves.next();
      return undefined;
    });
    if (broken !== undefined) return yield broken;
    const row = flat.next().value as Entry | undefined;
    if (leaf === undefined || leaf.done === true) {
      if (row !== undefined) return yield faultAt(trie.leafTable, row.key, "the row is not in the trie");
      break;
    }
    const fault = compareLeaf(leaf.value, row, trie);
    yield fault;
    if (fault !== undefined) return;
  }
  yield* checkNodeCount(rows, trie, passed);
}

/** A row of the table of nodes that the walk did not pass belongs to no node. */
function* checkNodeCount(rows: StoreReader, trie: TrieOfRows, passed: number): Generator<StoreFault | undefined> {
  const { nodeTable, prefix } = trie;
  const nodes = prefix.length === 0 ? rowsOf(rows, nodeTable) : rowsOf(rows, nodeTable, prefix, above(prefix, 65));
  let stored = 0;
  for (const _ of nodes) stored++;
  const message = `${stored} rows of nodes for the ${passed} nodes of the trie`;
  yield stored === passed ? undefined : faultAt(nodeTable, prefix, message);
}

const identity = (row: Uint8Array): Uint8Array => row;

function accountTrie(rows: StoreReader, root: Hex): TrieOfRows {
  return {
    root,
    read: accountNodes(rows),
    nodeTable: "accountNodes",
    nodeKey: accountNodeKey,
    leafTable: "accounts",
    prefix: new Uint8Array(0),
    leafValue: identity,
  };
}

function storageTrie(rows: StoreReader, addressHash: Uint8Array, root: Hex): TrieOfRows {
  return {
    root,
    read: storageNodes(rows, addressHash),
    nodeTable: "storageNodes",
    nodeKey: (path) => storageNodeKey(addressHash, path),
    leafTable: "storage",
    prefix: addressHash,
    leafValue: encodeRlp,
  };
}

/** Root of the trie whose nodes are held. */
function rootHeld(read: TrieNodeReader): Hex {
  const node = read("");
  return node === undefined ? EMPTY_TRIE_ROOT : bytesToHex(keccak256(node));
}

/** Accounts of a replica of some contracts: those that it was told to hold, and no trie. */
function* checkChosen(rows: StoreReader): Generator<StoreFault | undefined> {
  const chosen = new Set([...readChosen(rows)].map((address) => bytesToHex(accountKey(address))));
  for (const { key } of rowsOf(rows, "accounts")) {
    yield chosen.has(bytesToHex(key)) ? undefined : faultAt("accounts", key, "the account was not chosen");
  }
  for (const { key } of rowsOf(rows, "accountNodes")) {
    yield faultAt("accountNodes", key, "there is no trie of accounts where only some are held");
  }
}

export function* checkAccounts(rows: StoreReader): Generator<StoreFault | undefined> {
  const { role, isAdopting } = readHeld(rows);
  if (role === "chosen") return yield* checkChosen(rows);
  const root = isAdopting ? rootHeld(accountNodes(rows)) : createAnyChainReader(rows).head().stateRoot;
  yield* checkTrie(rows, accountTrie(rows, root));
}

/** The storage of every account, and that no storage is nobody's unless it came before its account. */
export function* checkStorage(rows: StoreReader): Generator<StoreFault | undefined> {
  const { isAdopting } = readHeld(rows);
  for (const { key, value } of rowsOf(rows, "accounts")) {
    let root: Hex = EMPTY_TRIE_ROOT;
    yield faultOf("accounts", key, () => {
      root = decodeAccount(value).storageRoot;
      return undefined;
    });
    yield* checkTrie(rows, storageTrie(rows, key, root));
  }
  for (const table of ["storage", "storageNodes"] as const) {
    let owner: Uint8Array | undefined;
    for (const { key } of rowsOf(rows, table)) {
      const next = key.subarray(0, 32);
      if (owner !== undefined && equalBytes(owner, next)) continue;
      owner = next;
      if (rows.get("accounts", owner) !== undefined) yield undefined;
      else if (isAdopting) yield* checkTrie(rows, storageTrie(rows, owner, rootHeld(storageNodes(rows, owner))));
      else yield faultAt(table, key, "its account does not exist");
    }
  }
}

/** Code has the hash it is kept under, and every account's code is there. */
export function* checkCodes(rows: StoreReader): Generator<StoreFault | undefined> {
  for (const { key, value } of rowsOf(rows, "codes")) {
    yield equalBytes(keccak256(value), key) ? undefined : faultAt("codes", key, "the code has another hash");
  }
  for (const { key, value } of rowsOf(rows, "accounts")) {
    yield faultOf("accounts", key, () => {
      const { codeHash } = decodeAccount(value);
      if (codeHash === EMPTY_CODE_HASH || rows.get("codes", hexToBytes(codeHash)) !== undefined) return undefined;
      throw corrupt(`its code ${codeHash} is missing`);
    });
  }
}
