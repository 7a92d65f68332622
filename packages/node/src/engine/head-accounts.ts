/**
 * Accounts of the head that were read before: whoever asks what could be sealed now asks about every sender in the pool,
 * each time that anything arrives.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Account } from "@counterpart/core/chain/types";
import type { StateReader } from "@counterpart/core/execution/types";

/** As many senders as the pool can have. */
const ACCOUNTS_MAX = 65_536;

export interface HeadAccounts extends Pick<StateReader, "account"> {
  /** Rises with each `clear` and `forget`. */
  readonly version: number;
  /** To be called when the head has changed, and with it any account. */
  clear(): void;
  /** To be called when the head has changed, and with it these accounts alone. */
  forget(addresses: Iterable<Hex>): void;
}

export function createHeadAccounts(state: Pick<StateReader, "account">, max = ACCOUNTS_MAX): HeadAccounts {
  const read = new Map<Hex, Account | undefined>();
  let version = 0;
  return {
    get version() {
      return version;
    },
    account(address) {
      if (read.has(address)) return read.get(address);
      if (read.size >= max) read.clear();
      const account = state.account(address);
      read.set(address, account);
      return account;
    },
    clear() {
      version++;
      read.clear();
    },
    forget(addresses) {
      version++;
      for (const address of addresses) read.delete(address);
    },
  };
}
