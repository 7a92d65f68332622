/**
 * What a node does about a damaged row that it comes upon while it runs: it reads on where it can and writes nothing
 * more, so that no block is built on what may be wrong, and nothing is acknowledged that may not be kept.
 */

import { type CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Store, StoreReader } from "@counterpart/core/ports/store";

export interface GuardedStore extends Store {
  /** The first damage that a read came upon. Writes throw it from then on. */
  readonly damage: CodedError | undefined;
}

/** @param onDamage called once, at the first read that throws `STORE_CORRUPT` */
export function guardStore(inner: Store, onDamage: (error: CodedError) => void): GuardedStore {
  let damage: CodedError | undefined;
  const watched = <T>(read: () => T): T => {
    try {
      return read();
    } catch (error) {
      if (isCodedError(error, "STORE_CORRUPT") && damage === undefined) {
        damage = error;
        onDamage(error);
      }
      throw error;
    }
  };
  const readerOf = (reader: StoreReader): StoreReader => ({
    get: (table, key) => watched(() => reader.get(table, key)),
    range: (table, options) => watched(() => reader.range(table, options)),
  });
  return {
    ...readerOf(inner),
    get damage() {
      return damage;
    },
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
