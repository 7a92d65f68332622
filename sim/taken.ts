/**
 * What must hold of nodes that take state over from peers: what they show is byte for byte what those who executed the
 * blocks have at the same head, and while they take over they show nothing.
 */

import { bytesToHex, EMPTY_BYTES, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { decodeAccount } from "@counterpart/core/chain/account";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import { encodeRlp } from "@counterpart/core/codec/rlp";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { StoreReader } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { type RangeEntry, verifyWhole } from "@counterpart/core/trie/range-proof";
import { EMPTY_TRIE_ROOT, type TrieNodeReader } from "@counterpart/core/trie/types";
import { decodeSegments } from "../packages/node/src/driver/state-fill.ts";
import { accountKey, decodeContract, numberKey } from "../packages/node/src/engine/rows.ts";
import { accountNodes, readAccount, storageNodes } from "../packages/node/src/engine/state.ts";
import { after } from "../packages/node/src/engine/state-view.ts";
import type { BlockMoment, ContractEntry } from "../packages/node/src/engine/types.ts";
import type { Archive } from "./archive.ts";
import { Violation } from "./checks.ts";
import type { Life, SimNode } from "./node.ts";

function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what);
}

const STATE: readonly TableName[] = ["accounts", "storage", "accountNodes", "storageNodes"];
const ROWS_MAX = 1_000_000;

/** Rows by key, those of one account alone where there is a prefix. */
function rowsOf(rows: StoreReader, table: TableName, prefix?: Uint8Array): ReadonlyMap<Hex, Hex> {
  const end = prefix === undefined ? undefined : after(prefix);
  const bounds = { ...(prefix === undefined ? {} : { start: prefix }), ...(end === undefined ? {} : { end }) };
  const found = rows.range(table, { ...bounds, limit: ROWS_MAX });
  return new Map(found.map(({ key, value }) => [bytesToHex(key), bytesToHex(value)]));
}

function demandEqual(what: string, ours: ReadonlyMap<Hex, Hex>, theirs: ReadonlyMap<Hex, Hex>): void {
  for (const [key, value] of theirs) {
    demand(ours.get(key) === value, `${what}: the row ${key} is ${ours.get(key) ?? "missing"}, not ${value}`);
  }
  for (const key of ours.keys()) demand(theirs.has(key), `${what}: the row ${key} is one too many`);
}

export interface TakenDeps {
  readonly archive: Archive;
  readonly count: (what: string) => void;
}

const isOnChain = (rows: StoreReader, moment: BlockMoment | undefined): boolean =>
  moment === undefined || bytesToHex(rows.get("canonical", numberKey(moment.number)) ?? EMPTY_BYTES) === moment.hash;

/** The peer that was asked where the contract comes from has gone before it answered, or kept it to itself. */
const isToBeNamed = (rows: StoreReader, place: Uint8Array): boolean =>
  rows.get("unnamed", accountKey(bytesToHex(place))) !== undefined;

/**
 * A contract's identity in the index, held against the one of who executed its creation. The owner of a factory's child
 * is what somebody told, and nothing proves it: a lie, or that of a branch that lost, is counted and no more.
 */
function checkIdentity(
  what: string,
  rows: StoreReader,
  executed: StoreReader,
  place: Uint8Array,
  deps: TakenDeps,
): void {
  const [ours, theirs] = [rows, executed].map((side) => side.get("contracts", place));
  if (ours === undefined || theirs === undefined) {
    const isLeft = theirs !== undefined && isToBeNamed(rows, place);
    demand(ours === theirs || isLeft, `${what} is in the index of one side only`);
    if (isLeft) deps.count("contract that nobody has named yet");
    return;
  }
  const [mine, other] = [decodeContract(ours), decodeContract(theirs)];
  const shown = ({ address, codeHash, genesis }: ContractEntry): string => `${address} ${codeHash} ${genesis}`;
  demand(shown(mine) === shown(other), `${what} is taken for ${shown(mine)}, and is ${shown(other)}`);
  for (const moment of [mine.created, mine.updated]) {
    demand(isOnChain(executed, moment), `${what} changed in block ${moment?.number}, which is not on the chain`);
  }
  if (mine.owner === other.owner && mine.creationNonce === other.creationNonce) return;
  demand(mine.creationNonce === undefined, `${what} has the owner ${mine.owner}, and not ${other.owner}`);
  deps.count("contract with an owner that nothing proves, and that is wrong");
}

function checkCode(name: string, rows: StoreReader, key: Uint8Array): void {
  const codeHash = readAccount(rows, key)?.codeHash ?? EMPTY_CODE_HASH;
  const isHeld = codeHash === EMPTY_CODE_HASH || rows.get("codes", hexToBytes(codeHash)) !== undefined;
  demand(isHeld, `${name}: the code ${codeHash} is missing`);
}

/** All of the state is that of who executed everything. */
function checkWhole(name: string, rows: StoreReader, theirs: StoreReader, deps: TakenDeps): void {
  for (const table of STATE) demandEqual(`${name}: ${table}`, rowsOf(rows, table), rowsOf(theirs, table));
  for (const { key } of rows.range("accounts", { limit: ROWS_MAX })) checkCode(name, rows, key);
  for (const { key } of theirs.range("contracts", { limit: ROWS_MAX })) {
    checkIdentity(`${name}: contract ${bytesToHex(key)}`, rows, theirs, key, deps);
  }
}

/** What is held of each chosen contract is all there is of it, and nothing is held of others. */
function checkChosen(node: SimNode, { engine }: Pick<Life, "engine">, theirs: StoreReader, deps: TakenDeps): void {
  const rows = node.disk.reader();
  const chosen = new Map(engine.holding.chosen().map((address) => [bytesToHex(accountKey(address)), address]));
  for (const { key } of rows.range("accounts", { limit: ROWS_MAX })) {
    demand(chosen.has(bytesToHex(key)), `${node.name} holds an account that it was not told to hold`);
  }
  for (const { key } of rows.range("storage", { limit: ROWS_MAX })) {
    demand(chosen.has(bytesToHex(key.subarray(0, 32))), `${node.name} holds a slot of what it was not told to hold`);
  }
  for (const [hash, address] of chosen) {
    const key = hexToBytes(hash);
    const [held, executed] = [rows.get("accounts", key), theirs.get("accounts", key)];
    // What was added is not there before it has been fetched.
    if (held === undefined && (executed === undefined || engine.holding.isBehind)) continue;
    const what = `${node.name}: ${address}`;
    demand(held !== undefined && executed !== undefined, `${what} is there on one side only`);
    demand(bytesToHex(held) === bytesToHex(executed), `${what} is another account`);
    for (const table of ["storage", "storageNodes"] as const) {
      demandEqual(`${what}: ${table}`, rowsOf(rows, table, key), rowsOf(theirs, table, key));
    }
    checkCode(node.name, rows, key);
    const place = hexToBytes(address);
    checkIdentity(what, rows, theirs, place, deps);
  }
}

const rootOf = (read: TrieNodeReader): Hex => {
  const node = read("");
  return node === undefined ? EMPTY_TRIE_ROOT : keccak256Hex(node);
};

function demandTrie(what: string, root: Hex, entries: readonly RangeEntry[]): void {
  try {
    verifyWhole(root, entries);
  } catch (error) {
    throw new Violation(`${what}: the trie is not that of the rows: ${String(error)}`);
  }
}

/** While a state is taken over: tries are those of the rows, and an account has its whole storage and its code. */
function checkParts({ name, role, disk }: SimNode, isFilling: boolean): void {
  const rows = disk.reader();
  const accounts = rows.range("accounts", { limit: ROWS_MAX });
  if (role !== "chosen") demandTrie(`${name}: accounts`, rootOf(accountNodes(rows)), accounts);
  const slots = rows.range("storage", { limit: ROWS_MAX });
  const byAccount = Map.groupBy(slots, ({ key }) => bytesToHex(key.subarray(0, 32)));
  for (const [account, own] of byAccount) {
    const entries = own.map(({ key, value }) => ({ key: key.subarray(32), value: encodeRlp(value) }));
    demandTrie(`${name}: storage of ${account}`, rootOf(storageNodes(rows, hexToBytes(account))), entries);
  }
  for (const { key, value } of isFilling ? accounts : []) {
    const { storageRoot } = decodeAccount(value);
    const what = `${name}: ${bytesToHex(key)} was written before its storage`;
    demand(rootOf(storageNodes(rows, key)) === storageRoot, what);
    checkCode(name, rows, key);
  }
}

/** Nothing of a state that is being taken over can be read. */
function checkUnreadable(node: SimNode, { engine }: Pick<Life, "engine">): void {
  const reads: Readonly<Record<string, () => unknown>> = {
    snapshot: () => engine.snapshot(),
    contracts: () => engine.contracts(undefined, 1),
    stateAt: () => engine.stateAt(engine.head().hash, "caller"),
  };
  for (const [name, read] of Object.entries(reads)) {
    try {
      read();
    } catch (error) {
      if (isCodedError(error, "NOT_READY")) continue;
    }
    throw new Violation(`${node.name} lets ${name} read a state that is being taken over`);
  }
}

/** Looks at a node that takes state over, at any moment. */
export function checkTaken(node: SimNode, life: Pick<Life, "engine">, deps: TakenDeps): void {
  const { archive, count } = deps;
  const { adoption, head } = life.engine;
  if (adoption.isUnderway) {
    checkUnreadable(node, life);
    checkParts(node, decodeSegments(adoption.progress()).length > 0);
    count("looked at while taken over");
    return;
  }
  // Before anything is taken over a replica has the genesis.
  if (node.role === "chosen" && head().number === 0) return;
  const theirs = archive.at(head().hash);
  // Whoever sealed it died in the write.
  if (theirs === undefined) {
    count("head that nobody told of");
    return;
  }
  if (node.role === "chosen") checkChosen(node, life, theirs, deps);
  else checkWhole(node.name, node.disk.reader(), theirs, deps);
  count(`state compared: ${node.role}`);
}
