/**
 * What taking a state over leaves behind where its target moved on: storage that came in part before its account,
 * contracts in the index whose account was taken away, and blocks of another branch in what is known of contracts. None
 * of it is of the target's state, so it goes before that is the head's. All of a state may have to be looked through:
 * with a turn for others in between, who write nothing of it meanwhile.
 */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import type { Store, StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { IndexedPortion } from "./adopted-contracts.ts";
import { contractCountRow } from "./contract-index.ts";
import { createOverlay, type Overlay } from "./overlay.ts";
import type { Pause } from "./pacer.ts";
import { rowsOf } from "./paging.ts";
import { accountKey, decodeContract, encodeContract } from "./rows.ts";
import { after } from "./state-view.ts";
import type { ContractEntry } from "./types.ts";
import { removeStrayUnnamed } from "./unnamed.ts";

type Accounts = Pick<StoreReader, "get">;

const HASH_BYTES = 32;

/** Takes an account's storage out of the overlay. */
export function clearStorage(store: StoreReader, overlay: Overlay, account: Uint8Array): void {
  for (const table of ["storage", "storageNodes"] as const) {
    for (const { key } of rowsOf(store, table, account, after(account))) overlay.put(table, key, null);
  }
}

/** Rows of the state as they are, taken away. */
export function* withoutState(store: StoreReader): Iterable<StoreWrite> {
  for (const table of ["accounts", "storage", "accountNodes", "storageNodes", "contracts", "unnamed"] as const) {
    for (const { key } of [...rowsOf(store, table)]) yield { table, key, value: null };
  }
  yield contractCountRow(0);
}

/** Accounts, by keccak(address), that have storage and are not among `accounts`. */
async function strayStorages(store: StoreReader, accounts: Accounts, pause: Pause): Promise<readonly Uint8Array[]> {
  const strays: Uint8Array[] = [];
  for (let start: Uint8Array | undefined = new Uint8Array(0); start !== undefined; ) {
    await pause();
    const [slot] = store.range("storage", { start, limit: 1 });
    if (slot === undefined) break;
    const owner: Uint8Array = slot.key.slice(0, HASH_BYTES);
    if (accounts.get("accounts", owner) === undefined) strays.push(owner);
    start = after(owner);
  }
  return strays;
}

/** Each in a write of its own, as there may be much of them. */
async function removeStrayStorages(store: Store, accounts: Accounts, pause: Pause): Promise<void> {
  for (const account of await strayStorages(store, accounts, pause)) {
    await pause();
    const removal = createOverlay(store);
    clearStorage(store, removal, account);
    store.write(removal.writes());
  }
}

/**
 * Takes contracts out of the index that are not among the accounts of the overlay.
 * @returns what was taken out of the overlay
 */
async function removeStrayContracts(store: StoreReader, overlay: Overlay, pause: Pause): Promise<readonly Hex[]> {
  const strays: Hex[] = [];
  for (const { key } of rowsOf(store, "contracts")) {
    await pause();
    const address = bytesToHex(key);
    if (overlay.get("accounts", accountKey(address)) === undefined) strays.push(address);
  }
  for (const address of strays) overlay.put("contracts", hexToBytes(address), null);
  return strays;
}

/** Takes away what is of no account in the overlay. */
export async function removeStrays(store: Store, overlay: Overlay, pause: Pause): Promise<IndexedPortion> {
  await removeStrayStorages(store, overlay, pause);
  return {
    touched: await removeStrayContracts(store, overlay, pause),
    unnamed: await removeStrayUnnamed(store, overlay, pause),
  };
}

/** Takes back what was said of when contracts last changed, where those blocks are on the chain no more. */
export async function forgetMoments(
  store: StoreReader,
  overlay: Overlay,
  isCanonical: (block: Hex) => boolean,
  pause: Pause,
): Promise<void> {
  for (const { key } of rowsOf(store, "contracts")) {
    await pause();
    const row = overlay.get("contracts", key);
    const { updated, ...entry } = row === undefined ? {} : decodeContract(row);
    if (row === undefined || updated === undefined || isCanonical(updated.hash)) continue;
    overlay.put("contracts", key, encodeContract(entry as ContractEntry));
  }
}
