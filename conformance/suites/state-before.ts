/** The state before a vector's transaction, as tries, and the roots of what comes of it. */

import { bigIntToBytes, EMPTY_BYTES, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { encodeAccount } from "@counterpart/core/chain/account";
import type { Account } from "@counterpart/core/chain/types";
import { encodeRlp } from "@counterpart/core/codec/rlp";
import { keccak256, keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { StateChanges, StateReader } from "@counterpart/core/execution/types";
import { createMemoryTrie, type MemoryTrie } from "@counterpart/core/trie/testing/memory-trie";
import type { TrieChange } from "@counterpart/core/trie/types";
import { updateTrie } from "@counterpart/core/trie/update";
import { hexOf, type Json, type JsonObject } from "../vector-files.ts";
import { fixedHex, numberOf, objectOf, textOf } from "./json-fields.ts";

export interface StateBefore extends StateReader {
  readonly root: Hex;
  /** Root of the state after changes; the state stays as it is. */
  rootAfter(changes: StateChanges): Hex;
}

interface Stored {
  readonly account: Account;
  readonly code: Uint8Array;
  readonly slots: ReadonlyMap<Hex, bigint>;
  readonly trie: MemoryTrie;
}

function slotsOf(storage: JsonObject): Map<Hex, bigint> {
  const slots = Object.entries(storage).map(([slot, value]) => [fixedHex(slot, "slot", 32), numberOf(value, slot)]);
  return new Map((slots as [Hex, bigint][]).filter(([, value]) => value !== 0n));
}

const slotChanges = (slots: ReadonlyMap<Hex, bigint>): TrieChange[] =>
  [...slots].map(([slot, value]) => ({
    key: keccak256(hexToBytes(slot)),
    value: value === 0n ? null : encodeRlp(bigIntToBytes(value)),
  }));

function storedOf(value: Json): Stored {
  const fields = objectOf(value, "an account");
  const code = hexOf(textOf(fields.code, "code"));
  const slots = slotsOf(objectOf(fields.storage, "storage"));
  const trie = createMemoryTrie();
  trie.apply(slotChanges(slots));
  const [nonce, balance] = [numberOf(fields.nonce, "nonce"), numberOf(fields.balance, "balance")];
  return { account: { nonce, balance, storageRoot: trie.root, codeHash: keccak256Hex(code) }, code, slots, trie };
}

const accountChange = (address: Hex, account: Account | null): TrieChange => ({
  key: keccak256(hexToBytes(address)),
  value: account && encodeAccount(account),
});

/** The account that changes make of a stored one; null: there is none. */
function accountAfter(address: Hex, stored: Stored | undefined, changes: StateChanges): Account | null {
  const change = changes.accounts.has(address) ? changes.accounts.get(address) : stored?.account;
  if (change === null || change === undefined) return null;
  const isFresh = stored === undefined || changes.cleared?.has(address) === true;
  const before = isFresh ? createMemoryTrie() : stored.trie;
  const slots = changes.storage.get(address);
  const storageRoot = slots === undefined ? before.root : updateTrie(before.read, before.root, slotChanges(slots)).root;
  const { nonce, balance, codeHash } = change;
  return { nonce, balance, codeHash, storageRoot };
}

/** @param pre the accounts by address, as a vector has them */
export function stateBefore(pre: JsonObject): StateBefore {
  const accounts = new Map<Hex, Stored>();
  for (const [address, value] of Object.entries(pre)) accounts.set(fixedHex(address, "address", 20), storedOf(value));
  const codes = new Map([...accounts.values()].map(({ account, code }) => [account.codeHash, code]));
  const trie = createMemoryTrie();
  trie.apply([...accounts].map(([address, { account }]) => accountChange(address, account)));
  return {
    root: trie.root,
    account: (address) => accounts.get(address)?.account,
    storage: (address, slot) => accounts.get(address)?.slots.get(slot) ?? 0n,
    code: (hash) => codes.get(hash) ?? EMPTY_BYTES,
    rootAfter(changes) {
      const addresses = new Set([...changes.accounts.keys(), ...changes.storage.keys(), ...(changes.cleared ?? [])]);
      const leaves = [...addresses].map((address) =>
        accountChange(address, accountAfter(address, accounts.get(address), changes)),
      );
      return leaves.length === 0 ? trie.root : updateTrie(trie.read, trie.root, leaves).root;
    },
  };
}
