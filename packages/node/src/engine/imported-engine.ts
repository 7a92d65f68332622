/** A chain that was imported, as the rest of the node sees it: everything can be read, at every block, and nothing changes. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert, CodedError } from "@counterpart/core/base/errors";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import { createRulesOfBlocks, foreignContext } from "@counterpart/core/consensus/foreign-rules";
import type { ForkSchedule } from "@counterpart/core/consensus/fork-schedule";
import type { CallMessage } from "@counterpart/core/execution/types";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { Store } from "@counterpart/core/ports/store";
import { createAnyChainReader } from "./chain-reader.ts";
import { listContracts, readContractCount } from "./contract-index.ts";
import { createSite, importedRules } from "./execution-site.ts";
import { readHistoryStart } from "./history.ts";
import { openHolding } from "./holding.ts";
import { readOnlyRefusal } from "./imported.ts";
import { REGULAR } from "./irregular.ts";
import { createLogIndex } from "./log-index.ts";
import { createLogKeeper } from "./log-keeper.ts";
import { createPatientPacer } from "./pacer.ts";
import { createProvenStates } from "./proven-state.ts";
import { type OpenState, openSnapshot, openStateAt, type Source } from "./snapshot.ts";
import { createStateViews, VIEW_LIMITS } from "./state-views.ts";
import type { ChainEngine, PoolView, TransactionStatus } from "./types.ts";
import { readAndClose } from "./with-snapshot.ts";
import { createWriterQueue } from "./writer-queue.ts";

/** Nobody waits for a block meanwhile, so that proofs may take back more than beside a chain that grows. */
const CHANGES_MAX = 250_000;

export interface ImportedEngineOptions {
  readonly store: Store;
  readonly schedule: ForkSchedule;
  readonly clock: Clock;
  readonly logger: Logger;
}

type AnySource = Source<AnySealedHeader>;

/** A pool in which nothing ever waits. */
function emptyPool(source: AnySource): PoolView {
  return {
    pending: 0,
    nextNonce: (sender) => readAndClose(openSnapshot(source), (state) => state.account(sender)?.nonce ?? 0n),
    senders: () => [],
    contentOf: () => ({ pending: [], queued: [] }),
    transactions: () => [],
    reinjecting: 0,
    oldestExecutable: () => ({}),
    overdue: () => [],
  };
}

/** What was included, which is all that is known. */
function statusOf({ store, head, readerOf }: AnySource, hash: Hex): TransactionStatus | undefined {
  const chain = readerOf(store);
  const location = chain.location(hash);
  if (location === undefined) return undefined;
  const { blockHash, index } = location;
  const block = chain.block(blockHash);
  const receipts = chain.receipts(blockHash) ?? [];
  const receipt = receipts[index];
  const transaction = block?.transactions[index];
  assert(block !== undefined && receipt !== undefined && transaction !== undefined, "an included transaction is held");
  const blockNumber = block.header.number;
  const confirmations = head.number - blockNumber + 1;
  const firstLogIndex = receipts.slice(0, index).reduce((count, { logs }) => count + logs.length, 0);
  return { status: "included", transaction, blockHash, blockNumber, index, receipt, firstLogIndex, confirmations };
}

/** What the engine says of itself: that it is whole, stands still and takes nothing. */
function fixedParts(source: AnySource, schedule: ForkSchedule) {
  const { head, holding } = source;
  return {
    adoption: { isUnderway: false, isHeld: () => true, drop: async () => {}, name: async () => {} },
    schedule,
    refusal: readOnlyRefusal,
    isReplica: false,
    holding,
    adopted: 0,
    chainId: schedule.chainId,
    pool: emptyPool(source),
    head: () => head,
    nextContext: () => ({ number: head.number + 1, timestamp: head.timestamp, parentHash: head.hash }),
    submit: () => Promise.reject(readOnlyRefusal()),
    on: () => () => {},
  } satisfies Partial<ChainEngine>;
}

/** Opens an imported chain to be read. */
export function createImportedEngine({ store, schedule, clock, logger }: ImportedEngineOptions): ChainEngine {
  const chain = createAnyChainReader(store);
  const head = chain.head();
  const source: AnySource = {
    store,
    head,
    holding: openHolding(store, undefined),
    proven: createProvenStates(),
    irregular: REGULAR,
    unnamedCount: 0,
    readerOf: createAnyChainReader,
  };
  const rulesOf = createRulesOfBlocks(schedule, { pause: createPatientPacer(clock) });
  const views = createStateViews<AnySealedHeader>(store, {
    ...VIEW_LIMITS,
    changesMax: CHANGES_MAX,
    blocksMax: Number.POSITIVE_INFINITY,
  });
  const genesisHash = chain.canonicalHash(0);
  assert(genesisHash !== undefined, "a chain begins with its genesis");
  const call = async (state: OpenState<AnySealedHeader>, message: CallMessage, overrides = {}) => {
    try {
      const context = { ...foreignContext(schedule, state.header, state.canonicalHash), ...overrides };
      return await rulesOf(state.header).executor.call(context, message, state, createPatientPacer(clock));
    } finally {
      state.done();
    }
  };
  const canonicalHeader = (block: Hex): AnySealedHeader => {
    const header = chain.isCanonical(block) ? chain.header(block) : undefined;
    if (header !== undefined) return header;
    throw new CodedError("BLOCK_NOT_FOUND", `block ${block} is not on the chain of this node`);
  };
  const stateViewAt = (block: Hex) => views.at(canonicalHeader(block), head, clock.now());
  const queue = createWriterQueue();
  void createLogKeeper({ store, clock, logger, queue, head: () => head.number, adopted: () => 0 }).run();
  return {
    ...fixedParts(source, schedule),
    stop: () => queue.stop(),
    genesisHash,
    read: async (read) => readAndClose(openSnapshot(source), read),
    readAt: async (block, read) => readAndClose(openStateAt(source, block), read),
    get historyStart() {
      return readHistoryStart(store);
    },
    header: chain.header,
    block: chain.block,
    async fetchBlock({ number }) {
      throw new CodedError("STORE_CORRUPT", `the body of block ${number} is missing`);
    },
    canonicalHash: chain.canonicalHash,
    isCanonical: chain.isCanonical,
    receipts: chain.receipts,
    logs: createLogIndex(store),
    transaction: (hash) => statusOf(source, hash),
    knows: (hash) => store.get("transactions", hexToBytes(hash)) !== undefined,
    snapshot: () => openSnapshot(source),
    stateAt: stateViewAt,
    shownStateAt: stateViewAt,
    refusals: () => [],
    contracts: (after, limit) => listContracts(store, after, limit),
    contractCount: () => readContractCount(store),
    async execute(block, work) {
      const state = block === undefined ? openSnapshot(source) : openStateAt(source, block);
      try {
        return await work(createSite(state, importedRules(schedule, rulesOf), CHANGES_MAX));
      } finally {
        state.done();
      }
    },
    call: async (message, overrides, block) =>
      call(block === undefined ? openSnapshot(source) : openStateAt(source, block), message, overrides),
  };
}
