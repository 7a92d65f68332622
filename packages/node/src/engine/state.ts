/**
 * Flat state and its tries over any source of rows: reading it, applying what a block changed, and taking that back.
 * `apply` and `unwind` are each other's inverse; both end in the root that the tries then have.
 */

import {
  bigIntToBytes,
  bytesToBigInt,
  bytesToHex,
  compareBytes,
  concatBytes,
  type Hex,
  hexToBytes,
} from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { decodeAccount, encodeAccount } from "@counterpart/core/chain/account";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { Account } from "@counterpart/core/chain/types";
import { encodeRlp } from "@counterpart/core/codec/rlp";
import type { AccountChange, StateChanges, StateReader } from "@counterpart/core/execution/types";
import type { StoreReader } from "@counterpart/core/ports/store";
import type { NodeCache } from "@counterpart/core/trie/node-cache";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import type { NibblePath, TrieChange, TrieNodeReader, TrieUpdate } from "@counterpart/core/trie/types";
import { updateTrie } from "@counterpart/core/trie/update";
import { walkTrie } from "@counterpart/core/trie/walk";
import type { Overlay, PreviousValue } from "./overlay.ts";
import { accountKey, accountNodeKey, slotKey, storageKey, storageNodeKey } from "./rows.ts";

type RowReader = Pick<StoreReader, "get">;
/** What changes are applied to and taken back from. */
type StateRows = Pick<Overlay, "get" | "put">;

const EMPTY = new Uint8Array(0);
const NONE: ReadonlySet<Hex> = new Set();

export function readAccount(rows: RowReader, addressHash: Uint8Array): Account | undefined {
  const row = rows.get("accounts", addressHash);
  return row === undefined ? undefined : decodeAccount(row);
}

export const accountNodes =
  (rows: RowReader): TrieNodeReader =>
  (path) =>
    rows.get("accountNodes", accountNodeKey(path));

export const storageNodes =
  (rows: RowReader, addressHash: Uint8Array): TrieNodeReader =>
  (path) =>
    rows.get("storageNodes", storageNodeKey(addressHash, path));

export function createStateReader(rows: RowReader): StateReader {
  return {
    account: (address) => readAccount(rows, accountKey(address)),
    storage(address, slot) {
      const row = rows.get("storage", storageKey(accountKey(address), slot));
      return row === undefined ? 0n : bytesToBigInt(row);
    },
    code(codeHash) {
      if (codeHash === EMPTY_CODE_HASH) return EMPTY;
      const code = rows.get("codes", hexToBytes(codeHash));
      if (code === undefined) throw new CodedError("STORE_CORRUPT", `code ${codeHash} is missing`);
      return code;
    },
  };
}

/** Works on this node's own tries. @throws CodedError `STORE_CORRUPT` where they do not hold together */
export function onOwnTrie<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isCodedError(error, "INVALID_TRIE_NODE")) throw error;
    throw new CodedError("STORE_CORRUPT", `the state's tries do not hold together: ${error.message}`);
  }
}

/** Leaf value of a storage trie: the RLP of the value without leading zeros. */
const storageLeaf = (value: Uint8Array | null): Uint8Array | null => (value === null ? null : encodeRlp(value));

interface SlotChange {
  readonly slotHash: Uint8Array;
  /** Without leading zeros; `null`: zero. */
  readonly value: Uint8Array | null;
  /** What was there, where it is known. */
  readonly before?: Uint8Array | null;
}

/** @param root that the trie has on the overlay; returns the one it has then */
export function updateStorageTrie(
  overlay: StateRows,
  addressHash: Uint8Array,
  root: Hex,
  slots: readonly SlotChange[],
  cache?: NodeCache,
): Hex {
  const changes = slots.map(
    ({ slotHash, value, before = null }): TrieChange => ({
      key: slotHash,
      value: storageLeaf(value),
      before: storageLeaf(before),
    }),
  );
  const update = onOwnTrie(() => updateTrie(storageNodes(overlay, addressHash), root, changes, cache));
  for (const [path, node] of update.nodes) overlay.put("storageNodes", storageNodeKey(addressHash, path), node);
  return update.root;
}

export function updateAccountTrie(
  overlay: StateRows,
  root: Hex,
  changes: readonly TrieChange[],
  cache?: NodeCache,
): Hex {
  const update: TrieUpdate = onOwnTrie(() => updateTrie(accountNodes(overlay), root, changes, cache));
  for (const [path, node] of update.nodes) overlay.put("accountNodes", accountNodeKey(path), node);
  return update.root;
}

/** So many leaves are changed at a stretch. Every stretch hashes the nodes at the top of the trie anew. */
const LEAVES_PER_STEP = 256;

/** Parts of neighbours, so that few nodes are on the way to more than one of them. */
function* inSteps<T>(changes: T[], keyOf: (change: T) => Uint8Array): Generator<readonly T[], void> {
  if (changes.length > LEAVES_PER_STEP) changes.sort((a, b) => compareBytes(keyOf(a), keyOf(b)));
  for (let at = 0; at < changes.length; at += LEAVES_PER_STEP) yield changes.slice(at, at + LEAVES_PER_STEP);
}

function* applyStorage(
  overlay: StateRows,
  addressHash: Uint8Array,
  rootBefore: Hex,
  slots: ReadonlyMap<Hex, bigint>,
  cache: NodeCache | undefined,
): Generator<void, Hex> {
  const changed = [...slots].map(([slot, number]): SlotChange => {
    const slotHash = slotKey(slot);
    const key = concatBytes(addressHash, slotHash);
    const value = number === 0n ? null : bigIntToBytes(number);
    const before = overlay.get("storage", key) ?? null;
    overlay.put("storage", key, value);
    return { slotHash, value, before };
  });
  let root = rootBefore;
  for (const part of inSteps(changed, ({ slotHash }) => slotHash)) {
    root = updateStorageTrie(overlay, addressHash, root, part, cache);
    yield;
  }
  return root;
}

/** Takes away all that an account stores; before Cancun code can remove an account that stores anything (EIP-6780). */
function clearStorage(overlay: StateRows, addressHash: Uint8Array, root: Hex): void {
  const paths: NibblePath[] = [];
  onOwnTrie(() => {
    for (const { key } of walkTrie(storageNodes(overlay, addressHash), root, (path) => paths.push(path))) {
      overlay.put("storage", concatBytes(addressHash, hexToBytes(`0x${key}`)), null);
    }
  });
  for (const path of paths) overlay.put("storageNodes", storageNodeKey(addressHash, path), null);
}

function nextAccount(previous: Account | undefined, change: AccountChange | undefined, storageRoot: Hex): Account {
  const { nonce, balance, codeHash } = change ?? previous ?? { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };
  return { nonce, balance, storageRoot, codeHash };
}

/**
 * Applies a block's changes to flat rows and tries, in steps of some milliseconds. In between, what the overlay holds is
 * neither the state before nor that after.
 * @param rootBefore state root before
 * @param cache nodes of the tries that need not be read
 * @returns state root after
 */
export function* applyingChanges(
  overlay: StateRows,
  rootBefore: Hex,
  changes: StateChanges,
  cache?: NodeCache,
): Generator<void, Hex> {
  for (const [codeHash, code] of changes.codes) overlay.put("codes", hexToBytes(codeHash), code);
  const leaves: TrieChange[] = [];
  const cleared = changes.cleared ?? NONE;
  for (const address of new Set([...changes.accounts.keys(), ...changes.storage.keys(), ...cleared])) {
    const key = accountKey(address);
    const before = overlay.get("accounts", key);
    const previous = before && decodeAccount(before);
    const slots = changes.storage.get(address);
    const change = changes.accounts.get(address);
    let oldRoot = previous?.storageRoot ?? EMPTY_TRIE_ROOT;
    if ((change === null || cleared.has(address)) && oldRoot !== EMPTY_TRIE_ROOT) {
      clearStorage(overlay, key, oldRoot);
      oldRoot = EMPTY_TRIE_ROOT;
    }
    const storageRoot = slots === undefined ? oldRoot : yield* applyStorage(overlay, key, oldRoot, slots, cache);
    const value = change === null ? null : encodeAccount(nextAccount(previous, change, storageRoot));
    overlay.put("accounts", key, value);
    leaves.push({ key, value, before: before ?? null });
  }
  let root = rootBefore;
  for (const part of inSteps(leaves, ({ key }) => key)) {
    root = updateAccountTrie(overlay, root, part, cache);
    yield;
  }
  return root;
}

/** The same at a stretch. */
export function applyChanges(overlay: StateRows, root: Hex, changes: StateChanges, cache?: NodeCache): Hex {
  const steps = applyingChanges(overlay, root, changes, cache);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

function restoreStorage(overlay: StateRows, previous: readonly PreviousValue[]): void {
  const byAccount = new Map<Hex, { slotHash: Uint8Array; value: Uint8Array | null }[]>();
  for (const { key, value } of previous) {
    const account = bytesToHex(key.subarray(0, 32));
    const slots = byAccount.get(account) ?? [];
    byAccount.set(account, slots);
    slots.push({ slotHash: key.subarray(32), value });
  }
  for (const [account, slots] of byAccount) {
    const addressHash = hexToBytes(account);
    const root = readAccount(overlay, addressHash)?.storageRoot ?? EMPTY_TRIE_ROOT;
    updateStorageTrie(overlay, addressHash, root, slots);
  }
}

/**
 * Takes one block's changes back: restores the rows and recomputes the tries from them.
 * @param root state root after the block
 * @returns state root before the block
 */
export function unwindChanges(overlay: StateRows, root: Hex, previous: readonly PreviousValue[]): Hex {
  const of = (table: PreviousValue["table"]): PreviousValue[] => previous.filter((row) => row.table === table);
  // Storage tries first: they start from the storage roots that the accounts still hold.
  restoreStorage(overlay, of("storage"));
  for (const { table, key, value } of previous) overlay.put(table, key, value);
  return updateAccountTrie(overlay, root, of("accounts"));
}
