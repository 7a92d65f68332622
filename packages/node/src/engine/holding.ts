/** What of the state a node holds: all of it, or as a replica the contracts it was told to. */

import { bytesToHex, bytesToUtf8, concatBytes, type Hex, hexToBytes, utf8ToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Store, StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import { accountKey, metaKey, numberKey } from "./rows.ts";

/** `full`: executes every block. `all`: a replica of the whole state. `chosen`: one of some contracts. */
export type Role = "full" | "all" | "chosen";

/** What becomes of every transaction that a replica is to send. */
export const replicaRefusal = (): CodedError =>
  new CodedError("REPLICA", "a replica takes no transactions: send them to a full node");

/** Contracts that a replica holds at the most. */
export const CHOSEN_MAX = 4_096;

const ROLE_KEY = metaKey("role");
const CHOSEN_KEY = metaKey("chosen");
const ADDRESS_BYTES = 20;

export interface Holding {
  readonly role: Role;
  /** Whether the account is among what is held, whatever there is of it. */
  has(address: Hex): boolean;
  chosen(): readonly Hex[];
  /** Contracts were added, of which nothing has been fetched yet. */
  readonly isBehind: boolean;
  /** Whether the contract was added, and nothing has been fetched of it yet. */
  isAwaited(address: Hex): boolean;
  /** How often contracts were added: what is fetched now is what was added by now. */
  readonly added: number;
  /** All has been fetched of what had been added then. */
  noteFetched(added: number): void;
  /** @throws CodedError `TOO_MANY_CONTRACTS`, `STORE_WRITE_FAILED` */
  add(address: Hex): void;
  /** Writes `rows` with it. */
  drop(address: Hex, rows: Iterable<StoreWrite>): void;
}

export function readChosen(rows: Pick<StoreReader, "get">): Set<Hex> {
  const row = rows.get("meta", CHOSEN_KEY) ?? new Uint8Array(0);
  const chosen = new Set<Hex>();
  for (let at = 0; at < row.length; at += ADDRESS_BYTES) chosen.add(bytesToHex(row.subarray(at, at + ADDRESS_BYTES)));
  return chosen;
}

const preimageRow = (address: Hex): StoreWrite => {
  return { table: "preimages", key: accountKey(address), value: hexToBytes(address) };
};

const chosenRow = (chosen: ReadonlySet<Hex>): StoreWrite => {
  return { table: "meta", key: CHOSEN_KEY, value: concatBytes(...[...chosen].map(hexToBytes)) };
};

/** A state of which only parts are there cannot become a whole one, nor one that was executed a replica's. */
function checkRole(stored: Role, wanted: Role): void {
  if (stored === wanted || (stored === "all" && wanted === "full")) return;
  const names = { full: "a full node", all: "a replica of everything", chosen: "a replica of some contracts" };
  throw new CodedError("INVALID_CONFIG", `the data directory is that of ${names[stored]}, not of ${names[wanted]}`, {
    stored,
    wanted,
  });
}

/** Undefined before anything was done with the data directory. Blocks of before there were roles were executed. */
export function storedRole(rows: Pick<StoreReader, "get">): Role | undefined {
  const row = rows.get("meta", ROLE_KEY);
  if (row !== undefined) return bytesToUtf8(row) as Role;
  return rows.get("canonical", numberKey(1)) === undefined ? undefined : "full";
}

/**
 * @param wanted undefined: a full node; otherwise a replica of everything or of these contracts and those added before
 * @throws CodedError `INVALID_CONFIG` when the data directory belongs to a node of another role
 */
export function openHolding(store: Store, wanted: "all" | readonly Hex[] | undefined): Holding {
  const role: Role = wanted === undefined ? "full" : wanted === "all" ? "all" : "chosen";
  const stored = storedRole(store);
  if (stored !== undefined) checkRole(stored, role);
  const chosen = readChosen(store);
  const write = (rows: Iterable<StoreWrite>): void =>
    store.write([
      ...rows,
      { table: "meta", key: ROLE_KEY, value: utf8ToBytes(role) },
      ...(role === "chosen" ? [chosenRow(chosen)] : []),
    ]);
  if (Array.isArray(wanted)) for (const address of wanted) chosen.add(address);
  if (stored !== role || role === "chosen") write([...chosen].map(preimageRow));
  let added = chosen.size;
  /** What `added` was when a contract had been added. */
  const addedAt = new Map([...chosen].map((address) => [address, added]));
  let fetched = 0;
  return {
    role,
    has: (address) => role !== "chosen" || chosen.has(address),
    chosen: () => [...chosen],
    get isBehind() {
      return role === "chosen" && fetched < added;
    },
    isAwaited: (address) => fetched < (addedAt.get(address) ?? 0),
    get added() {
      return added;
    },
    noteFetched(upTo) {
      fetched = upTo;
    },
    add(address) {
      if (chosen.has(address)) return;
      if (chosen.size >= CHOSEN_MAX) {
        throw new CodedError("TOO_MANY_CONTRACTS", `a replica holds at most ${CHOSEN_MAX} contracts`);
      }
      chosen.add(address);
      try {
        write([preimageRow(address)]);
      } catch (error) {
        chosen.delete(address);
        throw error;
      }
      addedAt.set(address, ++added);
    },
    drop(address, rows) {
      if (!chosen.delete(address)) return;
      try {
        write(rows);
      } catch (error) {
        chosen.add(address);
        throw error;
      }
      addedAt.delete(address);
    },
  };
}
