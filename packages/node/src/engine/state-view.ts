/**
 * The state of a recent block, for proofs: what the blocks after it changed is taken back in memory, in one go. Kept in
 * step, it stays the state of that block while the chain grows, so that whoever reads it page by page reads one state.
 */

import { bytesToBigInt, bytesToHex, concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert, CodedError } from "@counterpart/core/base/errors";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { Account } from "@counterpart/core/chain/types";
import type { StateChanges } from "@counterpart/core/execution/types";
import type { Store, StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import type { TrieNodeReader } from "@counterpart/core/trie/types";
import type { PreviousValue } from "./overlay.ts";
import { rowsOf } from "./paging.ts";
import { decodePrevious, numberKey } from "./rows.ts";
import { accountNodes, applyChanges, readAccount, storageNodes, unwindChanges } from "./state.ts";

/** What a row takes besides key and value. */
const ROW_BYTES = 200;

const VIEWED_TABLES = ["accounts", "storage", "accountNodes", "storageNodes"] as const satisfies readonly TableName[];
type ViewedTable = (typeof VIEWED_TABLES)[number];
const isViewed = (table: TableName): table is ViewedTable => (VIEWED_TABLES as readonly TableName[]).includes(table);

export interface StateRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface StateView<H extends AnySealedHeader = AnySealedHeader> {
  readonly header: H;
  /** What it takes in memory, roughly. */
  readonly bytes: number;
  account(addressHash: Uint8Array): Account | undefined;
  /** Value of a slot, by keccak(slot); 0 where there is none. */
  slot(addressHash: Uint8Array, slotHash: Uint8Array): bigint;
  /** Encoded accounts by keccak(address), from `start` on, in order. */
  accounts(start: Uint8Array): Iterable<StateRow>;
  /** Values of one account's storage by keccak(slot), from `start` on, in order. */
  slots(addressHash: Uint8Array, start: Uint8Array): Iterable<StateRow>;
  readonly accountNodes: TrieNodeReader;
  storageNodes(addressHash: Uint8Array): TrieNodeReader;
  /** To be told of every row before it is written over. */
  keep(write: StoreWrite): void;
}

type Rows = Map<Hex, Uint8Array | null>;

interface NamedRow {
  readonly name: Hex;
  /** `null`: there was none. */
  readonly value: Uint8Array | null;
}

/** Two sequences in order as one; of two rows with the same name the first one's. */
function* merge(first: Generator<NamedRow>, second: Generator<NamedRow>): Generator<NamedRow> {
  let [a, b] = [first.next(), second.next()];
  while (a.done !== true || b.done !== true) {
    if (b.done !== true && (a.done === true || b.value.name < a.value.name)) {
      yield b.value;
      b = second.next();
    } else if (a.done !== true) {
      if (b.done !== true && b.value.name === a.value.name) b = second.next();
      yield a.value;
      a = first.next();
    }
  }
}

/** Index of the first of the sorted names that is not before `start`. */
function firstFrom(names: readonly Hex[], start: Hex): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] as Hex) < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Rows as they were, over a base that has moved on. */
function createRowsBefore(base: Pick<StoreReader, "get" | "range">) {
  const tables: Record<ViewedTable, Rows> = {
    accounts: new Map(),
    storage: new Map(),
    accountNodes: new Map(),
    storageNodes: new Map(),
  };
  let bytes = 0;
  /** Keys of `accounts` and `storage` in order; made when they are needed. */
  const sorted = new Map<ViewedTable, readonly Hex[]>();

  const put = (table: TableName, key: Uint8Array, value: Uint8Array | null): void => {
    assert(isViewed(table), `a view has no rows of ${table}`);
    const name = bytesToHex(key);
    const rows = tables[table];
    if (!rows.has(name)) {
      bytes += ROW_BYTES + key.length * 2;
      sorted.delete(table);
    }
    bytes += (value?.length ?? 0) - (rows.get(name)?.length ?? 0);
    rows.set(name, value);
  };
  function* ownFrom(table: ViewedTable, start: Hex, end: Hex | undefined): Generator<NamedRow> {
    const names = sorted.get(table) ?? [...tables[table].keys()].sort();
    sorted.set(table, names);
    for (let at = firstFrom(names, start); at < names.length; at++) {
      const name = names[at] as Hex;
      if (end !== undefined && name >= end) return;
      yield { name, value: tables[table].get(name) ?? null };
    }
  }
  function* baseFrom(table: ViewedTable, start: Uint8Array, end: Uint8Array | undefined): Generator<NamedRow> {
    for (const { key, value } of rowsOf(base, table, start, end)) yield { name: bytesToHex(key), value };
  }

  return {
    get bytes() {
      return bytes;
    },
    put,
    get(table: TableName, key: Uint8Array): Uint8Array | undefined {
      const before = isViewed(table) ? tables[table].get(bytesToHex(key)) : undefined;
      return before === undefined ? base.get(table, key) : (before ?? undefined);
    },
    keep(write: StoreWrite): void {
      const { table } = write;
      if (!isViewed(table)) return;
      const { key } = write;
      if (tables[table].has(bytesToHex(key))) return;
      put(table, key, base.get(table, key) ?? null);
    },
    /** Rows from `start` to before `end`, in order. Nothing may be written meanwhile. */
    *range(table: ViewedTable, start: Uint8Array, end?: Uint8Array): Generator<StateRow> {
      const own = ownFrom(table, bytesToHex(start), end === undefined ? undefined : bytesToHex(end));
      for (const { name, value } of merge(own, baseFrom(table, start, end))) {
        if (value !== null) yield { key: hexToBytes(name), value };
      }
    },
  };
}

/**
 * The first values of every row that the blocks after `number` changed: what it was at that block.
 * @throws CodedError `PRUNED` when they changed more than `changesMax` rows
 */
export function changedSince(store: StoreReader, number: number, head: number, changesMax: number): PreviousValue[] {
  const first = new Map<string, PreviousValue>();
  for (let at = head; at > number; at--) {
    const row = store.get("changes", numberKey(at));
    assert(row !== undefined, `the changes of block ${at} are not held`);
    for (const previous of decodePrevious(row)) {
      if (previous.table !== "contracts") first.set(previous.table + bytesToHex(previous.key), previous);
    }
    if (first.size > changesMax) {
      throw new CodedError("PRUNED", `too much has changed since block ${number}: ask for a later one`);
    }
  }
  return [...first.values()];
}

/** The keys that follow all those that start with `prefix`; undefined when there are none. */
export function after(prefix: Uint8Array): Uint8Array | undefined {
  const end = prefix.slice();
  for (let at = end.length - 1; at >= 0; at--) {
    end[at] = ((end[at] as number) + 1) & 255;
    if (end[at] !== 0) return end.subarray(0, at + 1);
  }
  return undefined;
}

/**
 * @param header a canonical header at or below `head`
 * @throws CodedError `PRUNED`, `STORE_CORRUPT` when the state that comes out is not the header's
 */
export function createStateView<H extends AnySealedHeader>(
  store: Store,
  header: H,
  head: AnySealedHeader,
  changesMax: number,
): StateView<H> {
  const rows = createRowsBefore(store);
  const root = unwindChanges(rows, head.stateRoot, changedSince(store, header.number, head.number, changesMax));
  if (root !== header.stateRoot) {
    throw new CodedError("STORE_CORRUPT", `the state of block ${header.number} does not come back from its changes`);
  }
  return viewOf(rows, header);
}

/**
 * The head's state with changes that are in no block. The header's root is that of the tries: no block has it.
 * It is not kept in step.
 */
export function createChangedView<H extends AnySealedHeader>(
  store: Store,
  head: H,
  changes: Pick<StateChanges, "accounts" | "storage">,
): StateView<H> {
  const rows = createRowsBefore(store);
  // A view has no code.
  const stateRoot = applyChanges(rows, head.stateRoot, { ...changes, codes: new Map() });
  return viewOf(rows, { ...head, stateRoot });
}

function viewOf<H extends AnySealedHeader>(rows: ReturnType<typeof createRowsBefore>, header: H): StateView<H> {
  return {
    header,
    get bytes() {
      return rows.bytes;
    },
    account: (addressHash) => readAccount(rows, addressHash),
    slot(addressHash, slotHash) {
      const value = rows.get("storage", concatBytes(addressHash, slotHash));
      return value === undefined ? 0n : bytesToBigInt(value);
    },
    accounts: (start) => rows.range("accounts", start),
    *slots(addressHash, start) {
      const from = concatBytes(addressHash, start);
      for (const { key, value } of rows.range("storage", from, after(addressHash))) {
        yield { key: key.subarray(addressHash.length), value };
      }
    },
    accountNodes: accountNodes(rows),
    storageNodes: (addressHash) => storageNodes(rows, addressHash),
    keep: rows.keep,
  };
}
