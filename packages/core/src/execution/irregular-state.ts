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
  readonly slots?: ReadonlyMap<Hex, bigint>;
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

const codeHashOf = (code: Uint8Array): Hex => (code.length === 0 ? EMPTY_CODE_HASH : keccak256Hex(code));

/**
 * Sets fields and slots of accounts. One of which a slot is set exists from then on.
 * @param state with what was set before
 */
export function setAccounts(
  set: IrregularState,
  state: StateReader,
  edits: Iterable<readonly [Hex, AccountEdit]>,
): IrregularState {
  const [accounts, storage, codes] = [new Map(set.accounts), new Map(set.storage), new Map(set.codes)];
  for (const [address, { nonce, balance, code, slots = [] }] of edits) {
    const before = state.account(address);
    const account: AccountChange = {
      nonce: nonce ?? before?.nonce ?? 0n,
      balance: balance ?? before?.balance ?? 0n,
      codeHash: code === undefined ? (before?.codeHash ?? EMPTY_CODE_HASH) : codeHashOf(code),
    };
    const stored = new Map([...(storage.get(address) ?? []), ...slots]);
    if (stored.size > 0) storage.set(address, stored);
    const keepsStorage = stored.size > 0 || (before?.storageRoot ?? EMPTY_TRIE_ROOT) !== EMPTY_TRIE_ROOT;
    accounts.set(address, isEmpty(account) && !keepsStorage ? null : account);
    if (code !== undefined && code.length > 0) codes.set(account.codeHash, code);
  }
  return { accounts, storage, codes };
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
