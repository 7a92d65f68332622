/** State of the head that a replica does not hold and has fetched with proofs, because somebody asked. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Account } from "@counterpart/core/chain/types";
import type { StateReader } from "@counterpart/core/execution/types";

/** Accounts and slots that are remembered; beyond them all are forgotten and asked for again. */
const ITEMS_MAX = 65_536;

/** What a reader lacked: an account, perhaps with one of its slots. */
export interface Missing {
  readonly address: Hex;
  readonly slot?: Hex;
}

export interface ProvenState {
  /** Notes what was proven of one account at a block; what was known at another is forgotten. */
  note(block: Hex, address: Hex, account: Account | undefined, slots: ReadonlyMap<Hex, bigint>): void;
  /** Reads at a block. @throws CodedError `NOT_HELD` (details: what is missing) */
  at(block: Hex): Pick<StateReader, "account" | "storage">;
}

/** Thrown by a read that came as far as something that is not held. */
export class NotHeld extends CodedError {
  readonly missing: Missing;

  constructor(missing: Missing) {
    const message = `this replica does not hold ${missing.address}, and no peer has answered for it`;
    super("NOT_HELD", message, { ...missing });
    this.missing = missing;
  }
}

export function createProvenState(itemsMax = ITEMS_MAX): ProvenState {
  let block: Hex | undefined;
  const accounts = new Map<Hex, Account | undefined>();
  const slots = new Map<string, bigint>();
  const clear = (): void => {
    accounts.clear();
    slots.clear();
  };
  return {
    note(at, address, account, values) {
      if (block !== at || accounts.size + slots.size >= itemsMax) clear();
      block = at;
      accounts.set(address, account);
      for (const [slot, value] of values) slots.set(address + slot, value);
    },
    at: (wanted) => ({
      account(address) {
        if (block !== wanted || !accounts.has(address)) throw new NotHeld({ address });
        return accounts.get(address);
      },
      storage(address, slot) {
        const value = block === wanted ? slots.get(address + slot) : undefined;
        if (value === undefined) throw new NotHeld({ address, slot });
        return value;
      },
    }),
  };
}
