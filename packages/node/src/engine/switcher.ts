/**
 * Moves the head to another block: takes back what has to go, executes what comes, all on an overlay. Only when every
 * block of the branch has executed to its own roots does the caller get something to write. Blocks are held one at a
 * time, so that the length of a branch is not bounded by memory.
 */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import type { Block, SealedHeader, Transaction } from "@counterpart/core/chain/types";
import type { Store, StoreReader } from "@counterpart/core/ports/store";
import { type Contradiction, executeBlock, type ProcessorDeps, unwindHead } from "./block-processor.ts";
import { createChainReader } from "./chain-reader.ts";
import { createCheckedReader } from "./checked-state.ts";
import { createOverlay, type Overlay } from "./overlay.ts";
import { createPacer, type Pause } from "./pacer.ts";
import { createNonceUses, type NonceUses } from "./settle.ts";
import { clearStaging, createStaging } from "./staging.ts";
import type { AppliedBlock } from "./types.ts";

/** A pure extension ends with the block that fills this much of memory; the rest of it is another write. */
export const EXTENSION_BYTES_PER_WRITE = 8 * 1024 * 1024;

/** Blocks to become canonical, lowest first; the parent of the first is canonical. */
export interface Branch {
  readonly path: readonly Hex[];
  load(hash: Hex): Block;
}

/** What a branch that has executed means. */
export interface Move {
  readonly overlay: Overlay;
  /** Lowest first. */
  readonly applied: readonly AppliedBlock[];
  readonly nonces: NonceUses;
  /** Highest first. */
  readonly reverted: readonly SealedHeader[];
  /** Transactions of the reverted blocks, in the order they had. */
  readonly returned: readonly Transaction[];
  /** Every contract that any of the blocks touched. */
  readonly touched: ReadonlySet<Hex>;
}

export type SwitchOutcome =
  | { readonly kind: "ready"; readonly move: Move }
  | { readonly kind: "refused"; readonly block: Block; readonly contradiction: Contradiction };

/** Takes the overlay's head back to `ancestor`. */
async function unwindTo(ancestor: Hex, overlay: Overlay, chainId: number, pause: Pause, touched: Set<Hex>) {
  const chain = createChainReader(overlay, chainId);
  const reverted: SealedHeader[] = [];
  const returned: (readonly Transaction[])[] = [];
  while (chain.head().hash !== ancestor) {
    await pause();
    const { block, contracts } = unwindHead(overlay, chainId);
    reverted.push(block.header);
    returned.unshift(block.transactions);
    for (const address of contracts) touched.add(address);
  }
  return { reverted, returned: returned.flat() };
}

/** What listeners are told of a block; `load` may be called as long as the block is held. */
export function appliedBlock(
  header: SealedHeader,
  transactions: readonly Transaction[],
  load: () => Block,
): AppliedBlock {
  return { header, transactions: transactions.map(({ hash }) => hash), load };
}

/**
 * @param doubted a block for which every value that its execution reads is held against the state's tries
 * @throws CodedError `STORE_CORRUPT`
 */
export async function prepareSwitch(
  deps: ProcessorDeps,
  store: Store,
  branch: Branch,
  doubted?: Hex,
): Promise<SwitchOutcome> {
  const first = branch.path[0];
  assert(first !== undefined, "a branch has blocks");
  const ancestor = branch.load(first).header.parentHash;
  const isExtension = createChainReader(store, deps.chainId).head().hash === ancestor;
  if (!isExtension) clearStaging(store);
  const overlay = createOverlay(store, isExtension ? undefined : createStaging(store), deps.overlayBytesMax);
  assert(createChainReader(overlay, deps.chainId).isCanonical(ancestor), "a branch starts on the canonical chain");
  const pause = createPacer(deps.clock);
  const touched = new Set<Hex>();
  const unwound = await unwindTo(ancestor, overlay, deps.chainId, pause, touched);
  const nonces = createNonceUses();
  const applied: AppliedBlock[] = [];
  for (const hash of branch.path) {
    if (isExtension && overlay.bytes > EXTENSION_BYTES_PER_WRITE) break;
    const block = branch.load(hash);
    const isDoubted = hash === doubted;
    const outcome = await executeBlock(
      // What is doubted is not taken from memory.
      isDoubted ? { ...deps, nodes: undefined } : deps,
      overlay,
      block,
      pause,
      isDoubted ? createCheckedReader : undefined,
    );
    if (outcome.kind === "contradicted") return { kind: "refused", block, contradiction: outcome.contradiction };
    const { created, updated, accounts } = outcome.effects;
    for (const address of [...created, ...updated]) touched.add(address);
    nonces.note(block, accounts);
    applied.push(appliedBlock(block.header, block.transactions, () => branch.load(hash)));
  }
  return { kind: "ready", move: { overlay, applied, nonces, touched, ...unwound } };
}

export interface ContractDifference {
  readonly contractsCreated: readonly Hex[];
  readonly contractsUpdated: readonly Hex[];
  readonly contractsRemoved: readonly Hex[];
}

/** Sorts touched contracts by whether they exist before and after. Call before the overlay is written. */
export function differenceOf(store: StoreReader, overlay: Overlay, touched: Iterable<Hex>): ContractDifference {
  const created: Hex[] = [];
  const updated: Hex[] = [];
  const removed: Hex[] = [];
  for (const address of touched) {
    const before = store.get("contracts", hexToBytes(address)) !== undefined;
    const after = overlay.get("contracts", hexToBytes(address)) !== undefined;
    if (before && after) updated.push(address);
    else if (after) created.push(address);
    else if (before) removed.push(address);
  }
  return { contractsCreated: created, contractsUpdated: updated, contractsRemoved: removed };
}
