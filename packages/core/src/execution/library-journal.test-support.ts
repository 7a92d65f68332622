/**
 * State under execution: writes in memory over a `StateReader`, with an undo log. Everything of one block lives here
 * until `changes` is taken; its size is bounded by the block's gas.
 */

import type { Hex } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import type { Account } from "../chain/types.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/ordered.ts";
import type { AccountChange, StateChanges, StateReader } from "./types.ts";

/** A point to come back to when an execution breaks off. */
export interface JournalMark {
  readonly undoLength: number;
  readonly depth: number;
}

export interface StateJournal {
  account(address: Hex): Account | undefined;
  /** `undefined` leaves no account; its storage is to be cleared too. */
  setAccount(address: Hex, account: Account | undefined): void;
  code(address: Hex): Uint8Array;
  /** Stores code and sets the account's code hash; makes the account when there is none. */
  setCode(address: Hex, code: Uint8Array): void;
  storage(address: Hex, slot: Hex): bigint;
  setStorage(address: Hex, slot: Hex, value: bigint): void;
  clearStorage(address: Hex): void;
  /** Value of a slot when the transaction began (EIP-2200). */
  originalStorage(address: Hex, slot: Hex): bigint;
  checkpoint(): void;
  commit(): void;
  revert(): void;
  mark(): JournalMark;
  /** Takes everything since `mark` back, however many checkpoints are still open. */
  restore(mark: JournalMark): void;
  /** Forgets what belongs to one transaction: the original values of slots. */
  endTransaction(): void;
  /** Accounts to which `setCode` was called since this was last asked, with their code hash before. */
  takeCoded(): ReadonlyMap<Hex, Hex>;
  /** Everything that differs from the reader. */
  changes(): StateChanges;
}

const NO_ACCOUNT: Account = { nonce: 0n, balance: 0n, storageRoot: EMPTY_TRIE_ROOT, codeHash: EMPTY_CODE_HASH };

class Journal implements StateJournal {
  readonly #reader: StateReader;
  readonly #loadedAccounts = new Map<Hex, Account | undefined>();
  readonly #accounts = new Map<Hex, Account | undefined>();
  readonly #loadedStorage = new Map<Hex, Map<Hex, bigint>>();
  readonly #storage = new Map<Hex, Map<Hex, bigint>>();
  readonly #codes = new Map<Hex, Uint8Array>();
  readonly #undo: (() => void)[] = [];
  readonly #checkpoints: number[] = [];
  #originals = new Map<Hex, Map<Hex, bigint>>();
  #coded = new Map<Hex, Hex>();

  constructor(reader: StateReader) {
    this.#reader = reader;
  }

  #loadedAccount(address: Hex): Account | undefined {
    const known = this.#loadedAccounts.get(address);
    if (known !== undefined || this.#loadedAccounts.has(address)) return known;
    const account = this.#reader.account(address);
    this.#loadedAccounts.set(address, account);
    return account;
  }

  #loadedSlot(address: Hex, slot: Hex): bigint {
    const slots = this.#loadedStorage.get(address) ?? new Map<Hex, bigint>();
    this.#loadedStorage.set(address, slots);
    const value = slots.get(slot) ?? this.#reader.storage(address, slot);
    slots.set(slot, value);
    return value;
  }

  account(address: Hex): Account | undefined {
    const written = this.#accounts.get(address);
    if (written !== undefined || this.#accounts.has(address)) return written;
    return this.#loadedAccount(address);
  }

  setAccount(address: Hex, account: Account | undefined): void {
    const had = this.#accounts.has(address);
    const previous = this.#accounts.get(address);
    this.#undo.push(() => {
      if (had) this.#accounts.set(address, previous);
      else this.#accounts.delete(address);
    });
    this.#accounts.set(address, account);
  }

  code(address: Hex): Uint8Array {
    const hash = this.account(address)?.codeHash ?? EMPTY_CODE_HASH;
    return this.#codes.get(hash) ?? this.#reader.code(hash);
  }

  setCode(address: Hex, code: Uint8Array): void {
    const account = this.account(address) ?? NO_ACCOUNT;
    const codeHash = keccak256Hex(code);
    if (!this.#coded.has(address)) this.#coded.set(address, account.codeHash);
    // Content under its hash needs no undoing; `changes` takes only what an account refers to.
    if (code.length > 0) this.#codes.set(codeHash, code);
    this.setAccount(address, { ...account, codeHash });
  }

  storage(address: Hex, slot: Hex): bigint {
    return this.#storage.get(address)?.get(slot) ?? this.#loadedSlot(address, slot);
  }

  setStorage(address: Hex, slot: Hex, value: bigint): void {
    this.#keepOriginal(address, slot, this.storage(address, slot));
    const known = this.#storage.get(address);
    const slots = known ?? new Map<Hex, bigint>();
    if (known === undefined) this.#replaceStorage(address, slots);
    const previous = slots.get(slot);
    this.#undo.push(() => {
      if (previous === undefined) slots.delete(slot);
      else slots.set(slot, previous);
    });
    slots.set(slot, value);
  }

  #keepOriginal(address: Hex, slot: Hex, value: bigint): void {
    const slots = this.#originals.get(address) ?? new Map<Hex, bigint>();
    this.#originals.set(address, slots);
    // Reverts bring a slot's value back, so the first write of a transaction always sees the original.
    if (!slots.has(slot)) slots.set(slot, value);
  }

  #replaceStorage(address: Hex, slots: Map<Hex, bigint>): void {
    const previous = this.#storage.get(address);
    this.#undo.push(() => {
      if (previous === undefined) this.#storage.delete(address);
      else this.#storage.set(address, previous);
    });
    this.#storage.set(address, slots);
  }

  clearStorage(address: Hex): void {
    // Only accounts without storage in the reader are created or removed, so forgetting the slots written here is
    // enough: an account with storage has code or a nonce, which forbids creation there (EIP-684, EIP-7610), and
    // SELFDESTRUCT removes only what its own transaction created (EIP-6780).
    const loaded = this.#loadedAccount(address);
    assert(loaded === undefined || loaded.storageRoot === EMPTY_TRIE_ROOT, `storage of ${address} cannot be cleared`);
    this.#replaceStorage(address, new Map());
  }

  originalStorage(address: Hex, slot: Hex): bigint {
    return this.#originals.get(address)?.get(slot) ?? this.storage(address, slot);
  }

  checkpoint(): void {
    this.#checkpoints.push(this.#undo.length);
  }

  commit(): void {
    assert(this.#checkpoints.pop() !== undefined, "no checkpoint to commit");
    if (this.#checkpoints.length === 0) this.#undo.length = 0;
  }

  revert(): void {
    const length = this.#checkpoints.pop();
    assert(length !== undefined, "no checkpoint to revert");
    this.#undoTo(length);
  }

  #undoTo(length: number): void {
    while (this.#undo.length > length) this.#undo.pop()?.();
  }

  mark(): JournalMark {
    return { undoLength: this.#undo.length, depth: this.#checkpoints.length };
  }

  restore({ undoLength, depth }: JournalMark): void {
    this.#undoTo(undoLength);
    this.#checkpoints.length = depth;
    this.#coded.clear();
    this.endTransaction();
  }

  endTransaction(): void {
    this.#originals = new Map();
  }

  takeCoded(): ReadonlyMap<Hex, Hex> {
    const coded = this.#coded;
    this.#coded = new Map();
    return coded;
  }

  changes(): StateChanges {
    const accounts = new Map<Hex, AccountChange | null>();
    const codes = new Map<Hex, Uint8Array>();
    for (const [address, account] of this.#accounts) {
      const original = this.#loadedAccount(address);
      if (sameAccount(original, account)) continue;
      accounts.set(address, account === undefined ? null : changeOf(account));
      const code = account === undefined ? undefined : this.#codes.get(account.codeHash);
      if (account !== undefined && code !== undefined && account.codeHash !== original?.codeHash) {
        codes.set(account.codeHash, code);
      }
    }
    return { accounts, storage: this.#storageChanges(), codes };
  }

  #storageChanges(): Map<Hex, ReadonlyMap<Hex, bigint>> {
    const storage = new Map<Hex, ReadonlyMap<Hex, bigint>>();
    for (const [address, slots] of this.#storage) {
      const changed = [...slots].filter(([slot, value]) => value !== this.#loadedSlot(address, slot));
      if (changed.length > 0) storage.set(address, new Map(changed));
    }
    return storage;
  }
}

const changeOf = ({ nonce, balance, codeHash }: Account): AccountChange => ({ nonce, balance, codeHash });

function sameAccount(a: Account | undefined, b: Account | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.nonce === b.nonce && a.balance === b.balance && a.codeHash === b.codeHash;
}

export function createStateJournal(reader: StateReader): StateJournal {
  return new Journal(reader);
}
