/** What the engine counts. */

import { isCodedError } from "@counterpart/core/base/errors";
import type { Metrics } from "@counterpart/core/ports/metrics";
import type { Engine, HeadChange, ImportResult, TransactionOrigin } from "./types.ts";

function createPoolMetrics(metrics: Metrics) {
  return {
    refused: metrics.counter({
      name: "counterpart_pool_refused_transactions_total",
      help: "Transactions that the pool did not take, by error code and where they came from",
      labels: ["code", "origin"],
    }),
    crowdedOut: metrics.counter({
      name: "counterpart_pool_crowded_out_transactions_total",
      help: "Transactions of peers that no block could hold and that made room for others",
      labels: [],
    }),
  };
}

export function createEngineMetrics(metrics: Metrics) {
  return {
    ...createPoolMetrics(metrics),
    reinjected: metrics.counter({
      name: "counterpart_reinjected_transactions_total",
      help: "Transactions of a losing branch that went back to the pool",
      labels: [],
    }),
    conflicted: metrics.counter({
      name: "counterpart_conflicted_transactions_total",
      help: "Transactions that lost their nonce to another one",
      labels: [],
    }),
    sealed: metrics.counter({
      name: "counterpart_sealed_blocks_total",
      help: "Blocks sealed by this node",
      labels: [],
    }),
    imported: metrics.counter({
      name: "counterpart_imported_blocks_total",
      help: "Blocks of peers that were not held before and are valid so far, side blocks among them",
      labels: [],
    }),
    refusedBlocks: metrics.counter({
      name: "counterpart_refused_blocks_total",
      help: "Blocks of peers that were not kept, by error code",
      labels: ["code"],
    }),
    /** Outcomes: `agreed` (the first execution was wrong), `refused` (both contradict the header). */
    repeated: metrics.counter({
      name: "counterpart_repeated_executions_total",
      help: "Blocks that were executed a second time because the first execution contradicted their header, by outcome",
      labels: ["outcome"],
    }),
    dropped: metrics.counter({
      name: "counterpart_dropped_blocks_total",
      help: "Blocks that gave way to others: waiting for their parent, or beside the canonical chain",
      labels: ["reason"],
    }),
    reorganisations: metrics.counter({
      name: "counterpart_reorganisations_total",
      help: "Changes of the head that took blocks back",
      labels: [],
    }),
    depth: metrics.histogram({
      name: "counterpart_reorganisation_depth_blocks",
      help: "Blocks taken back by a reorganisation",
      labels: [],
      buckets: [1, 2, 4, 8, 16, 64, 256, 1_024, 4_096],
    }),
  };
}

export type EngineMetrics = ReturnType<typeof createEngineMetrics>;

/** What can be read of the engine at any time. */
export function declareEngineGauges(
  metrics: Metrics,
  engine: Pick<Engine, "head" | "pool" | "contractCount" | "historyStart" | "adoption">,
): void {
  const gauge = (name: string, help: string, read: () => number): void =>
    metrics.gauge({ name, help, labels: [] }, read);
  gauge("counterpart_head_block_number", "Number of the head", () => engine.head().number);
  gauge("counterpart_history_start_block_number", "First block whose state can be read", () => engine.historyStart);
  gauge("counterpart_pending_transactions", "Transactions in the pool", () => engine.pool.pending);
  gauge("counterpart_contracts", "Contracts at the head, those of the genesis left out", engine.contractCount);
  const unnamed = "Contracts of the state that was taken over of which no peer has said yet where they come from";
  gauge("counterpart_unnamed_contracts", unnamed, () => engine.adoption.unnamed);
}

export function countHead(metrics: EngineMetrics, { reverted, sealedHere }: HeadChange): void {
  if (sealedHere) metrics.sealed.add({});
  if (reverted.length === 0) return;
  metrics.reorganisations.add({});
  metrics.depth.observe({}, reverted.length);
}

/** Submits, and counts a failure. `submit` is called at once. */
export async function countRefusal(
  metrics: EngineMetrics,
  origin: TransactionOrigin,
  submit: () => Promise<void>,
): Promise<void> {
  try {
    await submit();
  } catch (error) {
    metrics.refused.add({ code: isCodedError(error) ? error.code : "INTERNAL_ERROR", origin });
    throw error;
  }
}

export function countImport(metrics: EngineMetrics, result: ImportResult): ImportResult {
  metrics.imported.add({}, result.added);
  for (const { code } of result.invalid) metrics.refusedBlocks.add({ code });
  return result;
}
