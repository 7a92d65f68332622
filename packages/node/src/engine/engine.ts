/**
 * The engine: the only writer of the chain. Imports and seals go through one queue, one at a time; each ends in one
 * atomic write that takes the store from one head to the next. Reads never wait for it.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import type { BlockContext, CallMessage, CallOutcome } from "@counterpart/core/execution/types";
import { contextOf } from "./block-processor.ts";
import { listContracts } from "./contract-index.ts";
import { type EngineCore, type EngineOptions, openCore } from "./core.ts";
import { countHead, countImport, countRefusal, declareEngineGauges } from "./engine-metrics.ts";
import { importBlocks, sealBlock } from "./head-mover.ts";
import { createJournal } from "./journal.ts";
import { openSnapshot } from "./snapshot.ts";
import type { StateView } from "./state-view.ts";
import { isKnown, poolView, transactionStatus } from "./transactions.ts";
import type { Engine, StateReaderKind } from "./types.ts";
import { createWriterQueue } from "./writer-queue.ts";

async function call(core: EngineCore, message: CallMessage, overrides?: Partial<BlockContext>): Promise<CallOutcome> {
  const snapshot = openSnapshot(core.store, core.processor.chainId);
  try {
    const context = { ...contextOf(snapshot.head, snapshot.canonicalHash), ...overrides };
    return await core.processor.executor.call(context, message, snapshot);
  } finally {
    snapshot.done();
  }
}

function nextContext({ head, clock, sealer }: EngineCore): Partial<BlockContext> {
  const timestamp = Math.max(Math.floor(clock.now() / 1000), head.timestamp);
  return { number: head.number + 1, timestamp, coinbase: sealer.address, parentHash: head.hash };
}

function stateAt({ chain, views, head, clock }: EngineCore, block: Hex, reader: StateReaderKind): StateView {
  const header = chain.header(block);
  if (header === undefined || !chain.isCanonical(block)) {
    throw new CodedError("BLOCK_NOT_FOUND", `block ${block} is not on the chain of this node`);
  }
  return views[reader].at(header, head, clock.now());
}

/** Counts what the engine tells its listeners. */
function countEvents({ emitter, metrics }: EngineCore): void {
  emitter.on("head", (change) => countHead(metrics, change));
  emitter.on("conflicted", () => metrics.conflicted.add({}));
  emitter.on("transaction", (_transaction, origin) => {
    if (origin === "reinjected") metrics.reinjected.add({});
  });
}

/**
 * Opens the chain in the store, writing the genesis where there is none.
 * @throws CodedError `INVALID_GENESIS`
 */
export function createEngine(options: EngineOptions): Engine {
  const core = openCore(options);
  const { chain, store, processor } = core;
  const queue = createWriterQueue();
  const journal = createJournal(core, queue);
  countEvents(core);
  const engine: Engine = {
    chainId: processor.chainId,
    genesisHash: core.genesisHash,
    pool: poolView(core),
    head: () => core.head,
    header: chain.header,
    block: chain.block,
    isCanonical: chain.isCanonical,
    receipts: chain.receipts,
    transaction: (hash) => transactionStatus(core, hash),
    knows: (hash) => isKnown(core, hash),
    stateAt: (block, reader) => stateAt(core, block, reader),
    snapshot: () => openSnapshot(store, processor.chainId),
    contracts: (after, limit) => listContracts(store, after, limit),
    contractCount: () => core.contractCount,
    call: (message, overrides) => call(core, message, overrides),
    nextContext: () => nextContext(core),
    async submit(transaction, origin, companions = [], peerId = undefined) {
      await countRefusal(core.metrics, origin, () => journal.submit(transaction, origin, companions, peerId));
    },
    import: async (blocks) => countImport(core.metrics, await queue.run(() => importBlocks(core, blocks))),
    seal: () => queue.run(() => sealBlock(core)),
    on: core.emitter.on,
    stop: () => queue.stop(),
  };
  declareEngineGauges(options.metrics ?? NO_METRICS, engine);
  return engine;
}
