/** The database as the engine sees it: ordered tables of byte keys, atomic writes, snapshots. Types only. */

import type { TableName } from "./tables.ts";

export interface RangeOptions {
  /** First key, included. */
  readonly start?: Uint8Array;
  /** Last key, not included. */
  readonly end?: Uint8Array;
  readonly limit: number;
  /** From the greatest key downwards; `start` and `end` keep their meaning. */
  readonly reverse?: boolean;
}

export interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Reads. What comes back is a copy that later writes do not touch. */
export interface StoreReader {
  /** @param name the key as text of one character a byte, where whoever reads has it already: it is used instead */
  get(table: TableName, key: Uint8Array, name?: string): Uint8Array | undefined;
  /** Entries in order of key (unsigned bytes). */
  range(table: TableName, options: RangeOptions): readonly Entry[];
}

/** One change; `null` removes (removing what is absent is no error). */
export interface StoreWrite {
  readonly table: TableName;
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
  /** The key as such text, where whoever writes has it already: it is used instead. */
  readonly name?: string;
}

/** A view of one moment. `done` must be called. */
export interface StoreSnapshot extends StoreReader {
  done(): void;
}

export interface Store extends StoreReader {
  /**
   * Writes everything or nothing, durable when it returns; readers see all of it or none. Rows may be made while they
   * are written: what is read from this store meanwhile has the rows written so far.
   * @throws CodedError `STORE_WRITE_FAILED`
   */
  write(writes: Iterable<StoreWrite>): void;
  snapshot(): StoreSnapshot;
  close(): Promise<void>;
}
