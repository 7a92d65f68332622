/**
 * State that was set by hand on the state of a block, by no transaction. It is read in place of what is there, and
 * becomes part of what the next block changes.
 */

import type { Hex } from "../base/bytes.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/types.ts";
import type { AccountChange, StateChanges, StateReader } from "./types.ts";

/** Whole accounts, single slots, and the code that the accounts name. */
export type IrregularState = Pick<StateChanges, "accounts" | "storage" | "codes">;

export const NOTHING_SET: IrregularState = { accounts: new Map(), storage: new Map(), codes: new Map() };

/** What is to be set of an account; the rest stays. */
export interface AccountEdit {
  readonly balance?: bigint;
  readonly nonce?: bigint;
  readonly code?: Uint8Array;
}

/** The state with what was set in the place of what is there. */
export function overState(state: StateReader, set: IrregularState): StateReader {
  return {
    account(address) {
      const change = set.accounts.get(address);
      if (change === undefined) return state.account(address);
      if (change === null) return undefined;
      return { ...change, storageRoot: state.account(address)?.storageRoot ?? EMPTY_TRIE_ROOT };
    },
    storage: (address, slot) => set.storage.get(address)?.get(slot) ?? state.storage(address, slot),
    code: (codeHash) => set.codes.get(codeHash) ?? state.code(codeHash),
  };
}

/** Without nonce, balance and code an account is none (EIP-161). */
const isEmpty = ({ nonce, balance, codeHash }: AccountChange): boolean =>
  nonce === 0n && balance === 0n && codeHash === EMPTY_CODE_HASH;

/**
 * Sets fields of an account.
 * @param state with what was set before
 */
export function setAccount(set: IrregularState, state: StateReader, address: Hex, edit: AccountEdit): IrregularState {
  const before = state.account(address);
  const { code } = edit;
  const codeHash =
    code === undefined
      ? (before?.codeHash ?? EMPTY_CODE_HASH)
      : code.length === 0
        ? EMPTY_CODE_HASH
        : keccak256Hex(code);
  const account: AccountChange = {
    nonce: edit.nonce ?? before?.nonce ?? 0n,
    balance: edit.balance ?? before?.balance ?? 0n,
    codeHash,
  };
  const keepsStorage = set.storage.has(address) || (before?.storageRoot ?? EMPTY_TRIE_ROOT) !== EMPTY_TRIE_ROOT;
  const isNone = isEmpty(account) && !keepsStorage;
  return {
    ...set,
    accounts: new Map(set.accounts).set(address, isNone ? null : account),
    codes: code === undefined || code.length === 0 ? set.codes : new Map(set.codes).set(codeHash, code),
  };
}

/** Sets a slot of an account, which exists from then on. */
export function setSlot(
  set: IrregularState,
  state: StateReader,
  address: Hex,
  slot: Hex,
  value: bigint,
): IrregularState {
  const slots = new Map(set.storage.get(address)).set(slot, value);
  const { nonce = 0n, balance = 0n, codeHash = EMPTY_CODE_HASH } = state.account(address) ?? {};
  return {
    ...set,
    accounts: new Map(set.accounts).set(address, { nonce, balance, codeHash }),
    storage: new Map(set.storage).set(address, slots),
  };
}

/**
 * What a block changes whose transactions ran on the state with what was set: both, the transactions coming last. What
 * was set of an account that they removed is gone with it.
 */
export function joinChanges(set: IrregularState, changes: StateChanges): StateChanges {
  const storage = new Map<Hex, ReadonlyMap<Hex, bigint>>(changes.storage);
  for (const [address, slots] of set.storage) {
    if (changes.accounts.get(address) === null) continue;
    storage.set(address, new Map([...slots, ...(changes.storage.get(address) ?? [])]));
  }
  return {
    ...changes,
    accounts: new Map([...set.accounts, ...changes.accounts]),
    storage,
    codes: new Map([...set.codes, ...changes.codes]),
  };
}
