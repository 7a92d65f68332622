/** State of one block that a replica does not hold and has fetched with proofs, because somebody asked. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Account } from "@counterpart/core/chain/types";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { StateReader } from "@counterpart/core/execution/types";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/types";
import type { Guesses } from "./guesses.ts";

/** Accounts and slots that are remembered; beyond them all are forgotten and asked for again. */
const ITEMS_MAX = 65_536;

/** What a reader lacked: an account, perhaps with one of its slots. */
export interface Missing {
  readonly address: Hex;
  readonly slot?: Hex;
}

/** Values of a whole storage by keccak(slot). */
export type WholeStorage = ReadonlyMap<Hex, bigint>;

export interface ProvenState {
  /** Notes what was proven of one account. */
  note(address: Hex, account: Account | undefined, slots: ReadonlyMap<Hex, bigint>): void;
  /** Notes the whole storage of an account: slots that are not in it are zero. */
  noteWhole(address: Hex, storage: WholeStorage): void;
  /**
   * With `guesses` what is missing reads as absent or zero, and is noted there.
   * @throws CodedError `NOT_HELD` (details: what is missing)
   */
  reader(guesses?: Guesses): Pick<StateReader, "account" | "storage">;
}

/** Thrown by a read that came as far as something that is not held. */
export class NotHeld extends CodedError {
  readonly missing: Missing;

  constructor(missing: Missing, reason = "no peer has answered for it") {
    super("NOT_HELD", `this replica does not hold ${missing.address}, and ${reason}`, { ...missing });
    this.missing = missing;
  }
}

/** Nothing has to be asked for the slots of such an account. */
const hasNoStorage = (account: Account | undefined): boolean =>
  account === undefined || account.storageRoot === EMPTY_TRIE_ROOT;

export function createProvenState(itemsMax = ITEMS_MAX): ProvenState {
  let items = 0;
  const accounts = new Map<Hex, Account | undefined>();
  const slots = new Map<string, bigint>();
  const storages = new Map<Hex, WholeStorage>();
  const makeRoom = (count: number): void => {
    if (items + count > itemsMax) {
      for (const known of [accounts, slots, storages]) known.clear();
      items = 0;
    }
    items += count;
  };
  const slotOf = (address: Hex, slot: Hex): bigint | undefined => {
    const storage = storages.get(address);
    if (storage === undefined) return slots.get(address + slot);
    return storage.get(keccak256Hex(hexToBytes(slot))) ?? 0n;
  };
  return {
    note(address, account, values) {
      makeRoom(1 + values.size);
      accounts.set(address, account);
      if (hasNoStorage(account)) storages.set(address, new Map());
      for (const [slot, value] of values) slots.set(address + slot, value);
    },
    noteWhole(address, storage) {
      makeRoom(storage.size);
      storages.set(address, storage);
    },
    reader(guesses) {
      const lack = (missing: Missing): void => {
        if (guesses === undefined) throw new NotHeld(missing);
        guesses.note(missing);
      };
      return {
        account(address) {
          if (!accounts.has(address)) lack({ address });
          return accounts.get(address);
        },
        storage(address, slot) {
          const value = slotOf(address, slot);
          if (value === undefined) lack({ address, slot });
          return value ?? 0n;
        },
      };
    },
  };
}

/** That of a block. What is known of the one that was asked for last is remembered; of others, by whoever reads on. */
export function createProvenStates(): (block: Hex) => ProvenState {
  let last: { readonly block: Hex; readonly state: ProvenState } | undefined;
  return (block) => {
    if (last?.block !== block) last = { block, state: createProvenState() };
    return last.state;
  };
}
