/**
 * What peers' answers with state prove: each is held against the request and against a header that is known to be good,
 * and nothing of it is taken on trust. An answer may give less than was asked for, from the end on; what it gives is
 * whole, and whether more follows is read from its proof.
 *
 * All of them throw `INVALID_PROOF` for what no honest peer answers, and `BAD_MESSAGE` for an answer with nothing in it.
 */

import { bytesToHex, equalBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { createAddress } from "../chain/address.ts";
import type { Account, SealedHeader } from "../chain/types.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import type {
  AccountRangeMessage,
  AnsweredState,
  ContractIndexMessage,
  ContractOrigin,
  KeyedRow,
  NodesMessage,
  StateBlock,
  StateMessage,
  StorageMessage,
  WantedState,
  WantedStorage,
} from "../sync/message-types-state.ts";
import { nibbleAt } from "../trie/nibbles.ts";
import { decodeNode, type TrieNode } from "../trie/node.ts";
import type { NibblePath } from "../trie/types.ts";
import {
  type ProvenAccount,
  type ProvenAccounts,
  proving,
  type StateQuery,
  verifyAccountRange,
  verifyAllSlots,
  verifyCode,
  verifySlotRange,
  verifyState,
} from "./state-proof.ts";

/** What is known of the block that an answer is about. */
export type TrustedHeader = Pick<SealedHeader, "hash" | "number" | "stateRoot">;

const LOWEST = new Uint8Array(32);

const refused = (reason: string): CodedError => new CodedError("INVALID_PROOF", `the answer does not hold: ${reason}`);

function checkCount(answered: number, asked: number): void {
  if (answered > asked) throw refused(`it gives ${answered} of ${asked} items`);
  if (answered === 0 && asked > 0) throw new CodedError("BAD_MESSAGE", "the answer makes no progress");
}

function checkBlock({ hash, number }: StateBlock, header: TrustedHeader): void {
  if (hash !== header.hash || number !== header.number) throw refused("it is about another block");
}

/** What the answer speaks of: the accounts and slots asked for, the last account's slots cut where it cuts them. */
function answeredQueries(wanted: readonly WantedState[], accounts: readonly AnsweredState[]): StateQuery[] {
  return accounts.map(({ address, slots }, index) => {
    const asked = wanted[index];
    if (asked?.address !== address) throw refused(`${address} is not the account asked for`);
    const isCut = slots.length < asked.slots.length;
    if (slots.length > asked.slots.length) throw refused(`it gives slots of ${address} that were not asked for`);
    if (isCut && (slots.length === 0 || index !== accounts.length - 1))
      throw refused(`slots of ${address} are missing`);
    return { address, slots: asked.slots.slice(0, slots.length) };
  });
}

function isSameAccount(a: Account | undefined, b: Account | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const isSameContent = a.storageRoot === b.storageRoot && a.codeHash === b.codeHash;
  return isSameContent && a.nonce === b.nonce && a.balance === b.balance;
}

/**
 * Accounts and slots by name.
 * @returns as many as the answer gives, at least one; of the last account perhaps only its first slots
 */
export function verifyStateAnswer(
  header: TrustedHeader,
  wanted: readonly WantedState[],
  { block, accounts, proof }: StateMessage,
): readonly ProvenAccount[] {
  checkBlock(block, header);
  checkCount(accounts.length, wanted.length);
  const proven = verifyState(header.stateRoot, answeredQueries(wanted, accounts), proof);
  for (const [index, { address, account, slots }] of proven.entries()) {
    const told = accounts[index];
    if (!isSameAccount(told?.account, account)) throw refused(`${address} is not as the proof has it`);
    if (slots.some((value, at) => told?.slots[at] !== value)) throw refused(`slots of ${address} are not as proven`);
  }
  return proven;
}

/** All accounts from `start` (32 bytes) to the last that the answer gives, or the proof that there are none. */
export function verifyAccountRangeAnswer(
  header: TrustedHeader,
  start: Uint8Array,
  { block, accounts, proof }: AccountRangeMessage,
): ProvenAccounts {
  checkBlock(block, header);
  return verifyAccountRange(header.stateRoot, start, accounts, proof);
}

export interface ProvenStorage extends WantedStorage {
  /** keccak(slot) and the value without leading zeros, in the order of the keys. */
  readonly slots: readonly KeyedRow[];
  /** Whether there are slots after the last one. */
  readonly more: boolean;
}

/**
 * Slots of storages whose roots are proven, of the first one from `start` (32 bytes) on.
 * @returns as many storages as the answer gives, at least one; all but the last without more to follow
 */
export function verifyStorageAnswer(
  wanted: readonly WantedStorage[],
  start: Uint8Array,
  { pages }: StorageMessage,
): readonly ProvenStorage[] {
  checkCount(pages.length, wanted.length);
  return pages.map(({ slots, proof }, index) => {
    const { account, root } = wanted[index] as WantedStorage;
    const from = index === 0 ? start : LOWEST;
    const isFromLowest = equalBytes(from, LOWEST);
    const isLast = index === pages.length - 1;
    if (proof.length === 0 && isFromLowest) {
      verifyAllSlots(root, slots);
      return { account, root, slots, more: false };
    }
    if (isFromLowest && !isLast) throw refused(`nodes of ${account} that are not needed`);
    const more = verifySlotRange(root, from, slots, proof);
    if (more && !isLast) throw refused(`the storage of ${account} goes on`);
    return { account, root, slots, more };
  });
}

export interface ProvenNode {
  readonly bytes: Uint8Array;
  readonly node: TrieNode;
}

/**
 * Nodes whose hashes are known from the nodes above them.
 * @param hashes of the nodes at the paths asked for
 * @returns as many as the answer gives, at least one
 */
export function verifyNodesAnswer(hashes: readonly Hex[], { nodes }: NodesMessage): readonly ProvenNode[] {
  checkCount(nodes.length, hashes.length);
  return nodes.map((bytes, index) => {
    if (bytes.length === 0) throw refused("it withholds a node");
    if (keccak256Hex(bytes) !== hashes[index]) throw refused("a node is not the one asked for");
    return { bytes, node: proving(() => decodeNode(bytes, "")) };
  });
}

/** The hash of the node at `path` below a node that is proven; undefined where it says nothing of that path. */
function hashBelow(node: TrieNode, path: NibblePath): Uint8Array | undefined {
  let [above, rest]: [TrieNode, NibblePath] = [node, path];
  for (;;) {
    const step = above.kind === "branch" ? rest.slice(0, 1) : above.path;
    if (above.kind === "leaf" || step === "" || !rest.startsWith(step)) return undefined;
    const child = above.kind === "branch" ? above.child(nibbleAt(rest, 0)) : above.child;
    rest = rest.slice(step.length);
    if (child === undefined || child instanceof Uint8Array) return rest === "" ? child : undefined;
    above = child;
  }
}

/**
 * Nodes that are expected at some paths of a trie, of which the root is known.
 * @param paths none before another one that leads to it
 * @returns what the trie has there, by path. Where it has no node of its own, or one that hangs on a node which was not
 *   asked for, there is none.
 */
export function verifyExpectedNodes(
  root: Hex,
  paths: readonly NibblePath[],
  { nodes }: NodesMessage,
): ReadonlyMap<NibblePath, ProvenNode> {
  checkCount(nodes.length, paths.length);
  const proven = new Map<NibblePath, ProvenNode>();
  const hashAt = (path: NibblePath): Hex | undefined => {
    if (path === "") return root;
    for (let length = path.length - 1; length >= 0; length--) {
      const above = proven.get(path.slice(0, length));
      const hash = above === undefined ? undefined : hashBelow(above.node, path.slice(length));
      if (above !== undefined) return hash && bytesToHex(hash);
    }
    return undefined;
  };
  for (const [index, bytes] of nodes.entries()) {
    const path = paths[index] as NibblePath;
    const hash = hashAt(path);
    if (hash === undefined) continue;
    if (keccak256Hex(bytes) !== hash) throw refused("a node is not the one at its path");
    proven.set(path, { bytes, node: proving(() => decodeNode(bytes, "")) });
  }
  return proven;
}

/**
 * Codes whose hashes are known from proven accounts.
 * @returns one for each hash from the first on, `undefined` where the peer does not hold it
 */
export function verifyCodes(
  hashes: readonly Hex[],
  codes: readonly (Uint8Array | undefined)[],
): readonly (Uint8Array | undefined)[] {
  checkCount(codes.length, hashes.length);
  for (const [index, code] of codes.entries()) {
    if (code !== undefined) verifyCode(hashes[index] as Hex, code);
  }
  return codes;
}

/**
 * Where contracts come from, whose accounts are known by the hashes of their addresses. An owner without a nonce is what
 * the peer says; that there is no such contract is not proven either.
 * @param accounts keccak(address) of those asked for
 * @returns one for each from the first on, `undefined` where the peer knows of no contract
 */
export function verifyContractIndex(
  accounts: readonly Hex[],
  { entries }: ContractIndexMessage,
): readonly (ContractOrigin | undefined)[] {
  checkCount(entries.length, accounts.length);
  for (const [index, entry] of entries.entries()) {
    if (entry === undefined) continue;
    const { address, owner, creationNonce } = entry;
    if (keccak256Hex(hexToBytes(address)) !== accounts[index]) throw refused(`${address} has another hash`);
    if (owner === undefined || creationNonce === undefined) continue;
    if (createAddress(owner, creationNonce) !== address) throw refused(`${address} was not created so`);
  }
  return entries;
}
