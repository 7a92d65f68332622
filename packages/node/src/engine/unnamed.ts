/**
 * Contracts that were taken over with a state and of which nobody has said yet where they come from: a state names
 * accounts by the hashes of their addresses alone. They are remembered until a peer names address and creator, so that
 * one peer's silence is made up for by the next, also after a restart. Where all are named the table is empty.
 */

import { EMPTY_BYTES, type Hex } from "@counterpart/core/base/bytes";
import type { StoreReader } from "@counterpart/core/ports/store";
import type { Overlay } from "./overlay.ts";
import type { Pause } from "./pacer.ts";
import { rowsOf } from "./paging.ts";
import { accountKey } from "./rows.ts";
import { readAccount } from "./state.ts";
import type { ContractEntry } from "./types.ts";

/**
 * Remembers a contract as unnamed, or no longer.
 * @returns by how much there are more of them now: -1, 0 or 1
 */
export function noteUnnamed(overlay: Overlay, addressHash: Uint8Array, isUnnamed: boolean): number {
  const wasUnnamed = overlay.get("unnamed", addressHash) !== undefined;
  if (wasUnnamed === isUnnamed) return 0;
  overlay.put("unnamed", addressHash, isUnnamed ? EMPTY_BYTES : null);
  return isUnnamed ? 1 : -1;
}

export function countUnnamed(rows: Pick<StoreReader, "range">): number {
  let count = 0;
  for (const _ of rowsOf(rows, "unnamed")) count++;
  return count;
}

/** By keccak(address), in order, starting after `after`. */
export function listUnnamed(rows: StoreReader, after: Uint8Array | undefined, limit: number): readonly Uint8Array[] {
  const start = after === undefined ? undefined : new Uint8Array([...after, 0]);
  return rows.range("unnamed", { ...(start === undefined ? {} : { start }), limit }).map(({ key }) => key);
}

/** What there is to say of an unnamed contract by who knows its address. */
export function readUnnamed(rows: Pick<StoreReader, "get">, address: Hex): ContractEntry | undefined {
  const key = accountKey(address);
  if (rows.get("unnamed", key) === undefined) return undefined;
  const account = readAccount(rows, key);
  return account === undefined ? undefined : { address, codeHash: account.codeHash, genesis: false };
}

/** Forgets those that are not among the accounts of the overlay. Returns by how much there are more of them now. */
export async function removeStrayUnnamed(store: StoreReader, overlay: Overlay, pause: Pause): Promise<number> {
  let change = 0;
  for (const { key } of rowsOf(store, "unnamed")) {
    await pause();
    if (overlay.get("accounts", key) === undefined) change += noteUnnamed(overlay, key, false);
  }
  return change;
}

/** Whether nothing more is to be found out about where a contract comes from: those of the genesis have no creator. */
export const isNamed = ({ genesis, owner }: ContractEntry): boolean => genesis || owner !== undefined;

/** Whether where it comes from is somebody's word, or unknown: neither executed here nor shown by its address. */
export const isToldOnly = ({ genesis, created, creationNonce }: ContractEntry): boolean =>
  !genesis && created === undefined && creationNonce === undefined;

/** Whether it is remembered as unnamed, its address being known or not. */
export const isUnnamed = (rows: Pick<StoreReader, "get">, addressHash: Uint8Array): boolean =>
  rows.get("unnamed", addressHash) !== undefined;
