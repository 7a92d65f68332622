/**
 * What proofs say about a state whose root is known: accounts, storage, absence, whole ranges. Runs anywhere, a browser
 * among it, and trusts nothing but the root.
 */

import { bytesToBigInt, type Hex, hexToBytes } from "../base/bytes.ts";
import { CodedError, isCodedError } from "../base/errors.ts";
import { decodeAccount } from "../chain/account.ts";
import type { Account } from "../chain/types.ts";
import { asBytes, decodeRlp, encodeRlp } from "../codec/rlp.ts";
import { keccak256, keccak256Hex } from "../crypto/crypto.ts";
import { createNodeSet } from "../trie/proof.ts";
import { type RangeEntry, verifyRange, verifyWhole } from "../trie/range-proof.ts";

/** Slots hold at most a word. */
const WORD_BYTES = 32;

/** Runs a check; whatever a proof, or what it proves, may be wrong with becomes one code. */
export function proving<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!isCodedError(error, "INVALID_TRIE_NODE") && !isCodedError(error, "INVALID_RLP")) throw error;
    throw new CodedError("INVALID_PROOF", `the proof does not hold: ${error.message}`, error.details);
  }
}

/** The one encoding of a slot's value: RLP of a number of at most 32 bytes, not 0. */
function slotValue(leaf: Uint8Array): bigint {
  const bytes = asBytes(decodeRlp(leaf), "slot", WORD_BYTES);
  if (bytes.length === 0 || bytes[0] === 0) throw new CodedError("INVALID_PROOF", "a slot's value has leading zeros");
  return bytesToBigInt(bytes);
}

/** What one account is asked about. */
export interface StateQuery {
  readonly address: Hex;
  /** 32 bytes each. */
  readonly slots: readonly Hex[];
}

export interface ProvenAccount {
  readonly address: Hex;
  /** `undefined`: proven to be absent. */
  readonly account: Account | undefined;
  /** In the order asked; 0 where proven to be absent. */
  readonly slots: readonly bigint[];
}

/**
 * What `proof` proves about accounts and their slots.
 * @param proof nodes of the state trie and of storage tries, each once, in any order
 * @throws CodedError `INVALID_PROOF` when it leaves anything open that was asked, or holds anything more
 */
export function verifyState(
  stateRoot: Hex,
  queries: readonly StateQuery[],
  proof: readonly Uint8Array[],
): readonly ProvenAccount[] {
  return proving(() => {
    const nodes = createNodeSet(proof);
    const proven = queries.map(({ address, slots }): ProvenAccount => {
      const leaf = nodes.get(stateRoot, keccak256(hexToBytes(address)));
      if (leaf === undefined) return { address, account: undefined, slots: slots.map(() => 0n) };
      const account = decodeAccount(leaf);
      const values = slots.map((slot) => {
        const value = nodes.get(account.storageRoot, keccak256(hexToBytes(slot)));
        return value === undefined ? 0n : slotValue(value);
      });
      return { address, account, slots: values };
    });
    nodes.end();
    return proven;
  });
}

/** @throws CodedError `INVALID_PROOF` unless `code` is what `codeHash` says */
export function verifyCode(codeHash: Hex, code: Uint8Array): void {
  if (keccak256Hex(code) !== codeHash) throw new CodedError("INVALID_PROOF", "the code is not the account's");
}

export interface AccountRow {
  /** keccak(address), 32 bytes. */
  readonly key: Uint8Array;
  readonly account: Account;
  /** RLP of the account, as the trie holds it. */
  readonly value: Uint8Array;
}

export interface ProvenAccounts {
  readonly accounts: readonly AccountRow[];
  /** Whether there are accounts after the last one. */
  readonly more: boolean;
}

/**
 * Checks that `rows` are all accounts from `start` to the last of them, or that there are none from `start` on.
 * @param start 32 bytes
 * @throws CodedError `INVALID_PROOF`
 */
export function verifyAccountRange(
  stateRoot: Hex,
  start: Uint8Array,
  rows: readonly RangeEntry[],
  proof: readonly Uint8Array[],
): ProvenAccounts {
  return proving(() => {
    const more = verifyRange(stateRoot, start, rows, proof);
    return { more, accounts: rows.map(({ key, value }) => ({ key, value, account: decodeAccount(value) })) };
  });
}

export interface SlotRow {
  /** keccak(slot), 32 bytes. */
  readonly key: Uint8Array;
  /** Without leading zeros, never empty. */
  readonly value: Uint8Array;
}

function slotEntries(rows: readonly SlotRow[]): RangeEntry[] {
  return rows.map(({ key, value }) => {
    const leaf = encodeRlp(value);
    slotValue(leaf);
    return { key, value: leaf };
  });
}

/**
 * Checks that `rows` are all slots of a storage trie from `start` to the last of them, or that there are none from
 * `start` on.
 * @returns whether there are slots after the last one
 * @throws CodedError `INVALID_PROOF`
 */
export function verifySlotRange(
  storageRoot: Hex,
  start: Uint8Array,
  rows: readonly SlotRow[],
  proof: readonly Uint8Array[],
): boolean {
  return proving(() => verifyRange(storageRoot, start, slotEntries(rows), proof));
}

/**
 * Checks that `rows` are all slots of a storage trie, which needs no proof.
 * @throws CodedError `INVALID_PROOF`
 */
export function verifyAllSlots(storageRoot: Hex, rows: readonly SlotRow[]): void {
  proving(() => verifyWhole(storageRoot, slotEntries(rows)));
}
