/** The index of contracts against the state, and the pool's rows against the chain. */

import { bytesToBigInt, bytesToHex, EMPTY_BYTES, equalBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { decodeAccount, isDelegation } from "@counterpart/core/chain/account";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import type { StoreReader } from "@counterpart/core/ports/store";
import { readContractCount } from "../contract-index.ts";
import { rowsOf } from "../paging.ts";
import { decodeJournalEntry, readConflict } from "../pool-rows.ts";
import { accountKey, decodeContract, metaKey } from "../rows.ts";
import { readAccount } from "../state.ts";
import type { BlockMoment, ContractEntry } from "../types.ts";
import { type ChainFacts, faultAt, faultOf, type StoreFault } from "./check.ts";
import { isCanonical, readOwnBranch } from "./head-branch.ts";
import { readHeld } from "./held.ts";

/** What is not known is not wrong. @param own blocks of the head's chain that are not on the canonical one */
const isOnChain = (rows: StoreReader, own: ReadonlySet<Hex>, moment: BlockMoment | undefined): boolean =>
  moment === undefined || own.has(moment.hash) || isCanonical(rows, moment);

interface IndexFacts {
  readonly isAdopting: boolean;
  readonly own: ReadonlySet<Hex>;
}

function contractFault(rows: StoreReader, key: Uint8Array, entry: ContractEntry, { isAdopting, own }: IndexFacts) {
  if (entry.address !== bytesToHex(key)) return "the entry is of another address";
  if (rows.get("preimages", accountKey(entry.address)) === undefined) return "its address is not kept under its hash";
  const account = readAccount(rows, accountKey(entry.address));
  const isOnItsWay = account === undefined && isAdopting;
  if (!isOnItsWay && account?.codeHash !== entry.codeHash) return "the account has other code";
  if (!isOnChain(rows, own, entry.created)) return "its creating block is not on the chain";
  if (!isOnChain(rows, own, entry.updated)) return "its last block is not on the chain";
  const { creationTransaction } = entry;
  if (creationTransaction !== undefined && rows.get("transactions", hexToBytes(creationTransaction)) === undefined) {
    return "its creating transaction is not on the chain";
  }
  return undefined;
}

function holdsContractCode(rows: StoreReader, account: Uint8Array): boolean {
  const { codeHash } = decodeAccount(account);
  if (codeHash === EMPTY_CODE_HASH) return false;
  const code = rows.get("codes", hexToBytes(codeHash));
  return code !== undefined && !isDelegation(code);
}

/** Addresses are kept under their hashes, those of contracts that are gone too. */
function* checkPreimages(rows: StoreReader): Generator<StoreFault | undefined> {
  for (const { key, value } of rowsOf(rows, "preimages")) {
    yield equalBytes(keccak256(value), key) ? undefined : faultAt("preimages", key, "the address has another hash");
  }
}

/** Contracts that a peer is to name are there; returns how many of them are not in the index. */
function* checkUnnamed(rows: StoreReader, isAdopting: boolean): Generator<StoreFault | undefined, number> {
  let missing = 0;
  for (const { key } of rowsOf(rows, "unnamed")) {
    const address = rows.get("preimages", key);
    if (address === undefined || rows.get("contracts", address) === undefined) missing++;
    yield faultOf("unnamed", key, () => {
      const account = rows.get("accounts", key);
      const isContract = account === undefined ? isAdopting : holdsContractCode(rows, account);
      return isContract ? undefined : "there is no contract that is to be named";
    });
  }
  return missing;
}

/**
 * Every entry is of a contract, and there are as many as accounts with contract code, but for those that were taken over
 * and that a peer is to name.
 */
export function* checkContracts(rows: StoreReader): Generator<StoreFault | undefined> {
  const { isAdopting } = readHeld(rows);
  yield* checkPreimages(rows);
  const unlisted = yield* checkUnnamed(rows, isAdopting);
  const { own } = readOwnBranch(rows);
  const counts = { entries: 0, deployed: 0, accounts: 0 };
  for (const { key, value } of rowsOf(rows, "contracts")) {
    yield faultOf("contracts", key, () => {
      const entry = decodeContract(value);
      counts.entries++;
      if (!entry.genesis) counts.deployed++;
      return contractFault(rows, key, entry, { isAdopting, own });
    });
  }
  for (const { key, value } of rowsOf(rows, "accounts")) {
    yield faultOf("accounts", key, () => {
      if (holdsContractCode(rows, value)) counts.accounts++;
      return undefined;
    });
  }
  const { entries, deployed, accounts } = counts;
  const missing = `${entries} entries and ${unlisted} to be named, for ${accounts} accounts with contract code`;
  const isWhole = isAdopting || entries + unlisted === accounts;
  yield isWhole ? undefined : faultAt("contracts", EMPTY_BYTES, missing);
  const counted = readContractCount(rows);
  const wrong = `the count says ${counted}, there are ${deployed}`;
  yield counted === deployed ? undefined : faultAt("meta", metaKey("contracts"), wrong);
}

/** Pending transactions are not on the chain, have no nonce that is used, and are at most one for each nonce. */
export function* checkPool(rows: StoreReader, { chainId }: ChainFacts): Generator<StoreFault | undefined> {
  const slots = new Set<string>();
  for (const { key, value } of rowsOf(rows, "pool")) {
    yield faultOf("pool", key, () => {
      const { hash, sender, nonce } = decodeJournalEntry(value, chainId).transaction;
      if (hash !== bytesToHex(key)) return "another transaction is kept under this hash";
      if (rows.get("transactions", key) !== undefined) return "the transaction is on the chain";
      if (nonce < (readAccount(rows, accountKey(sender))?.nonce ?? 0n)) return "its nonce is used";
      const slot = `${sender}:${nonce}`;
      if (slots.has(slot)) return "another pending transaction has its sender and nonce";
      slots.add(slot);
      return undefined;
    });
  }
}

/** Transactions that lost their nonce name another one. That one may be gone again, and this one be included after all. */
export function* checkConflicts(rows: StoreReader, { chainId }: ChainFacts): Generator<StoreFault | undefined> {
  for (const { key } of rowsOf(rows, "conflicts")) {
    yield faultOf("conflicts", key, () => {
      const conflict = readConflict(rows, bytesToHex(key), chainId);
      if (conflict?.transaction.hash !== bytesToHex(key)) return "another transaction is kept under this hash";
      return conflict.by === bytesToHex(key) ? "the transaction lost to itself" : undefined;
    });
  }
}

/** Rows that name places: of the format, of this database, of the genesis. */
export function* checkMeta(rows: StoreReader, { genesisHash }: ChainFacts): Generator<StoreFault | undefined> {
  const genesis = rows.get("meta", metaKey("genesis"));
  const isOurs = genesis !== undefined && bytesToHex(genesis) === genesisHash;
  yield isOurs ? undefined : faultAt("meta", metaKey("genesis"), "the chain has another genesis");
  for (const { key, value } of rowsOf(rows, "peers")) {
    yield faultOf("peers", key, () => (bytesToBigInt(value) > 0n ? undefined : "a peer without a place"));
  }
}
