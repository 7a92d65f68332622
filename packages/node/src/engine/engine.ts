/**
 * The engine: the only writer of the chain. Imports and seals go through one queue, one at a time; each ends in one
 * atomic write that takes the store from one head to the next. Reads never wait for it.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { blockContextOf } from "@counterpart/core/execution/block-context";
import type { BlockContext, CallMessage, CallOutcome } from "@counterpart/core/execution/types";
import { SIDE_BLOCKS_MAX } from "./admission.ts";
import { createAdoption } from "./adoption.ts";
import { listContracts } from "./contract-index.ts";
import { type EngineCore, type EngineOptions, openCore } from "./core.ts";
import { createDevelopment } from "./development.ts";
import { countHead, countImport, countRefusal, declareEngineGauges } from "./engine-metrics.ts";
import { createSite, type ExecutionSite, ownRules } from "./execution-site.ts";
import type { Guesses } from "./guesses.ts";
import { hashOnHeadChain, isOnHeadChain } from "./head-chain.ts";
import { importBlocks, sealBlock } from "./head-mover.ts";
import { readHistoryStart } from "./history.ts";
import { createHistoryKeeper } from "./history-keeper.ts";
import { replicaRefusal } from "./holding.ts";
import { openIrregularChain } from "./irregular.ts";
import { createJournal } from "./journal.ts";
import { createLogIndex } from "./log-index.ts";
import { createLogKeeper } from "./log-keeper.ts";
import { createPatientPacer } from "./pacer.ts";
import { createRemoteBodies } from "./remote-bodies.ts";
import { withRemoteState } from "./remote-state.ts";
import { type OpenSnapshot, type OpenState, openSnapshot, openStateAt, type Source } from "./snapshot.ts";
import { createChangedView, type StateView } from "./state-view.ts";
import { VIEW_LIMITS } from "./state-views.ts";
import { isKnown, poolView, transactionStatus } from "./transactions.ts";
import type { Engine, StateReaderKind } from "./types.ts";
import { readAndClose } from "./with-snapshot.ts";
import { createWriterQueue } from "./writer-queue.ts";

async function call(
  core: EngineCore,
  state: OpenState<SealedHeader>,
  message: CallMessage,
  overrides?: Partial<BlockContext>,
): Promise<CallOutcome> {
  try {
    const context = { ...blockContextOf(state.header, state.canonicalHash), ...overrides };
    return await core.processor.executor.call(context, message, state, createPatientPacer(core.clock));
  } finally {
    state.done();
  }
}

function nextContext({ head, clock, sealer, irregular }: EngineCore): Partial<BlockContext> {
  const timestamp = Math.max(Math.floor(clock.now() / 1000), head.timestamp);
  const { mixHash, ...fields } = irregular.header(head, clock.now());
  const place = { number: head.number + 1, parentHash: head.hash };
  // The rules have no base fee. One that was set for a block is not that of the next.
  const regular = { ...place, timestamp, coinbase: sealer.address, baseFeePerGas: 0n };
  return { ...regular, ...fields, ...(mixHash === undefined ? {} : { prevRandao: mixHash }) };
}

function siteOf(core: EngineCore, state: OpenState<SealedHeader>): ExecutionSite {
  const site = createSite(state, ownRules(core), VIEW_LIMITS.changesMax);
  if (core.holding.role !== "chosen") return site;
  return {
    ...site,
    scratch() {
      throw new CodedError("NOT_HELD", "a replica of some contracts has no root of a changed state: ask a full node");
    },
  };
}

function stateAt(core: EngineCore, block: Hex, reader: StateReaderKind): StateView<SealedHeader> {
  const { chain, views, head, clock } = core;
  const header = chain.header(block);
  if (header === undefined || !isOnHeadChain(core, block)) {
    throw new CodedError("BLOCK_NOT_FOUND", `block ${block} is not on the chain of this node`);
  }
  if (header.number < core.adopted) {
    throw new CodedError(
      "PRUNED",
      `the state of block ${header.number} was never here: that of ${core.adopted} was taken over`,
    );
  }
  return views[reader].at(header, head, clock.now());
}

function shownStateAt(core: EngineCore, block: Hex): StateView<SealedHeader> {
  const { store, head, irregular } = core;
  const view = stateAt(core, block, "caller");
  const set = irregular.setOn(block);
  return block === head.hash && set.accounts.size > 0 ? createChangedView(store, head, set) : view;
}

/** Runs an import; what it finds out about this node's own rows is told. */
async function watched<T>(work: Promise<T>, onDamage: EngineOptions["onDamage"]): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isCodedError(error, "STORE_CORRUPT")) onDamage?.(error);
    throw error;
  }
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
  const irregular = options.development === true ? openIrregularChain(options.store) : undefined;
  const core = openCore(irregular === undefined ? options : { ...options, irregular });
  const { chain, store, processor } = core;
  const queue = createWriterQueue();
  const journal = createJournal(core, queue);
  const adoption = createAdoption(core, queue);
  const isReplica = core.holding.role !== "full";
  /** @throws CodedError `NOT_READY` */
  const requireState = (): void => {
    if (adoption.isUnderway)
      throw new CodedError("NOT_READY", "this node is still taking the state over from its peers");
  };
  /** @throws CodedError `NOT_READY`, `NOT_HELD` */
  const requireProofs = (): void => {
    requireState();
    if (core.holding.role !== "chosen") return;
    throw new CodedError("NOT_HELD", "a replica of some contracts proves nothing itself: ask a full node");
  };
  /** @throws CodedError `NOT_READY`, `REPLICA` */
  const requireExecution = (): void => {
    if (isReplica) throw replicaRefusal();
    requireState();
  };
  const snapshot = (source: Source<SealedHeader> = core, guesses?: Guesses): OpenSnapshot<SealedHeader> => {
    requireState();
    return openSnapshot(source, guesses);
  };
  const stateOf = (
    block: Hex | undefined,
    source: Source<SealedHeader>,
    guesses?: Guesses,
  ): OpenState<SealedHeader> => {
    if (block === undefined) return snapshot(source, guesses);
    requireState();
    return openStateAt(source, block, guesses);
  };
  const keeper = createHistoryKeeper(core, queue, options.historyBlocks ?? Number.POSITIVE_INFINITY);
  const logKeeper = createLogKeeper({
    store,
    clock: core.clock,
    logger: core.logger,
    queue,
    head: () => core.head.number,
    adopted: () => core.adopted,
    ...(options.logSections && { limits: options.logSections }),
  });
  core.emitter.on("head", () => void logKeeper.run());
  countEvents(core);
  const engine: Engine = {
    ...(irregular === undefined ? {} : { development: createDevelopment(core, queue, irregular, options.genesis) }),
    adoption,
    schedule: undefined,
    refusal: () => (isReplica ? replicaRefusal() : undefined),
    isReplica,
    holding: core.holding,
    read: (read) => withRemoteState(core, (...from) => readAndClose(snapshot(...from), read)),
    readAt: (block, read) => withRemoteState(core, (...from) => readAndClose(stateOf(block, ...from), read)),
    get historyStart() {
      return readHistoryStart(store);
    },
    historyBlocks: options.historyBlocks,
    get adopted() {
      return core.adopted;
    },
    chainId: processor.chainId,
    genesisHash: core.genesisHash,
    rules: { signers: core.signers },
    mergeDepthMax: SIDE_BLOCKS_MAX - 1,
    pool: poolView(core),
    head: () => core.head,
    header: chain.header,
    block: chain.block,
    fetchBlock: createRemoteBodies(core).fetch,
    canonicalHash: (number) => hashOnHeadChain(core, number),
    isCanonical: (hash) => isOnHeadChain(core, hash),
    receipts: chain.receipts,
    logs: createLogIndex(store),
    transaction: (hash) => transactionStatus(core, hash),
    knows: (hash) => isKnown(core, hash),
    stateAt(block, reader) {
      requireProofs();
      return stateAt(core, block, reader);
    },
    shownStateAt(block) {
      requireProofs();
      return shownStateAt(core, block);
    },
    snapshot: () => snapshot(),
    contracts(after, limit) {
      requireState();
      return listContracts(store, after, limit);
    },
    contractCount: () => core.contractCount,
    call: (message, overrides, block) =>
      withRemoteState(core, async (...from) => call(core, stateOf(block, ...from), message, overrides)),
    execute: (block, work) =>
      withRemoteState(core, async (...from) => {
        const state = stateOf(block, ...from);
        try {
          return await work(siteOf(core, state));
        } finally {
          state.done();
        }
      }),
    nextContext: () => nextContext(core),
    async submit(transaction, origin, companions = [], peerId = undefined) {
      requireExecution();
      await countRefusal(core.metrics, origin, () => journal.submit(transaction, origin, companions, peerId));
    },
    async import(blocks) {
      const work = queue.run(async () => {
        // In its turn: what is said before that may have changed, as a state has begun to be taken over.
        requireExecution();
        return importBlocks(core, blocks);
      });
      return countImport(core.metrics, await watched(work, options.onDamage));
    },
    refused: (hash) => core.refused.get(hash),
    refusals: () => [...core.refused.values()],
    seal: () => queue.run(async () => (isReplica || adoption.isUnderway ? undefined : sealBlock(core))),
    on: core.emitter.on,
    stop: () => queue.stop(),
  };
  declareEngineGauges(options.metrics ?? NO_METRICS, engine);
  void keeper.run();
  void logKeeper.run();
  return engine;
}
