/**
 * The state under execution: what was read of it and what was written, over a `StateReader`, with an undo log.
 * Everything of one block lives here until `changes` is taken; its size is bounded by the block's gas. Accounts and
 * slots are mutable records that are looked up once and then changed in place; whoever changes one goes through
 * `World`, which notes how to take it back. What belongs to one transaction (warm, touched, original values) carries the
 * transaction's number, so that nothing needs to be swept when the next begins.
 *
 * Keys are text: the hash of a number or BigInt in a `Map` is the same on every machine, so that a contract could be
 * written whose slots all collide; the hash of text is not. Small caches before the maps spare most of the conversions.
 */

import type { Hex } from "../base/bytes.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { EMPTY_TRIE_ROOT } from "../trie/types.ts";
import {
  AccountState,
  changedSlots,
  changeOf,
  hasChanged,
  Slot,
  type TransientSlot,
  valuesOf,
} from "./account-state.ts";
import { type Code, type CodeCache, NO_CODE } from "./code.ts";
import type { TracedAccount } from "./tracer.ts";
import type { AccountChange, StateChanges, StateReader } from "./types.ts";
import { big, hexToWord, normal, type Word, wordToAddress, wordToHex } from "./word.ts";

const RECENT_SLOTS = 512;
const BALANCE_MAX = 2n ** 256n - 1n;

/** What a step of the undo log puts back. */
const UNDO = {
  slotValue: 0,
  slotWarm: 1,
  accountWarm: 2,
  balance: 3,
  nonce: 4,
  code: 5,
  exists: 6,
  touched: 7,
  created: 8,
  destroyed: 9,
  transient: 10,
} as const;
type Undo = (typeof UNDO)[keyof typeof UNDO];

const RECENT_ACCOUNTS = 256;
/** Its touch outlives a revert, as it did once in the history of the main network (EIP-716). */
const RIPEMD_ADDRESS: Hex = `0x${"3".padStart(40, "0")}`;
const NO_HASH: Hex = "0x";

/** Position among the few that were used last: the lowest bits of a word. */
const recentIndex = (word: Word, count: number): number =>
  typeof word === "number" ? word % count : Number(BigInt.asUintN(16, word)) % count;

export class World {
  readonly #reader: StateReader;
  readonly #codes: CodeCache;
  readonly #alwaysWarm: ReadonlySet<Word>;
  /** Warm from the beginning of the transaction, whether it reads them or not. */
  readonly #warmUnread = new Set<Word>();
  readonly #accounts = new Map<Hex, AccountState>();
  readonly #recent: (AccountState | undefined)[] = new Array(RECENT_ACCOUNTS).fill(undefined);
  readonly #recentSlots: (Slot | undefined)[] = new Array(RECENT_SLOTS).fill(undefined);
  readonly #newCodes = new Map<Hex, Code>();
  readonly #undoKinds: Undo[] = [];
  readonly #undoTargets: (AccountState | Slot | TransientSlot)[] = [];
  readonly #undoValues: unknown[] = [];
  #touched: AccountState[] = [];
  #destroyed: AccountState[] = [];
  #coded: AccountState[] = [];
  #transientUsers: AccountState[] = [];
  /** Number of the transaction that runs. */
  #transaction = 1;

  /** @param alwaysWarm addresses of what every transaction finds warm */
  constructor(reader: StateReader, codes: CodeCache, alwaysWarm: ReadonlySet<Word>) {
    this.#reader = reader;
    this.#alwaysWarm = alwaysWarm;
    this.#codes = codes;
  }

  account(address: Hex): AccountState {
    const known = this.#accounts.get(address);
    return this.#current(known ?? this.#load(address, hexToWord(address)));
  }

  /** @param word an address: at most 160 bits */
  accountAt(word: Word): AccountState {
    const index = recentIndex(word, RECENT_ACCOUNTS);
    const recent = this.#recent[index];
    if (recent !== undefined && recent.word === word) return this.#current(recent);
    const address = wordToAddress(word);
    const account = this.#accounts.get(address) ?? this.#load(address, word);
    this.#recent[index] = account;
    return this.#current(account);
  }

  #load(address: Hex, word: Word): AccountState {
    const account = new AccountState(address, word, this.#reader.account(address), this.#alwaysWarm.has(word));
    this.#accounts.set(address, account);
    return account;
  }

  #current(account: AccountState): AccountState {
    if (account.seen !== this.#transaction) {
      account.seen = this.#transaction;
      account.isWarm = account.isAlwaysWarm || this.#warmUnread.has(account.word);
      account.isTouched = false;
      account.isCreated = false;
      account.isDestroyed = false;
    }
    return account;
  }

  /** An account as it is at the moment, without any trace of having been looked at. */
  peek(address: Hex): TracedAccount | undefined {
    const known = this.#accounts.get(address);
    if (known !== undefined && !known.exists) return undefined;
    const account = known ?? this.#reader.account(address);
    if (account === undefined) return undefined;
    const { nonce, balance, codeHash } = account;
    return { nonce, balance, codeHash, code: this.#codeOf(codeHash).bytes };
  }

  /** The same of a slot. */
  peekSlot(address: Hex, key: Hex): bigint {
    const known = this.#accounts.get(address);
    const slot = known?.slots.get(key);
    if (slot !== undefined) return big(slot.value);
    const isEmpty = known !== undefined && (known.isCleared || known.loaded === undefined);
    return isEmpty ? 0n : this.#reader.storage(address, key);
  }

  code(account: AccountState): Code {
    account.code ??= this.#codeOf(account.codeHash);
    return account.code;
  }

  #codeOf(hash: Hex): Code {
    if (hash === EMPTY_CODE_HASH) return NO_CODE;
    return this.#newCodes.get(hash) ?? this.#codes.get(hash, (wanted) => this.#reader.code(wanted));
  }

  slot(account: AccountState, word: Word): Slot {
    const index = recentIndex(word, RECENT_SLOTS);
    let slot = this.#recentSlots[index];
    if (slot === undefined || slot.account !== account || slot.word !== word) {
      slot = this.#findSlot(account, word);
      this.#recentSlots[index] = slot;
    }
    if (slot.seen !== this.#transaction) {
      slot.seen = this.#transaction;
      slot.original = slot.value;
      slot.isWarm = false;
    }
    return slot;
  }

  #findSlot(account: AccountState, word: Word): Slot {
    const key = wordToHex(word);
    const known = account.slots.get(key);
    if (known !== undefined) return known;
    const isEmpty = account.isCleared || account.loaded === undefined;
    const slot = new Slot(account, word, isEmpty ? 0 : normal(this.#reader.storage(account.address, key)));
    account.slots.set(key, slot);
    return slot;
  }

  #note(kind: Undo, target: AccountState | Slot | TransientSlot, previous: unknown): void {
    this.#undoKinds.push(kind);
    this.#undoTargets.push(target);
    this.#undoValues.push(previous);
  }

  setSlot(slot: Slot, value: Word): void {
    this.#note(UNDO.slotValue, slot, slot.value);
    slot.value = value;
  }

  /** Makes a slot warm. Gives whether it was already. */
  warmSlot(slot: Slot): boolean {
    if (slot.isWarm) return true;
    this.#note(UNDO.slotWarm, slot, false);
    slot.isWarm = true;
    return false;
  }

  /** Makes an account warm before anything of the transaction runs, without reading it. */
  warmUnread(word: Word): void {
    this.#warmUnread.add(word);
    const known = this.#accounts.get(wordToAddress(word));
    if (known !== undefined) this.#current(known).isWarm = true;
  }

  /** Makes an account warm. Gives whether it was already. */
  warm(account: AccountState): boolean {
    if (account.isWarm) return true;
    this.#note(UNDO.accountWarm, account, false);
    account.isWarm = true;
    return false;
  }

  /** Notes that the account is to be removed at the end when it is empty then (EIP-161); makes it exist. */
  touch(account: AccountState): void {
    if (!account.isTouched) {
      this.#note(UNDO.touched, account, false);
      account.isTouched = true;
      this.#touched.push(account);
    }
    if (!account.exists) {
      this.#note(UNDO.exists, account, false);
      account.exists = true;
    }
  }

  /** All the ether of a chain is far below 2^256. Only a balance set by hand, or overridden, can go beyond: it stays full. */
  setBalance(account: AccountState, wanted: bigint): void {
    const balance = wanted > BALANCE_MAX ? BALANCE_MAX : wanted;
    this.touch(account);
    if (balance === account.balance) return;
    this.#note(UNDO.balance, account, account.balance);
    account.balance = balance;
  }

  setNonce(account: AccountState, nonce: bigint): void {
    this.touch(account);
    this.#note(UNDO.nonce, account, account.nonce);
    account.nonce = nonce;
  }

  /** Gives an account code. The same bytes under the same hash need no undoing: `changes` takes what accounts refer to. */
  setCode(account: AccountState, code: Code): void {
    this.touch(account);
    this.#note(UNDO.code, account, account.codeHash);
    account.codeHash = code.hash;
    account.code = code;
    if (code.bytes.length > 0) this.#newCodes.set(code.hash, code);
  }

  /** Marks an account as created in this transaction. */
  create(account: AccountState): void {
    this.touch(account);
    this.#note(UNDO.created, account, account.isCreated);
    account.isCreated = true;
    this.#coded.push(account);
  }

  /** Has an account removed when the transaction ends. Gives whether it was to be already. */
  destroy(account: AccountState): boolean {
    if (account.isDestroyed) return true;
    this.#note(UNDO.destroyed, account, false);
    account.isDestroyed = true;
    this.#destroyed.push(account);
    return false;
  }

  transient(account: AccountState, word: Word): Word {
    return account.transient?.get(wordToHex(word))?.value ?? 0;
  }

  setTransient(account: AccountState, word: Word, value: Word): void {
    if (account.transient === undefined) {
      account.transient = new Map();
      this.#transientUsers.push(account);
    }
    const key = wordToHex(word);
    const slot = account.transient.get(key) ?? { value: 0 };
    account.transient.set(key, slot);
    this.#note(UNDO.transient, slot, slot.value);
    slot.value = value;
  }

  /** A point to come back to within the transaction. */
  mark(): number {
    return this.#undoKinds.length;
  }

  revert(mark: number): void {
    for (let at = this.#undoKinds.length - 1; at >= mark; at--) {
      this.#undo(this.#undoKinds[at] as Undo, this.#undoTargets[at], this.#undoValues[at]);
    }
    this.#forget(mark);
  }

  #forget(mark: number): void {
    this.#undoKinds.length = mark;
    this.#undoTargets.length = mark;
    this.#undoValues.length = mark;
  }

  #undo(kind: Undo, target: unknown, previous: unknown): void {
    if (kind === UNDO.slotValue || kind === UNDO.transient) (target as Slot).value = previous as Word;
    else if (kind === UNDO.slotWarm) (target as Slot).isWarm = false;
    else this.#undoAccount(kind, target as AccountState, previous);
  }

  #undoAccount(kind: Undo, account: AccountState, previous: unknown): void {
    if (kind === UNDO.accountWarm) account.isWarm = false;
    else if (kind === UNDO.balance) account.balance = previous as bigint;
    else if (kind === UNDO.nonce) account.nonce = previous as bigint;
    else if (kind === UNDO.exists) account.exists = previous as boolean;
    else if (kind === UNDO.touched) account.isTouched = account.address === RIPEMD_ADDRESS;
    else if (kind === UNDO.created) account.isCreated = previous as boolean;
    else if (kind === UNDO.destroyed) account.isDestroyed = false;
    else if (kind === UNDO.code) {
      account.codeHash = previous as Hex;
      account.code = undefined;
    }
  }

  /** Accounts that were created as contracts in this transaction and hold code. */
  created(): AccountState[] {
    const created = this.#coded.filter(
      ({ isCreated, isDestroyed, codeHash }) => isCreated && !isDestroyed && codeHash !== EMPTY_CODE_HASH,
    );
    return [...new Set(created)];
  }

  /** Ends the transaction: removes what is to be removed, and forgets how to go back. */
  endTransaction(removesEmpty: boolean): void {
    for (const account of this.#destroyed) if (account.isDestroyed) this.#remove(account);
    if (removesEmpty) {
      for (const account of this.#touched) if (account.isTouched && account.isEmpty) this.#remove(account);
    }
    for (const account of this.#transientUsers) account.transient = undefined;
    this.#touched = [];
    this.#destroyed = [];
    this.#coded = [];
    this.#transientUsers = [];
    this.#warmUnread.clear();
    this.#forget(0);
    this.#transaction++;
  }

  #remove(account: AccountState): void {
    account.exists = false;
    account.nonce = 0n;
    account.balance = 0n;
    account.codeHash = EMPTY_CODE_HASH;
    account.code = NO_CODE;
    account.isCleared = true;
    for (const slot of account.slots.values()) slot.value = 0;
  }

  /**
   * What the last transaction looked at, as it is now, whether it changed or not, without code: with what earlier ones
   * left, the state after it.
   */
  lastSeen(): StateChanges {
    const accounts = new Map<Hex, AccountChange | null>();
    const storage = new Map<Hex, ReadonlyMap<Hex, bigint>>();
    const cleared = new Set<Hex>();
    const last = this.#transaction - 1;
    for (const [address, account] of this.#accounts) {
      if (account.seen !== last) continue;
      accounts.set(address, changeOf(account));
      if (!account.exists) continue;
      // What was stored before is gone for good, and all that is stored since is known here.
      if (account.isCleared) cleared.add(address);
      const slots = valuesOf(account, account.isCleared ? 0 : last);
      if (slots.size > 0) storage.set(address, slots);
    }
    return { accounts, storage, codes: new Map(), cleared };
  }

  /** Everything that differs from the reader. */
  changes(): StateChanges {
    const accounts = new Map<Hex, AccountChange | null>();
    const storage = new Map<Hex, ReadonlyMap<Hex, bigint>>();
    const codes = new Map<Hex, Uint8Array>();
    const cleared = new Set<Hex>();
    for (const [address, account] of this.#accounts) {
      if (hasChanged(account)) accounts.set(address, changeOf(account));
      const slots = changedSlots(account);
      if (slots.size > 0) storage.set(address, slots);
      const code = this.#newCodes.get(account.codeHash);
      if (code !== undefined && account.codeHash !== (account.loaded?.codeHash ?? NO_HASH)) {
        codes.set(code.hash, code.bytes.slice());
      }
      if (account.exists && account.isCleared && (account.loaded?.storageRoot ?? EMPTY_TRIE_ROOT) !== EMPTY_TRIE_ROOT) {
        cleared.add(address);
      }
    }
    return { accounts, storage, codes, ...(cleared.size > 0 ? { cleared } : {}) };
  }
}
