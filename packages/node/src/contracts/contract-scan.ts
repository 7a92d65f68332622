/**
 * One page of a list of contracts. Every contract is read at one moment, and others get their turn between two of
 * them: what changes meanwhile is among the changes since the list was begun. Number, size and time of a page are
 * bounded, whatever the filters let through.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createPatientPacer } from "../engine/pacer.ts";
import type { ChainEngine, ContractEntry, Snapshot } from "../engine/types.ts";
import { withSnapshot } from "../engine/with-snapshot.ts";

/** Entries that one page looks at, when a filter lets few of them through. */
const SCANNED_MAX = 2_048;
const SCANNED_AT_A_TIME = 256;
/** How long one page looks, at least at one entry. */
const SCAN_MS_MAX = 500;
/** Artifact content of one page, the last one's not counted: an answer shows it whole. */
export const PAGE_CONTENT_BYTES_MAX = 4 * 1024 * 1024;

export interface Scan<T> {
  /** Address after which the page starts. */
  readonly after: Hex | undefined;
  readonly limit: number;
  readonly wanted: (entry: ContractEntry) => boolean;
  readonly read: (snapshot: Snapshot, entry: ContractEntry) => { readonly item: T; readonly contentBytes: number };
}

export interface Scanned<T> {
  readonly items: readonly T[];
  /** Address that the next page starts after; absent when there is nothing more. */
  readonly last?: Hex;
}

export async function scanContracts<T>(
  engine: Pick<ChainEngine, "snapshot" | "contracts">,
  clock: Clock,
  { after, limit, wanted, read }: Scan<T>,
): Promise<Scanned<T>> {
  const items: T[] = [];
  let contentBytes = 0;
  const isFull = (): boolean => items.length === limit || contentBytes >= PAGE_CONTENT_BYTES_MAX;
  /** False when the contract is wanted and there is no room for it. */
  const take = (address: Hex): boolean =>
    withSnapshot(engine, (snapshot) => {
      const entry = snapshot.contract(address);
      if (entry === undefined || !wanted(entry)) return true;
      if (isFull()) return false;
      const { item, contentBytes: size } = read(snapshot, entry);
      items.push(item);
      contentBytes += size;
      return true;
    });

  const pause = createPatientPacer(clock);
  const deadline = clock.now() + SCAN_MS_MAX;
  let last = after;
  const page = (): Scanned<T> => (last === undefined ? { items } : { items, last });
  for (let scanned = 0; scanned < SCANNED_MAX; scanned += SCANNED_AT_A_TIME) {
    const entries = engine.contracts(last, SCANNED_AT_A_TIME);
    for (const { address } of entries) {
      if (!take(address)) return page();
      last = address;
      if (clock.now() >= deadline) return page();
      await pause();
    }
    if (entries.length < SCANNED_AT_A_TIME) return { items };
  }
  return page();
}
