/** Accounts and slots under execution: what was read of each, and what it is now. */

import type { Hex } from "../base/bytes.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import type { Account } from "../chain/types.ts";
import { EMPTY_TRIE_ROOT } from "../trie/types.ts";
import type { Code } from "./code.ts";
import type { AccountChange } from "./types.ts";
import { big, type Word } from "./word.ts";

export class Slot {
  readonly account: AccountState;
  readonly word: Word;
  /** Value in the state beneath. */
  readonly loaded: Word;
  value: Word;
  /** Value when transaction `seen` began (EIP-2200). */
  original: Word;
  /** Transaction for which `original` and `isWarm` hold. */
  seen = 0;
  isWarm = false;

  constructor(account: AccountState, word: Word, loaded: Word) {
    this.account = account;
    this.word = word;
    this.loaded = loaded;
    this.value = loaded;
    this.original = loaded;
  }
}

/** A value of transient storage (EIP-1153). */
export interface TransientSlot {
  value: Word;
}

export class AccountState {
  readonly address: Hex;
  readonly word: Word;
  readonly loaded: Account | undefined;
  exists: boolean;
  nonce: bigint;
  balance: bigint;
  codeHash: Hex;
  /** Undefined until it is needed. */
  code: Code | undefined;
  /** Whether what the state beneath stores for this account is gone. */
  isCleared = false;
  /** Transaction for which what follows holds. */
  seen = 0;
  isWarm: boolean;
  isTouched = false;
  /** Created as a contract in this transaction. */
  isCreated = false;
  isDestroyed = false;
  /** Precompiles are warm from the beginning (EIP-2929). */
  readonly isAlwaysWarm: boolean;
  readonly slots = new Map<Hex, Slot>();
  transient: Map<Hex, TransientSlot> | undefined;

  constructor(address: Hex, word: Word, loaded: Account | undefined, isAlwaysWarm: boolean) {
    this.address = address;
    this.word = word;
    this.isAlwaysWarm = isAlwaysWarm;
    this.isWarm = isAlwaysWarm;
    this.loaded = loaded;
    this.exists = loaded !== undefined;
    this.nonce = loaded?.nonce ?? 0n;
    this.balance = loaded?.balance ?? 0n;
    this.codeHash = loaded?.codeHash ?? EMPTY_CODE_HASH;
  }

  /** EIP-161: no nonce, no balance, no code. */
  get isEmpty(): boolean {
    return this.nonce === 0n && this.balance === 0n && this.codeHash === EMPTY_CODE_HASH;
  }

  get hasStorage(): boolean {
    if (!this.isCleared && this.loaded !== undefined && this.loaded.storageRoot !== EMPTY_TRIE_ROOT) return true;
    for (const { value } of this.slots.values()) if (value !== 0) return true;
    return false;
  }
}

/** What `StateChanges` says of it; null when it does not exist. */
export const changeOf = ({ exists, nonce, balance, codeHash }: AccountState): AccountChange | null =>
  exists ? { nonce, balance, codeHash } : null;

export function hasChanged({ loaded, exists, nonce, balance, codeHash }: AccountState): boolean {
  if (loaded === undefined || !exists) return exists !== (loaded !== undefined);
  return loaded.nonce !== nonce || loaded.balance !== balance || loaded.codeHash !== codeHash;
}

/** Slots that differ from the state beneath, or from none where that is gone. */
export function changedSlots({ exists, isCleared, slots }: AccountState): Map<Hex, bigint> {
  const changed = new Map<Hex, bigint>();
  if (!exists) return changed;
  for (const [key, { value, loaded }] of slots) if (value !== (isCleared ? 0 : loaded)) changed.set(key, big(value));
  return changed;
}

/** Values of the slots that were looked at in transaction `since` or later. */
export function valuesOf({ slots }: AccountState, since: number): Map<Hex, bigint> {
  const values = new Map<Hex, bigint>();
  for (const [key, { value, seen }] of slots) if (seen >= since) values.set(key, big(value));
  return values;
}

/** Stands where there is no account yet. */
export const NOBODY = new AccountState(`0x${"00".repeat(20)}`, 0, undefined, false);
