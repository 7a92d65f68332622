/** The state after a block with all that it takes to execute on it, for callers who want to see what would come of it. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { encodeAccount } from "@counterpart/core/chain/account";
import type { AnyHeader, AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { SigningRules } from "@counterpart/core/chain/any-transaction";
import { nextBaseFee, nextExcessBlobGas } from "@counterpart/core/consensus/fees";
import { foreignContext, type RulesOfBlock } from "@counterpart/core/consensus/foreign-rules";
import { blobsAt, type ForkSchedule } from "@counterpart/core/consensus/fork-schedule";
import { blockContextOf } from "@counterpart/core/execution/block-context";
import type { EvmExecutor } from "@counterpart/core/execution/executor";
import { type Fork, isAtLeast } from "@counterpart/core/execution/fork";
import { overState } from "@counterpart/core/execution/irregular-state";
import type { BlockContext, StateChanges, StateReader } from "@counterpart/core/execution/types";
import type { StoreReader } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/types";
import { keyText } from "../store/key-text.ts";
import type { EngineCore } from "./core.ts";
import { setUnder } from "./irregular.ts";
import { createOverlay, type Overlay } from "./overlay.ts";
import { accountKey } from "./rows.ts";
import type { OpenState } from "./snapshot.ts";
import { applyChanges, createStateReader, readAccount, unwindChanges } from "./state.ts";
import { changedSince } from "./state-view.ts";

/** By which rules blocks are executed. */
export interface SiteRules {
  readonly chainId: number;
  /** Whose events are deposits (EIP-6110); undefined: blocks of this chain have no requests. */
  readonly depositContract: Hex | undefined;
  /** When which rules hold; undefined: this node's own chain. */
  readonly schedule: ForkSchedule | undefined;
  forkOf(header: AnyHeader): Fork;
  /** How transactions of a block are signed. */
  signingOf(header: AnyHeader): SigningRules;
  executorOf(header: AnyHeader): EvmExecutor;
  contextOf(header: AnyHeader, blockHash: BlockContext["blockHash"]): BlockContext;
  /** Base fee of the block after `parent`. */
  baseFeeAfter(parent: AnyHeader): bigint;
  /** Excess blob gas of a block of that time after `parent`. */
  excessBlobGasAfter(parent: AnyHeader, header: Pick<AnyHeader, "timestamp">, fork: Fork): bigint;
}

/** A state that can be changed, and is forgotten afterwards. */
export interface Scratch {
  readonly state: StateReader;
  /** @returns root of the state with the changes */
  apply(changes: StateChanges): Hex;
}

export interface ExecutionSite extends SiteRules {
  /** The block after which the state is. */
  readonly header: AnySealedHeader;
  readonly state: StateReader;
  /** The state with what was set by hand before a block was sealed on it: by its transactions alone nothing follows. */
  stateUnder(block: Hex): StateReader;
  /** Hash of a canonical block. */
  readonly blockHash: BlockContext["blockHash"];
  /**
   * A copy of the state with its tries.
   * @throws CodedError `PRUNED` where too much has changed since, `NOT_HELD` where the tries are not held whole
   */
  scratch(): Scratch;
}

/** Blob transactions are in no block of this node's own chain. */
const OWN_SIGNING: SigningRules = { transactionTypeMax: 4, needsLowS: true, hasReplayProtection: true };

/** Rules of this node's own chain: those of Osaka, free gas, no blobs and no requests. */
export function ownRules({ evm, processor }: Pick<EngineCore, "evm" | "processor">): SiteRules {
  return {
    chainId: processor.chainId,
    depositContract: undefined,
    schedule: undefined,
    forkOf: () => "osaka",
    signingOf: () => OWN_SIGNING,
    executorOf: () => evm,
    contextOf: blockContextOf,
    baseFeeAfter: () => 0n,
    excessBlobGasAfter: () => 0n,
  };
}

/** Rules of an imported chain. */
export function importedRules(schedule: ForkSchedule, rulesOf: RulesOfBlock): SiteRules {
  return {
    chainId: schedule.chainId,
    depositContract: schedule.depositContract,
    schedule,
    forkOf: (header) => rulesOf(header).fork,
    signingOf: (header) => rulesOf(header).signing,
    executorOf: (header) => rulesOf(header).executor,
    contextOf: (header, blockHash) => foreignContext(schedule, header, blockHash),
    baseFeeAfter: nextBaseFee,
    excessBlobGasAfter(parent, { timestamp }, fork) {
      const blobs = blobsAt(schedule, timestamp);
      if (blobs === undefined || parent.excessBlobGas === undefined) return 0n;
      return nextExcessBlobGas(parent, blobs, isAtLeast(fork, "osaka"));
    },
  };
}

/** Rows without what some accounts store. */
function without(rows: Pick<StoreReader, "get">, accounts: ReadonlySet<string>): Pick<StoreReader, "get"> {
  const isStored = (table: TableName): boolean => table === "storage" || table === "storageNodes";
  const owner = (key: Uint8Array): string => keyText(key.subarray(0, 32));
  return {
    get: (table, key) => (isStored(table) && accounts.has(owner(key)) ? undefined : rows.get(table, key)),
  };
}

/** The state of the site's block with its tries, in memory over what is stored. */
function createScratch({ rows, set, header, head }: OpenState<AnySealedHeader>, max: number): Scratch {
  let overlay: Overlay = createOverlay(rows);
  let root = head.stateRoot;
  if (header.hash !== head.hash) {
    root = unwindChanges(overlay, root, changedSince(rows, header.number, head.number, max));
  }
  if (root !== header.stateRoot) {
    throw new CodedError("STORE_CORRUPT", `the state of block ${header.number} does not come back from its changes`);
  }
  root = applyChanges(overlay, root, set);
  /** Storage that is given whole: what was there is not walked, however much it is, but hidden. */
  const hide = (addresses: ReadonlySet<Hex>): void => {
    const hidden = [...addresses].map((address) => accountKey(address));
    const names = new Set(hidden.map(keyText));
    const before = overlay;
    overlay = createOverlay(without(before, names));
    for (const key of hidden) {
      const account = readAccount(before, key);
      if (account === undefined) continue;
      overlay.put("accounts", key, encodeAccount({ ...account, storageRoot: EMPTY_TRIE_ROOT }));
    }
  };
  const reader = (): StateReader => createStateReader(overlay);
  return {
    state: {
      account: (address: Hex) => reader().account(address),
      storage: (address: Hex, slot: Hex) => reader().storage(address, slot),
      code: (codeHash: Hex) => reader().code(codeHash),
    },
    apply({ cleared = new Set(), ...changes }: StateChanges): Hex {
      if (cleared.size > 0) hide(cleared);
      root = applyChanges(overlay, root, changes);
      return root;
    },
  };
}

/** @param changesMax rows that may have to be taken back for a copy of an older state */
export function createSite(open: OpenState<AnySealedHeader>, rules: SiteRules, changesMax: number): ExecutionSite {
  const { header, canonicalHash } = open;
  return {
    ...rules,
    header,
    state: open,
    stateUnder: (block) => overState(open, setUnder(open.rows, block)),
    blockHash: canonicalHash,
    scratch: () => createScratch(open, changesMax),
  };
}
