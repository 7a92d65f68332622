/** The state journal in the form that the EVM library wants: asynchronous, with its own account and address classes. */

import type { AccountFields, StateManagerInterface } from "@ethereumjs/common";
import { type Address, KECCAK256_NULL, KECCAK256_RLP, Account as LibraryAccount } from "@ethereumjs/util";
import { bigIntToBytes, bytesToBigInt, bytesToHex, type Hex, hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import type { Account } from "../chain/types.ts";
import { EMPTY_TRIE_ROOT } from "../trie/ordered.ts";
import type { StateJournal } from "./library-journal.test-support.ts";

/** A fresh object each time: the library changes it in place before it decides whether to keep the change. */
function toLibrary({ nonce, balance, storageRoot, codeHash }: Account): LibraryAccount {
  return new LibraryAccount(
    nonce,
    balance,
    storageRoot === EMPTY_TRIE_ROOT ? KECCAK256_RLP : hexToBytes(storageRoot),
    codeHash === EMPTY_CODE_HASH ? KECCAK256_NULL : hexToBytes(codeHash),
  );
}

function fromLibrary({ nonce, balance, storageRoot, codeHash }: LibraryAccount): Account {
  return {
    nonce,
    balance,
    storageRoot: storageRoot === KECCAK256_RLP ? EMPTY_TRIE_ROOT : bytesToHex(storageRoot),
    codeHash: codeHash === KECCAK256_NULL ? EMPTY_CODE_HASH : bytesToHex(codeHash),
  };
}

/** What the EVM works on at present. An EVM is used for one block or call after another. */
export interface OpenState {
  journal: StateJournal;
}

const keyOf = (address: Address): Hex => bytesToHex(address.bytes);

function unsupported(): never {
  throw new CodedError("INVARIANT_BROKEN", "the EVM asked its state for a root: roots are made by the state layer");
}

/** Adapter methods that change accounts. */
function accountMethods(open: OpenState) {
  const getAccount = async (address: Address): Promise<LibraryAccount | undefined> => {
    const account = open.journal.account(keyOf(address));
    return account === undefined ? undefined : toLibrary(account);
  };
  const remove = (address: Hex): void => {
    // The library removes every touched account that is empty, most of which never were.
    if (open.journal.account(address) === undefined) return;
    open.journal.clearStorage(address);
    open.journal.setAccount(address, undefined);
  };
  return {
    getAccount,
    async putAccount(address: Address, account?: LibraryAccount): Promise<void> {
      if (account === undefined) remove(keyOf(address));
      else open.journal.setAccount(keyOf(address), fromLibrary(account));
    },
    async deleteAccount(address: Address): Promise<void> {
      remove(keyOf(address));
    },
    async modifyAccountFields(address: Address, fields: AccountFields): Promise<void> {
      const account = (await getAccount(address)) ?? new LibraryAccount();
      account.nonce = fields.nonce ?? account.nonce;
      account.balance = fields.balance ?? account.balance;
      account.storageRoot = fields.storageRoot ?? account.storageRoot;
      account.codeHash = fields.codeHash ?? account.codeHash;
      open.journal.setAccount(keyOf(address), fromLibrary(account));
    },
    async putCode(address: Address, code: Uint8Array): Promise<void> {
      // A copy: the bytes may be a view into the memory of the frame that returned them.
      open.journal.setCode(keyOf(address), code.slice());
    },
    getCode: async (address: Address): Promise<Uint8Array> => open.journal.code(keyOf(address)),
    getCodeSize: async (address: Address): Promise<number> => open.journal.code(keyOf(address)).length,
  };
}

/**
 * Values go to the library in their shortest form, as its own state managers give them.
 */
export function createStateManager(open: OpenState): StateManagerInterface {
  const manager: StateManagerInterface = {
    ...accountMethods(open),
    async getStorage(address, slot) {
      return bigIntToBytes(open.journal.storage(keyOf(address), bytesToHex(slot)));
    },
    async putStorage(address, slot, value) {
      open.journal.setStorage(keyOf(address), bytesToHex(slot), bytesToBigInt(value));
    },
    clearStorage: async (address) => open.journal.clearStorage(keyOf(address)),
    async checkpoint() {
      open.journal.checkpoint();
    },
    commit: async () => open.journal.commit(),
    revert: async () => open.journal.revert(),
    originalStorageCache: {
      get: async (address, slot) => bigIntToBytes(open.journal.originalStorage(keyOf(address), bytesToHex(slot))),
      clear: () => open.journal.endTransaction(),
    },
    // Receipts before Byzantium hold one, which nobody here looks at.
    getStateRoot: async () => new Uint8Array(32),
    setStateRoot: unsupported,
    hasStateRoot: unsupported,
    clearCaches: () => undefined,
    shallowCopy: unsupported,
  };
  return manager;
}
