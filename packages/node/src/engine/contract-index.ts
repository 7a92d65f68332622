/** The index of contracts: a pure function of the head, kept in step with it by the same overlay as the state. */

import { bytesToBigInt, bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { Creation } from "@counterpart/core/execution/outcome";
import type { StateChanges } from "@counterpart/core/execution/types";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { Overlay, PreviousValue } from "./overlay.ts";
import { accountKey, decodeContract, encodeContract, metaKey, numberKey } from "./rows.ts";
import { readAccount } from "./state.ts";
import type { BlockMoment, ContractEntry } from "./types.ts";

/** What a block did to the index. */
export interface IndexChanges {
  readonly created: readonly Hex[];
  readonly updated: readonly Hex[];
  /** By how many contracts that are not of the genesis there are more, or fewer. */
  readonly counted: number;
}

/** Keeps an entry, and the address where it is found by its hash. */
function putEntry(overlay: Overlay, entry: ContractEntry): void {
  const address = hexToBytes(entry.address);
  overlay.put("contracts", address, encodeContract(entry));
  overlay.put("preimages", accountKey(entry.address), address);
}

export function readContract(rows: Pick<StoreReader, "get">, address: Hex): ContractEntry | undefined {
  const row = rows.get("contracts", hexToBytes(address));
  return row === undefined ? undefined : decodeContract(row);
}

/** The contract at the head whose address has this hash. */
export function readHashedContract(rows: Pick<StoreReader, "get">, addressHash: Hex): ContractEntry | undefined {
  const address = rows.get("preimages", hexToBytes(addressHash));
  return address === undefined ? undefined : readContract(rows, bytesToHex(address));
}

function codeHashOf(overlay: Overlay, address: Hex): Hex {
  return readAccount(overlay, accountKey(address))?.codeHash ?? EMPTY_CODE_HASH;
}

/** What is kept of a block with what happened in it. */
export const momentOf = ({ number, hash, timestamp }: BlockMoment): BlockMoment => ({ number, hash, timestamp });

function newEntry(overlay: Overlay, header: BlockMoment, creation: Creation): ContractEntry {
  const { address, transaction, topLevel } = creation;
  return {
    address,
    owner: transaction.sender,
    ...(topLevel ? { creationNonce: transaction.nonce } : {}),
    codeHash: codeHashOf(overlay, address),
    created: momentOf(header),
    creationTransaction: transaction.hash,
    updated: momentOf(header),
    updateSequence: 1,
    genesis: false,
  };
}

function touched(entry: ContractEntry, header: BlockMoment): ContractEntry {
  const { updateSequence } = entry;
  return {
    ...entry,
    updated: momentOf(header),
    ...(updateSequence === undefined ? {} : { updateSequence: updateSequence + 1 }),
  };
}

const isCounted = (entry: ContractEntry | undefined): number => (entry === undefined || entry.genesis ? 0 : 1);

/** Brings the index to the block that `changes` and `creations` come from. */
export function indexContracts(
  overlay: Overlay,
  header: BlockMoment,
  changes: StateChanges,
  creations: readonly Creation[],
): IndexChanges {
  /** Before Cancun code can remove a contract, in the block that created it too. */
  const isGone = (address: Hex): boolean => {
    const change = changes.accounts.get(address);
    return change === null || (change?.codeHash ?? codeHashOf(overlay, address)) === EMPTY_CODE_HASH;
  };
  const lasting = creations.filter(({ address }) => !isGone(address));
  const created = new Map(lasting.map((creation) => [creation.address, creation]));
  const updated: Hex[] = [];
  let counted = 0;
  for (const creation of created.values()) {
    counted += 1 - isCounted(readContract(overlay, creation.address));
    putEntry(overlay, newEntry(overlay, header, creation));
  }
  for (const address of new Set([...changes.accounts.keys(), ...changes.storage.keys()])) {
    if (created.has(address)) continue;
    const entry = readContract(overlay, address);
    if (entry === undefined) continue;
    const isRemoved = isGone(address);
    overlay.put("contracts", hexToBytes(address), isRemoved ? null : encodeContract(touched(entry, header)));
    if (isRemoved) counted -= isCounted(entry);
    else updated.push(address);
  }
  return { created: [...created.keys()], updated, counted };
}

/** Index entries of the contracts that the genesis holds. */
export function indexGenesis(overlay: Overlay, header: BlockMoment, changes: StateChanges): void {
  for (const [address, account] of changes.accounts) {
    if (account === null || account.codeHash === EMPTY_CODE_HASH) continue;
    const entry: ContractEntry = {
      address,
      codeHash: account.codeHash,
      created: momentOf(header),
      updated: momentOf(header),
      updateSequence: 1,
      genesis: true,
    };
    putEntry(overlay, entry);
  }
}

/** Contracts in order of address, starting after `after`. */
export function listContracts(rows: StoreReader, after: Hex | undefined, limit: number): readonly ContractEntry[] {
  const start = after === undefined ? undefined : new Uint8Array([...hexToBytes(after), 0]);
  return rows
    .range("contracts", { ...(start === undefined ? {} : { start }), limit })
    .map(({ value }) => decodeContract(value));
}

const COUNT_KEY = metaKey("contracts");

/** How many contracts there are at the head, those of the genesis left out. */
export function readContractCount(rows: Pick<StoreReader, "get">): number {
  const row = rows.get("meta", COUNT_KEY);
  return row === undefined ? 0 : Number(bytesToBigInt(row));
}

export const contractCountRow = (count: number): StoreWrite => ({
  table: "meta",
  key: COUNT_KEY,
  value: numberKey(count),
});

/**
 * A previous value as it is put back: what a peer has said meanwhile of where the contract comes from is as true of the
 * earlier block.
 */
export function keepingOrigin(overlay: Overlay, previous: PreviousValue): PreviousValue {
  const { table, key, value } = previous;
  if (table !== "contracts" || value === null) return previous;
  const entry = decodeContract(value);
  const { owner, creationNonce } = readContract(overlay, bytesToHex(key)) ?? {};
  if (entry.owner !== undefined || owner === undefined) return previous;
  const named = { ...entry, owner, ...(creationNonce === undefined ? {} : { creationNonce }) };
  return { table, key, value: encodeContract(named) };
}

/** Addresses whose index rows are among previous values. */
export function contractsIn(previous: readonly PreviousValue[]): readonly Hex[] {
  return previous.filter(({ table }) => table === "contracts").map(({ key }) => bytesToHex(key));
}
