/**
 * What a node does about a damaged row that it comes upon while it runs: it reads on where it can and writes nothing
 * more, so that no block is built on what may be wrong, and nothing is acknowledged that may not be kept.
 */

import { type CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Store, StoreReader } from "@counterpart/core/ports/store";

export interface GuardedStore extends Store {
  /** The first damage that a read came upon. Writes throw it from then on. */
  readonly damage: CodedError | undefined;
  /** Notes damage that shows only where rows are held against each other. */
  noteDamage(error: CodedError): void;
}

/** @param onDamage called once, at the first damage */
export function guardStore(inner: Store, onDamage: (error: CodedError) => void): GuardedStore {
  let damage: CodedError | undefined;
  const noteDamage = (error: CodedError): void => {
    if (damage !== undefined) return;
    damage = error;
    onDamage(error);
  };
  const watched = <T>(read: () => T): T => {
    try {
      return read();
    } catch (error) {
      if (isCodedError(error, "STORE_CORRUPT")) noteDamage(error);
      throw error;
    }
  };
  const readerOf = (reader: StoreReader): StoreReader => ({
    get: (table, key, name) => watched(() => reader.get(table, key, name)),
    range: (table, options) => watched(() => reader.range(table, options)),
  });
  return {
    ...readerOf(inner),
    get damage() {
      return damage;
    },
    noteDamage,
    write(writes) {
      if (damage !== undefined) throw damage;
      inner.write(writes);
    },
    snapshot() {
      const snapshot = inner.snapshot();
      return { ...readerOf(snapshot), done: () => snapshot.done() };
    },
    close: () => inner.close(),
  };
}
