/**
 * State that a caller of `eth_call` and its relatives puts in the place of what is stored. Source: the state override set
 * of the Ethereum JSON-RPC API, as go-ethereum has it.
 */

import type { Hex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import type { Account } from "../chain/types.ts";
import { checksumAddress, keccak256Hex } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/types.ts";
import type { Precompile } from "./precompiles/types.ts";
import type { AccountChange, StateChanges, StateReader } from "./types.ts";
import { hexToWord, type Word } from "./word.ts";

/** What is different of one account. What is absent stays as it is. */
export interface AccountOverride {
  readonly nonce?: bigint;
  readonly balance?: bigint;
  readonly code?: Uint8Array;
  /** All that the account stores, by 32-byte slot. */
  readonly state?: ReadonlyMap<Hex, bigint>;
  /** Slots that are different; the others stay. Never beside `state`. */
  readonly stateDiff?: ReadonlyMap<Hex, bigint>;
  /** Where the precompile of this address stands instead. */
  readonly movePrecompileTo?: Hex;
}

export type StateOverrides = ReadonlyMap<Hex, AccountOverride>;

export type Precompiles = ReadonlyMap<Word, Precompile>;

const ABSENT: Account = { nonce: 0n, balance: 0n, storageRoot: EMPTY_TRIE_ROOT, codeHash: EMPTY_CODE_HASH };
/** Root of a storage that is not empty, where nobody needs to know which: only whether there is any shows. */
const SOME_ROOT: Hex = `0x${"01".repeat(32)}`;

const wrong = (message: string): CodedError => new CodedError("INVALID_REQUEST", message);

/**
 * The precompiled contracts when overrides have moved some. An override takes the place of a precompile at its address,
 * whatever it says; the address that a precompile is moved to keeps its account.
 * @throws CodedError `INVALID_REQUEST` when what is to be moved is none, or its new place is overridden as well
 */
export function movePrecompiles(active: Precompiles, overrides: StateOverrides): Precompiles {
  const left = new Map(active);
  const moved = new Set<Hex>();
  for (const [address, { movePrecompileTo: to }] of overrides) {
    if (moved.has(address)) {
      throw wrong(`account ${checksumAddress(address)} has already been overridden by a precompile`);
    }
    const word = hexToWord(address);
    const precompile = left.get(word);
    if (to !== undefined) {
      if (precompile === undefined) throw wrong(`account ${checksumAddress(address)} is not a precompile`);
      if (overrides.has(to)) throw wrong(`account ${checksumAddress(to)} is already overridden`);
      left.set(hexToWord(to), precompile);
      moved.add(to);
    }
    left.delete(word);
  }
  return left;
}

function changeOf(previous: Account, { nonce, balance, code }: AccountOverride): AccountChange {
  return {
    nonce: nonce ?? previous.nonce,
    balance: balance ?? previous.balance,
    codeHash: code === undefined ? previous.codeHash : code.length === 0 ? EMPTY_CODE_HASH : keccak256Hex(code),
  };
}

/** Whether an override changes anything of the account itself or of what it stores. */
const changesState = ({ nonce, balance, code, state, stateDiff }: AccountOverride): boolean =>
  [nonce, balance, code, state, stateDiff].some((part) => part !== undefined);

/** Code by hash, of all overrides. */
function codesOf(overrides: StateOverrides): Map<Hex, Uint8Array> {
  const codes = new Map<Hex, Uint8Array>();
  for (const { code } of overrides.values()) {
    if (code !== undefined && code.length > 0) codes.set(keccak256Hex(code), code);
  }
  return codes;
}

/** Overrides as changes of the state under them. `cleared` names accounts whose storage is given whole. */
export function overrideChanges(base: StateReader, overrides: StateOverrides): StateChanges {
  const accounts = new Map<Hex, AccountChange>();
  const storage = new Map<Hex, ReadonlyMap<Hex, bigint>>();
  const cleared = new Set<Hex>();
  for (const [address, override] of overrides) {
    if (!changesState(override)) continue;
    accounts.set(address, changeOf(base.account(address) ?? ABSENT, override));
    if (override.state !== undefined) cleared.add(address);
    const slots = override.state ?? override.stateDiff;
    if (slots !== undefined && slots.size > 0) storage.set(address, slots);
  }
  return { accounts, storage, codes: codesOf(overrides), cleared };
}

/** A state as it would be with the overrides; the state beneath is read when it is needed, and never changed. */
export function overriddenState(base: StateReader, overrides: StateOverrides): StateReader {
  if (overrides.size === 0) return base;
  const codes = codesOf(overrides);
  const rootOf = (previous: Account, { state, stateDiff }: AccountOverride): Hex => {
    if (state !== undefined) return [...state.values()].some((value) => value !== 0n) ? SOME_ROOT : EMPTY_TRIE_ROOT;
    return stateDiff === undefined || stateDiff.size === 0 ? previous.storageRoot : SOME_ROOT;
  };
  return {
    account(address) {
      const previous = base.account(address);
      const override = overrides.get(address);
      if (override === undefined || !changesState(override)) return previous;
      const account = previous ?? ABSENT;
      return { ...changeOf(account, override), storageRoot: rootOf(account, override) };
    },
    storage(address, slot) {
      const { state, stateDiff } = overrides.get(address) ?? {};
      if (state !== undefined) return state.get(slot) ?? 0n;
      return stateDiff?.get(slot) ?? base.storage(address, slot);
    },
    code: (codeHash) => codes.get(codeHash) ?? base.code(codeHash),
  };
}

/** A state as changes leave it; the state beneath is not changed. */
export function changedState(base: StateReader, changes: StateChanges): StateReader {
  const { accounts, storage, codes, cleared } = changes;
  const isForgotten = (address: Hex): boolean => accounts.get(address) === null || cleared?.has(address) === true;
  return {
    account(address) {
      const change = accounts.get(address);
      const previous = base.account(address);
      if (change === null) return undefined;
      const slots = storage.get(address)?.size ?? 0;
      if (change === undefined && slots === 0) return previous;
      const account = previous ?? ABSENT;
      const oldRoot = isForgotten(address) ? EMPTY_TRIE_ROOT : account.storageRoot;
      return { ...account, ...change, storageRoot: slots > 0 ? SOME_ROOT : oldRoot };
    },
    storage(address, slot) {
      const changed = storage.get(address)?.get(slot);
      if (changed !== undefined) return changed;
      return isForgotten(address) ? 0n : base.storage(address, slot);
    },
    code: (codeHash) => codes.get(codeHash) ?? base.code(codeHash),
  };
}
