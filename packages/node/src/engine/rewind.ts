/**
 * Takes the head of a development node back to an earlier block, and forgets the blocks above it as if they had never
 * been: unlike a reorganisation, nothing of them comes back.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { SealedHeader } from "@counterpart/core/chain/types";
import type { StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { unwindHead } from "./block-processor.ts";
import { createChainReader } from "./chain-reader.ts";
import { contractCountRow } from "./contract-index.ts";
import type { EngineCore } from "./core.ts";
import { announce, announceLeaving } from "./head-mover.ts";
import { forgetSetUnder } from "./irregular.ts";
import { createOverlay } from "./overlay.ts";
import { createPacer } from "./pacer.ts";
import { rowsOf } from "./paging.ts";
import type { Pending } from "./pool.ts";
import { pendingRow, removedRow } from "./pool-rows.ts";
import { forgetRows } from "./side-blocks.ts";
import { clearStaging, createStaging } from "./staging.ts";
import { differenceOf } from "./switcher.ts";

function* removals({ store }: EngineCore, table: TableName): Iterable<StoreWrite> {
  for (const { key } of rowsOf(store, table)) yield { table, key, value: null };
}

/** Puts the pool into the state in which it was. */
function restorePool({ pool }: EngineCore, kept: readonly Pending[]): void {
  for (const { transaction } of [...pool.all()]) pool.remove(transaction.hash);
  for (const { transaction, origin, arrivedAtMs } of kept) pool.add(transaction, origin, arrivedAtMs).isKept = true;
}

/**
 * Only within the writer queue. Side blocks are forgotten too, and transactions that lost their nonce.
 * @param kept what is pending afterwards
 * @param rows to be written with it
 * @param onWritten called before anybody is told
 * @throws CodedError `PRUNED` where the state of the block was never here
 */
export async function rewind(
  core: EngineCore,
  target: number,
  kept: readonly Pending[],
  rows: readonly StoreWrite[],
  onWritten: () => void,
): Promise<void> {
  const { store, processor, admission, clock, pool, chain } = core;
  if (target < core.adopted) {
    throw new CodedError(
      "PRUNED",
      `the state of block ${target} was never here: that of ${core.adopted} was taken over`,
    );
  }
  clearStaging(store);
  const overlay = createOverlay(store, createStaging(store), processor.overlayBytesMax);
  const pause = createPacer(clock);
  const reverted: SealedHeader[] = [];
  const touched = new Set<Hex>();
  const above = createChainReader(overlay, processor.chainId);
  while (above.head().number > target) {
    await pause();
    const { block, contracts } = unwindHead(overlay, processor.chainId);
    reverted.push(block.header);
    for (const address of contracts) touched.add(address);
    for (const table of ["headers", "bodies", "side"] as const) overlay.put(table, hexToBytes(block.header.hash), null);
    const { table, key, value } = forgetSetUnder(block.header.hash);
    overlay.put(table, key, value);
  }
  const difference = differenceOf(store, overlay, touched);
  const count = core.contractCount + difference.contractsCreated.length - difference.contractsRemoved.length;
  const side = [...admission.tree.nodes()];
  announceLeaving(core, reverted);
  for (const views of Object.values(core.views)) views.clear();
  store.write([
    ...overlay.writes(),
    ...forgetRows(side),
    ...[...pool.all()].map(({ transaction }) => removedRow(transaction.hash)),
    ...kept.map(pendingRow),
    ...removals(core, "conflicts"),
    contractCountRow(count),
    ...rows,
  ]);
  onWritten();
  core.accounts.clear();
  core.contractCount = count;
  core.refused.clear();
  for (const { hash } of side) admission.tree.remove(hash);
  restorePool(core, kept);
  core.head = chain.head();
  const settlement = { writes: [], apply() {}, conflicts: [], reinjected: [] };
  announce(core, { head: core.head, reverted, applied: [], ...difference, sealedHere: false }, settlement);
  core.emitter.emit("forgotten");
}
