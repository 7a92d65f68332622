/**
 * Taking a state over from peers instead of executing the blocks that made it. What is handed in here has been proven
 * against a header; this is where it becomes rows, so that at any moment the tries are those of the rows, an account is
 * there only with its whole storage and its code, and a reader sees the state of the head or is told to wait.
 */

import { bytesToHex, concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert, CodedError } from "@counterpart/core/base/errors";
import { decodeAccount, isDelegation } from "@counterpart/core/chain/account";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { Account, SealedHeader } from "@counterpart/core/chain/types";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import type { ContractOrigin } from "@counterpart/core/sync/message-types-state";
import { EMPTY_TRIE_ROOT, type NibblePath, type TrieNodeReader } from "@counterpart/core/trie/types";
import { ADOPTION_KEY, adoptedRow, isAdopting } from "./adopted.ts";
import { type IndexedPortion, indexAdopted, nameContracts } from "./adopted-contracts.ts";
import type { ChainReader } from "./chain-reader.ts";
import { contractCountRow, momentOf } from "./contract-index.ts";
import type { EngineCore } from "./core.ts";
import { advance, announce, announceLeaving } from "./head-mover.ts";
import { createHeaderChain } from "./header-chain.ts";
import { historyStartRow } from "./history.ts";
import { clearStorage, forgetMoments, removeStrays, withoutState } from "./leftovers.ts";
import { logsFrom } from "./log-index.ts";
import { createOverlay, type Overlay } from "./overlay.ts";
import { createPacer } from "./pacer.ts";
import { rowsOf } from "./paging.ts";
import { forgetStranded, forkBelowHistory, retreatTo } from "./retreat.ts";
import { accountKey, metaKey } from "./rows.ts";
import { createNonceUses, settle } from "./settle.ts";
import {
  accountNodes,
  createStateReader,
  readAccount,
  storageNodes,
  updateAccountTrie,
  updateStorageTrie,
} from "./state.ts";
import { after } from "./state-view.ts";
import { type ContractDifference, differenceOf } from "./switcher.ts";
import type { BlockMoment } from "./types.ts";
import { isUnnamed, listUnnamed, noteUnnamed } from "./unnamed.ts";
import type { WriterQueue } from "./writer-queue.ts";

/** A row of a trie with hashed keys, 32 bytes each; `null`: there is none. */
export interface KeyedChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** Part of a state, all of it proven, to be written at once. */
export interface StatePortion {
  /** By keccak(address), as the trie holds them. An account that is put has its whole storage here or in the store. */
  readonly accounts: readonly KeyedChange[];
  /** Slots by keccak(slot), their values without leading zeros. */
  readonly storage: readonly { readonly account: Uint8Array; readonly slots: readonly KeyedChange[] }[];
  /** By hash. */
  readonly codes: ReadonlyMap<Hex, Uint8Array>;
  /** By keccak(address). */
  readonly origins: ReadonlyMap<Hex, ContractOrigin>;
}

const NOTHING_INDEXED: IndexedPortion = { touched: [], unnamed: 0 };
export const NO_PORTION: StatePortion = { accounts: [], storage: [], codes: new Map(), origins: new Map() };

/** A trie as it is held now. */
export interface HeldTrie {
  readonly root: Hex;
  readonly read: TrieNodeReader;
}

export interface Adoption {
  /** The state is being taken over: it is no head's, and nobody may read it. Stays so over restarts. */
  readonly isUnderway: boolean;
  /** What was written with the last portion, for whoever goes on after a restart. */
  progress(): Uint8Array;
  /**
   * Begins to take a state over. The state that is held goes: with `fresh` to nothing, otherwise step by step.
   * @throws CodedError `STORE_WRITE_FAILED`, `NOT_READY`
   */
  begin(fresh: boolean, progress: Uint8Array): Promise<void>;
  /** The last header of the chain whose headers are held; at least the head. */
  tip(): SealedHeader;
  /**
   * Puts headers on the canonical chain, the parent of the first being there; those that they replace leave it. Who
   * executes begins in the same write to take a state over, with `progress`: to him headers alone mean nothing.
   * @throws CodedError `STORE_WRITE_FAILED`, `NOT_READY` when blocks or transactions have come meanwhile
   */
  addHeaders(headers: readonly SealedHeader[], progress: Uint8Array): Promise<void>;
  /** Takes the headers after this one off the chain: nobody gives the state that they lead to. */
  endAt(last: SealedHeader): Promise<void>;
  account(addressHash: Uint8Array): Account | undefined;
  accountTrie(): HeldTrie;
  storageTrie(addressHash: Uint8Array): HeldTrie;
  /** Values of a storage in order of keccak(slot), from `start` (32 bytes) on. */
  slots(addressHash: Uint8Array, start?: Uint8Array): Iterable<KeyedChange>;
  hasCode(codeHash: Hex): boolean;
  /** Whether the code is known to be a delegation (EIP-7702): then the account is no contract. */
  isDelegation(codeHash: Hex): boolean;
  /** Whether the account is in the index of contracts, or remembered as one that is to be named. */
  isIndexed(addressHash: Uint8Array): boolean;
  /** How many contracts were taken over and are not named yet: nobody has said where they come from. */
  readonly unnamed: number;
  /** Those contracts by keccak(address), in order, starting after `after`. */
  unnamedAfter(after: Uint8Array | undefined, limit: number): readonly Uint8Array[];
  /**
   * Names contracts that are unnamed, or of which there is only somebody's word and the address proves more, in one
   * write; `named` tells of them. Of others nothing is changed, nor while this is under way.
   * @param origins by keccak(address), verified as far as they can be
   * @throws CodedError `STORE_WRITE_FAILED`
   */
  name(origins: ReadonlyMap<Hex, ContractOrigin>): Promise<void>;
  /** One write. Only while this is under way. */
  write(portion: StatePortion, progress: Uint8Array): Promise<void>;
  /** The block whose state is needed to follow a better branch; undefined where this node holds all that it takes. */
  fork(): SealedHeader | undefined;
  /** Whether the whole of the account is held. */
  isHeld(address: Hex): boolean;
  /** Gives a contract up that was chosen, and all that is held of it. */
  drop(address: Hex): Promise<void>;
  /**
   * The head moves to a block whose header is held, with what is still missing of its state, in one write.
   * @throws CodedError `PRUNED` when the block has left the canonical chain, `STORE_WRITE_FAILED`
   */
  complete(target: SealedHeader, portion?: StatePortion): Promise<void>;
}

const rootOf = (read: TrieNodeReader): Hex => {
  const node = read("" as NibblePath);
  return node === undefined ? EMPTY_TRIE_ROOT : keccak256Hex(node);
};
const held = (read: TrieNodeReader): HeldTrie => ({ root: rootOf(read), read });

/**
 * Accounts that are held and whose storage has become another one. Until that is whole and they come with it, they are
 * none: they would look as if nothing were to be done about them where a later target has them as they were.
 */
function* unsettled(overlay: Overlay, { storage, accounts }: StatePortion): Generator<KeyedChange> {
  const given = new Set(accounts.map(({ key }) => bytesToHex(key)));
  for (const { account } of storage) {
    const held = given.has(bytesToHex(account)) ? undefined : readAccount(overlay, account);
    if (held === undefined || held.storageRoot === rootOf(storageNodes(overlay, account))) continue;
    overlay.put("accounts", account, null);
    yield { key: account, value: null };
  }
}

/** @param isWhole whether the account trie is held as well */
function applyPortion(store: StoreReader, overlay: Overlay, portion: StatePortion, isWhole: boolean): void {
  const { codes, storage, accounts } = portion;
  for (const [hash, code] of codes) overlay.put("codes", hexToBytes(hash), code);
  for (const { account, slots } of storage) {
    for (const { key, value } of slots) overlay.put("storage", concatBytes(account, key), value);
    const changed = slots.map(({ key, value }) => ({ slotHash: key, value }));
    updateStorageTrie(overlay, account, rootOf(storageNodes(overlay, account)), changed);
  }
  for (const { key, value } of accounts) {
    if (value === null) clearStorage(store, overlay, key);
    else {
      const { storageRoot } = decodeAccount(value);
      assert(rootOf(storageNodes(overlay, key)) === storageRoot, "an account was handed in without its storage");
    }
    overlay.put("accounts", key, value);
  }
  const changes = [...accounts, ...unsettled(overlay, portion)];
  if (isWhole) updateAccountTrie(overlay, rootOf(accountNodes(overlay)), changes);
}

type HeldState = Pick<
  Adoption,
  "account" | "accountTrie" | "storageTrie" | "slots" | "hasCode" | "isDelegation" | "isIndexed"
>;

/** What is held, while it is taken over as well. */
const heldState = (store: StoreReader): HeldState => ({
  account: (addressHash) => readAccount(store, addressHash),
  accountTrie: () => held(accountNodes(store)),
  storageTrie: (addressHash) => held(storageNodes(store, addressHash)),
  *slots(addressHash, start = new Uint8Array(0)) {
    const from = concatBytes(addressHash, start);
    for (const { key, value } of rowsOf(store, "storage", from, after(addressHash))) {
      yield { key: key.subarray(addressHash.length), value };
    }
  },
  hasCode: (codeHash) => codeHash === EMPTY_CODE_HASH || store.get("codes", hexToBytes(codeHash)) !== undefined,
  isDelegation(codeHash) {
    const code = store.get("codes", hexToBytes(codeHash));
    return code !== undefined && isDelegation(code);
  },
  isIndexed(addressHash) {
    const address = store.get("preimages", addressHash);
    const isListed = address !== undefined && store.get("contracts", address) !== undefined;
    return isListed || isUnnamed(store, addressHash);
  },
});

function dropContract(core: EngineCore, address: Hex): void {
  const { store, genesisContracts, holding } = core;
  const key = accountKey(address);
  const overlay = createOverlay(store);
  clearStorage(store, overlay, key);
  overlay.put("accounts", key, null);
  overlay.put("contracts", hexToBytes(address), null);
  const unnamed = noteUnnamed(overlay, key, false);
  const isListed = store.get("contracts", hexToBytes(address)) !== undefined && !genesisContracts.has(address);
  const contracts = core.contractCount - (isListed ? 1 : 0);
  holding.drop(address, [...overlay.writes(), contractCountRow(contracts)]);
  core.contractCount = contracts;
  core.unnamedCount += unnamed;
}

/** A state takes a while to come: another branch may have won meanwhile. @throws CodedError `PRUNED` */
function requireCanonical(chain: ChainReader, { hash, number }: SealedHeader): void {
  if (chain.isCanonical(hash)) return;
  throw new CodedError("PRUNED", `block ${number} is not on the canonical chain any more`);
}

export function createAdoption(core: EngineCore, queue: WriterQueue): Adoption {
  const { store, chain, clock } = core;
  let underway = isAdopting(store);
  const isGenesis = (address: Hex): boolean => core.genesisContracts.has(address);

  const headers = createHeaderChain(core);
  function* beginning(fresh: boolean, progress: Uint8Array): Iterable<StoreWrite> {
    yield { table: "meta", key: ADOPTION_KEY, value: progress };
    if (fresh) yield* withoutState(store);
  }
  const noteBegun = (fresh: boolean): void => {
    underway = true;
    clearCaches();
    if (fresh) core.contractCount = core.unnamedCount = 0;
  };
  /** @throws CodedError `NOT_READY` */
  const requireFresh = (): void => {
    if (core.head.number === 0 && core.pool.size === 0) return;
    throw new CodedError("NOT_READY", "this node has blocks or transactions of its own: it executes the chain");
  };
  const isWhole = core.holding.role !== "chosen";
  const contractsAfter = ({ contractsCreated, contractsRemoved }: ContractDifference): number => {
    const count = (addresses: readonly Hex[]): number => addresses.filter((address) => !isGenesis(address)).length;
    return core.contractCount + count(contractsCreated) - count(contractsRemoved);
  };
  /** What was given up while it was being fetched is not written. */
  const stillHeld = (portion: StatePortion): StatePortion => {
    if (isWhole) return portion;
    const hashes = new Set(core.holding.chosen().map((address) => bytesToHex(accountKey(address))));
    return {
      ...portion,
      accounts: portion.accounts.filter(({ key }) => hashes.has(bytesToHex(key))),
      storage: portion.storage.filter(({ account }) => hashes.has(bytesToHex(account))),
    };
  };
  const applyTo = (overlay: Overlay, given: StatePortion, moment?: BlockMoment): IndexedPortion => {
    const portion = stillHeld(given);
    applyPortion(store, overlay, portion, isWhole);
    return indexAdopted(overlay, portion, isGenesis, moment);
  };
  const countsAfter = (overlay: Overlay, ...indexed: readonly IndexedPortion[]) => {
    const difference = differenceOf(store, overlay, new Set(indexed.flatMap(({ touched }) => [...touched])));
    const unnamed = indexed.reduce((sum, part) => sum + part.unnamed, core.unnamedCount);
    return { difference, contracts: contractsAfter(difference), unnamed };
  };
  const clearCaches = (): void => {
    core.accounts.clear();
    for (const views of Object.values(core.views)) views.clear();
  };

  return {
    get isUnderway() {
      return underway;
    },
    progress: () => store.get("meta", ADOPTION_KEY) ?? new Uint8Array(0),
    begin: (fresh, progress) =>
      queue.run(async () => {
        store.write(beginning(fresh, progress));
        noteBegun(fresh);
      }),
    tip: headers.tip,
    addHeaders: (more, progress) =>
      queue.run(async () => {
        const begins = core.holding.role === "full" && !underway;
        if (begins) requireFresh();
        store.write([...(begins ? beginning(true, progress) : []), ...headers.put(more)]);
        if (begins) noteBegun(true);
      }),
    endAt: ({ number }) => queue.run(async () => store.write(headers.endAt(number))),
    ...heldState(store),
    get unnamed() {
      return core.unnamedCount;
    },
    unnamedAfter: (after, limit) => listUnnamed(store, after, limit),
    name: (origins) =>
      queue.run(async () => {
        if (underway) return;
        const overlay = createOverlay(store);
        const { touched, unnamed } = nameContracts(overlay, origins);
        if (touched.length === 0) return;
        const difference = differenceOf(store, overlay, touched);
        const contracts = contractsAfter(difference);
        store.write([...overlay.writes(), contractCountRow(contracts)]);
        core.contractCount = contracts;
        core.unnamedCount += unnamed;
        core.emitter.emit("named", { head: core.head, ...difference });
      }),
    write: (portion, progress) =>
      queue.run(async () => {
        assert(underway, "a portion of a state is written only while it is taken over");
        const overlay = createOverlay(store);
        const { contracts, unnamed } = countsAfter(overlay, applyTo(overlay, portion));
        overlay.put("meta", ADOPTION_KEY, progress);
        store.write([...overlay.writes(), contractCountRow(contracts)]);
        core.contractCount = contracts;
        core.unnamedCount = unnamed;
      }),
    fork: () => (core.holding.role === "full" ? forkBelowHistory(core) : undefined),
    isHeld: (address) => core.holding.has(address) && readAccount(store, accountKey(address)) !== undefined,
    drop: (address) => queue.run(async () => dropContract(core, address)),
    complete: (target, portion = NO_PORTION) =>
      queue.run(async () => {
        requireCanonical(chain, target);
        const isNext = target.parentHash === core.head.hash && !underway;
        const rebuilt = underway;
        const overlay = createOverlay(store);
        const retreat = core.holding.role === "full" ? await retreatTo(core, overlay, target) : undefined;
        const moment = isNext ? momentOf(target) : undefined;
        const indexed = applyTo(overlay, portion, moment);
        const pause = createPacer(clock);
        const strays = underway ? await removeStrays(store, overlay, pause) : NOTHING_INDEXED;
        const { difference, contracts, unnamed } = countsAfter(overlay, indexed, strays);
        if (!chain.isCanonical(core.head.hash)) await forgetMoments(store, overlay, chain.isCanonical, pause);
        const isProven = !isWhole || rootOf(accountNodes(overlay)) === target.stateRoot;
        assert(isProven, "the state that was taken over is the header's");
        retreat?.redate();
        const settlement = settle(
          core,
          createNonceUses(),
          retreat?.returned ?? [],
          createStateReader(overlay),
          clock.now(),
        );
        overlay.put("meta", metaKey("head"), hexToBytes(target.hash));
        overlay.put("meta", ADOPTION_KEY, null);
        const rows = [
          ...overlay.writes(),
          ...settlement.writes,
          contractCountRow(contracts),
          adoptedRow(target.number),
          historyStartRow(target.number),
          logsFrom(target.number),
        ];
        const reverted = retreat?.reverted ?? headers.left();
        announceLeaving(core, retreat?.reverted ?? []);
        store.write([...rows, ...headers.settle(target)]);
        underway = false;
        clearCaches();
        core.contractCount = contracts;
        core.unnamedCount = unnamed;
        core.adopted = target.number;
        core.head = target;
        settlement.apply();
        announce(core, { head: target, reverted, applied: [], ...difference, sealedHere: false, rebuilt }, settlement);
        if (core.holding.role !== "full") return;
        forgetStranded(core);
        await advance(core, new Map());
      }),
  };
}
