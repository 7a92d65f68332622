/**
 * The engine: the only writer of the chain. Imports and seals go through one queue, one at a time; each ends in one
 * atomic write that takes the store from one head to the next. Reads never wait for it.
 */

import type { BlockContext, CallMessage, CallOutcome } from "@counterpart/core/execution/types";
import { contextOf } from "./block-processor.ts";
import { listContracts } from "./contract-index.ts";
import { type EngineCore, type EngineOptions, openCore } from "./core.ts";
import { importBlocks, sealBlock } from "./head-mover.ts";
import { createJournal } from "./journal.ts";
import { openSnapshot } from "./snapshot.ts";
import { isKnown, poolView, transactionStatus } from "./transactions.ts";
import type { Engine } from "./types.ts";
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

/**
 * Opens the chain in the store, writing the genesis where there is none.
 * @throws CodedError `INVALID_GENESIS`
 */
export function createEngine(options: EngineOptions): Engine {
  const core = openCore(options);
  const { chain, store, processor } = core;
  const queue = createWriterQueue();
  const journal = createJournal(core, queue);
  return {
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
    snapshot: () => openSnapshot(store, processor.chainId),
    contracts: (after, limit) => listContracts(store, after, limit),
    contractCount: () => core.contractCount,
    call: (message, overrides) => call(core, message, overrides),
    nextContext: () => nextContext(core),
    submit: async (transaction, origin, companions = []) => journal.submit(transaction, origin, companions),
    import: (blocks) => queue.run(() => importBlocks(core, blocks)),
    seal: () => queue.run(() => sealBlock(core)),
    on: core.emitter.on,
    stop: () => queue.stop(),
  };
}
