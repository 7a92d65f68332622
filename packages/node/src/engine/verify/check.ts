/**
 * Checks of a whole store, each a pure function over its rows that goes through one kind of thing: what is wrong is
 * yielded as a fault, what is right as `undefined`, so that whoever runs it can count, pause and show progress. Memory
 * does not grow with the store.
 */

import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { ForkSchedule } from "@counterpart/core/consensus/fork-schedule";
import type { StoreReader } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";

export interface StoreFault {
  readonly table: TableName;
  /** The row's key, in hexadecimal. */
  readonly key: Hex;
  readonly message: string;
}

/** What the checks need to know of the chain besides its rows. */
export interface ChainFacts {
  readonly chainId: number;
  readonly genesisHash: Hex;
  /** Who may seal; empty: anyone. */
  readonly signers: readonly Hex[];
  /** Rules of an imported chain. */
  readonly schedule?: ForkSchedule;
}

export type Check = (rows: StoreReader, chain: ChainFacts) => Iterable<StoreFault | undefined>;

export const faultAt = (table: TableName, key: Uint8Array, message: string): StoreFault => ({
  table,
  key: bytesToHex(key),
  message,
});

/** What a check of one row throws is a fault of the row; what is no coded error is a defect of the check. */
export function faultOf(table: TableName, key: Uint8Array, examine: () => string | undefined): StoreFault | undefined {
  try {
    const message = examine();
    return message === undefined ? undefined : faultAt(table, key, message);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return faultAt(table, key, error.message);
  }
}

export function corrupt(message: string): CodedError {
  return new CodedError("STORE_CORRUPT", message);
}
