/**
 * Moves the head to another block: takes back what has to go, executes what comes, all on an overlay. Only when every
 * block of the branch has executed to its own roots does the caller get something to write.
 */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert, isCodedError } from "@counterpart/core/base/errors";
import type { Block, SealedHeader } from "@counterpart/core/chain/types";
import type { StoreReader } from "@counterpart/core/ports/store";
import { executeBlock, type ProcessorDeps, unwindHead } from "./block-processor.ts";
import { createChainReader } from "./chain-reader.ts";
import { createOverlay, type Overlay } from "./overlay.ts";
import { createPacer } from "./pacer.ts";

export type SwitchOutcome =
  | {
      readonly kind: "ready";
      readonly overlay: Overlay;
      readonly reverted: readonly Block[];
      readonly touched: ReadonlySet<Hex>;
    }
  | { readonly kind: "invalid"; readonly hash: Hex; readonly message: string };

/**
 * @param branch blocks to become canonical, lowest first; the parent of the first is canonical
 * @returns `reverted` lowest first, and every contract that any of the blocks touched
 */
export async function prepareSwitch(
  deps: ProcessorDeps,
  store: StoreReader,
  branch: readonly Block[],
): Promise<SwitchOutcome> {
  const overlay = createOverlay(store);
  const chain = createChainReader(overlay, deps.chainId);
  const ancestor = branch[0]?.header.parentHash;
  assert(ancestor !== undefined && chain.isCanonical(ancestor), "a branch starts on the canonical chain");
  const touched = new Set<Hex>();
  const reverted: Block[] = [];
  const pause = createPacer(deps.clock);
  while (chain.head().hash !== ancestor) {
    await pause();
    const unwound = unwindHead(overlay, deps.chainId);
    reverted.unshift(unwound.block);
    for (const address of unwound.contracts) touched.add(address);
  }
  for (const block of branch) {
    try {
      const index = await executeBlock(deps, overlay, block, pause);
      for (const address of [...index.created, ...index.updated]) touched.add(address);
    } catch (error) {
      if (!isCodedError(error, "INVALID_BLOCK")) throw error;
      return { kind: "invalid", hash: block.header.hash, message: error.message };
    }
  }
  return { kind: "ready", overlay, reverted, touched };
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

/** Hashes of the side blocks in the store. */
export function readSide(store: StoreReader, limit: number): readonly Hex[] {
  return store.range("side", { limit }).map(({ key }) => bytesToHex(key));
}

export const headersOf = (blocks: readonly Block[]): SealedHeader[] => blocks.map(({ header }) => header);
