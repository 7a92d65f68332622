/**
 * The index of contracts, as far as it comes from peers: which of the accounts that were taken over are contracts, and
 * where those come from.
 */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import { decodeAccount, isDelegation } from "@counterpart/core/chain/account";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { ContractOrigin } from "@counterpart/core/sync/message-types-state";
import type { StatePortion } from "./adoption.ts";
import { readContract } from "./contract-index.ts";
import type { Overlay } from "./overlay.ts";
import { encodeContract } from "./rows.ts";
import { readAccount } from "./state.ts";
import type { BlockMoment, ContractEntry } from "./types.ts";
import { isNamed, isToldOnly, noteUnnamed } from "./unnamed.ts";

export interface IndexedPortion {
  /** Contracts whose entries were put or removed. */
  readonly touched: readonly Hex[];
  /** How many more contracts are unnamed. */
  readonly unnamed: number;
}

type IsGenesis = (address: Hex) => boolean;

function codeOf(overlay: Overlay, codeHash: Hex): Uint8Array {
  const code = overlay.get("codes", hexToBytes(codeHash));
  assert(code !== undefined, `code ${codeHash} was not handed in with its account`);
  return code;
}

/** With what a peer has told of where a contract comes from. */
function withOrigin(entry: ContractEntry, { owner, creationNonce }: ContractOrigin): ContractEntry {
  return {
    ...entry,
    ...(owner === undefined ? {} : { owner }),
    ...(creationNonce === undefined ? {} : { creationNonce }),
  };
}

/** What taking it over tells of a contract. It changed in `moment` if that is the only block it can have been. */
function adoptedEntry(
  entry: ContractEntry | undefined,
  origin: ContractOrigin,
  codeHash: Hex,
  moment: BlockMoment | undefined,
): ContractEntry {
  const { address } = origin;
  const { updated: _, updateSequence: __, ...kept } = entry?.codeHash === codeHash ? entry : { genesis: false };
  const adopted = { ...kept, address, codeHash, ...(moment === undefined ? {} : { updated: moment }) };
  return withOrigin(adopted, origin);
}

/** Keeps the index in step with accounts that were put or removed. */
export function indexAdopted(
  overlay: Overlay,
  { accounts, origins }: StatePortion,
  isGenesis: IsGenesis,
  moment: BlockMoment | undefined,
): IndexedPortion {
  for (const [hash, { address }] of origins) overlay.put("preimages", hexToBytes(hash), hexToBytes(address));
  const touched: Hex[] = [];
  let unnamed = 0;
  for (const { key, value } of accounts) {
    const preimage = overlay.get("preimages", key);
    const codeHash = value === null ? EMPTY_CODE_HASH : decodeAccount(value).codeHash;
    const isContract = codeHash !== EMPTY_CODE_HASH && !isDelegation(codeOf(overlay, codeHash));
    if (preimage === undefined) {
      unnamed += noteUnnamed(overlay, key, isContract);
      continue;
    }
    const address = bytesToHex(preimage);
    const before = readContract(overlay, address);
    if (!isContract && before === undefined) continue;
    const origin = origins.get(bytesToHex(key)) ?? before ?? { address };
    const entry = { ...adoptedEntry(before, origin, codeHash, moment), genesis: isGenesis(address) };
    overlay.put("contracts", preimage, isContract ? encodeContract(entry) : null);
    unnamed += noteUnnamed(overlay, key, isContract && !isNamed(entry));
    touched.push(address);
  }
  return { touched, unnamed };
}

/** Whether an origin takes the place of what is known: of nothing, or, if it proves itself, of what somebody told. */
function isBetter(entry: ContractEntry | undefined, { owner, creationNonce }: ContractOrigin, isUnnamed: boolean) {
  if (isUnnamed) return entry === undefined || owner !== undefined;
  return entry !== undefined && isToldOnly(entry) && creationNonce !== undefined;
}

/**
 * Gives unnamed contracts the names that were found out: a creator, or at least the address. A creator whom the address
 * proves takes the place of one who was told. Other contracts, and those that are not there any more, are left alone.
 */
export function nameContracts(overlay: Overlay, origins: ReadonlyMap<Hex, ContractOrigin>): IndexedPortion {
  const touched: Hex[] = [];
  let unnamed = 0;
  for (const [hash, origin] of origins) {
    const key = hexToBytes(hash);
    const account = readAccount(overlay, key);
    const { address } = origin;
    const before = readContract(overlay, address);
    if (account === undefined || !isBetter(before, origin, overlay.get("unnamed", key) !== undefined)) continue;
    const entry = withOrigin(before ?? { address, codeHash: account.codeHash, genesis: false }, origin);
    overlay.put("preimages", key, hexToBytes(address));
    overlay.put("contracts", hexToBytes(address), encodeContract(entry));
    unnamed += noteUnnamed(overlay, key, !isNamed(entry));
    touched.push(address);
  }
  return { touched, unnamed };
}
