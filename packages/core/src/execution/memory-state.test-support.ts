/** A whole state in memory, for tests: a `StateReader` that changes can be applied to. */

import { bigIntToBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { encodeAccount } from "../chain/account.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import type { Account } from "../chain/types.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { keccak256 } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/ordered.ts";
import { updateTrie } from "../trie/update.ts";
import type { StateChanges, StateReader } from "./types.ts";

export interface MemoryState extends StateReader {
  /** Takes changes in, and brings the storage roots of accounts up to date. */
  apply(changes: StateChanges): void;
  /** Root of the state trie. */
  root(): Hex;
  addresses(): Hex[];
  /** Another state, the same as this one now. */
  copy(): MemoryState;
}

const EMPTY_TRIE = (): undefined => undefined;

function storageRootOf(slots: ReadonlyMap<Hex, bigint>): Hex {
  const leaves = [...slots].map(([slot, value]) => ({
    key: keccak256(hexToBytes(slot)),
    value: encodeRlp(bigIntToBytes(value)),
  }));
  return updateTrie(EMPTY_TRIE, EMPTY_TRIE_ROOT, leaves).root;
}

interface Content {
  readonly accounts: Map<Hex, Account>;
  readonly storage: Map<Hex, Map<Hex, bigint>>;
  readonly codes: Map<Hex, Uint8Array>;
}

const empty = (): Content => ({
  accounts: new Map(),
  storage: new Map(),
  codes: new Map([[EMPTY_CODE_HASH, new Uint8Array(0)]]),
});

export function createMemoryState({ accounts, storage, codes }: Content = empty()): MemoryState {
  const slotsOf = (address: Hex): Map<Hex, bigint> => {
    const slots = storage.get(address) ?? new Map<Hex, bigint>();
    storage.set(address, slots);
    return slots;
  };

  function forgetStorage({ accounts: changed, cleared = new Set() }: StateChanges): void {
    for (const [address, change] of changed) if (change === null) storage.delete(address);
    for (const address of cleared) storage.delete(address);
  }

  function applyStorage(changes: StateChanges["storage"]): void {
    for (const [address, changed] of changes) {
      const slots = slotsOf(address);
      for (const [slot, value] of changed) {
        if (value === 0n) slots.delete(slot);
        else slots.set(slot, value);
      }
    }
  }

  return {
    account: (address) => accounts.get(address),
    storage: (address, slot) => storage.get(address)?.get(slot) ?? 0n,
    code(codeHash) {
      const code = codes.get(codeHash);
      if (code === undefined) throw new Error(`no code ${codeHash}`);
      return code;
    },
    apply(changes) {
      for (const [hash, code] of changes.codes) codes.set(hash, code);
      forgetStorage(changes);
      applyStorage(changes.storage);
      const { accounts: changed, storage: stored, cleared = [] } = changes;
      for (const address of new Set([...changed.keys(), ...stored.keys(), ...cleared])) {
        const change = changes.accounts.get(address) ?? (changes.accounts.has(address) ? null : accounts.get(address));
        if (change === null || change === undefined) accounts.delete(address);
        else accounts.set(address, { ...change, storageRoot: storageRootOf(slotsOf(address)) });
      }
    },
    root() {
      const leaves = [...accounts].map(([address, account]) => ({
        key: keccak256(hexToBytes(address)),
        value: encodeAccount(account),
      }));
      return updateTrie(EMPTY_TRIE, EMPTY_TRIE_ROOT, leaves).root;
    },
    addresses: () => [...accounts.keys()],
    copy: () =>
      createMemoryState({
        accounts: new Map(accounts),
        storage: new Map([...storage].map(([address, slots]) => [address, new Map(slots)])),
        codes: new Map(codes),
      }),
  };
}
