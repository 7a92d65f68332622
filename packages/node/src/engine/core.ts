/** What the parts of the engine share: one chain, one pool, one head. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { CodedError } from "@counterpart/core/base/errors";
import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import type { Genesis } from "@counterpart/core/chain/genesis";
import type { SealedHeader, Transaction } from "@counterpart/core/chain/types";
import { createExecutor, type EvmExecutor } from "@counterpart/core/execution/executor";
import type { Executor, StateReader } from "@counterpart/core/execution/types";
import type { Metrics } from "@counterpart/core/ports/metrics";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { Store, StoreReader } from "@counterpart/core/ports/store";
import { createNodeCache } from "@counterpart/core/trie/node-cache";
import { type Admission, createAdmission } from "./admission.ts";
import { readAdopted } from "./adopted.ts";
import type { ProcessorDeps } from "./block-processor.ts";
import { type ChainReader, createChainReader, createRememberingReader } from "./chain-reader.ts";
import { readContractCount } from "./contract-index.ts";
import { createEmitter, type Emitter } from "./emitter.ts";
import { createEngineMetrics, type EngineMetrics } from "./engine-metrics.ts";
import { createHeadAccounts, type HeadAccounts } from "./head-accounts.ts";
import { type Holding, openHolding } from "./holding.ts";
import { type Irregularities, REGULAR } from "./irregular.ts";
import type { SectionLimits } from "./log-keeper.ts";
import { createLosers, type Losers } from "./losers.ts";
import { openGenesis } from "./open-genesis.ts";
import { OVERLAY_BYTES_MAX } from "./overlay.ts";
import { createPool, POOL_LIMITS, type Pool, type PoolLimits } from "./pool.ts";
import { loadPool, readLostTo } from "./pool-rows.ts";
import { createProvenStates, type ProvenState } from "./proven-state.ts";
import type { RemoteState } from "./remote-state.ts";
import { forgetRows, readSide } from "./side-blocks.ts";
import { clearStaging } from "./staging.ts";
import { createStateReader } from "./state.ts";
import { createStateViews, type StateViews } from "./state-views.ts";
import type { EngineEvents, RefusedBlock, Sealer, StateReaderKind } from "./types.ts";
import { countUnnamed } from "./unnamed.ts";

/** For nodes of the state's tries in memory, of some 150 to 600 bytes each. */
const NODES_BYTES_MAX = 64 * 1024 * 1024;

export interface EngineOptions {
  readonly store: Store;
  readonly genesis: Genesis;
  readonly executor: Executor;
  /** Runs what is only simulated or traced; one of its own when absent. */
  readonly evm?: EvmExecutor;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly poolLimits?: PoolLimits;
  /** Blocks before the head whose state can be read; unless given, all that are held. */
  readonly historyBlocks?: number;
  /** What a branch under execution may take in memory before it is put aside in the store. */
  readonly overlayBytesMax?: number;
  /** How the index of logs is gathered; as is good for a node, unless given. */
  readonly logSections?: SectionLimits;
  readonly metrics?: Metrics;
  /** Never executes a block: all of the state, or these contracts, are taken over from peers. */
  readonly replica?: "all" | readonly Hex[];
  /** State that is not held, from whoever proves it. */
  readonly remote?: RemoteState;
  /** Whether the chain may be changed as its rules do not allow. */
  readonly development?: boolean;
  /** What differs from the chain's rules, on a development node. */
  readonly irregular?: Irregularities;
  /** Hears of `STORE_CORRUPT` that no single row's read shows: rows, tries and history that do not fit together. */
  readonly onDamage?: (error: CodedError) => void;
}

export interface EngineCore {
  readonly evm: EvmExecutor;
  readonly store: Store;
  readonly genesisHash: Hex;
  readonly signers: readonly Hex[];
  readonly processor: ProcessorDeps;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly chain: ChainReader;
  readonly readerOf: (rows: StoreReader) => ChainReader;
  /** The head's state, as last written. */
  readonly state: StateReader;
  /** Its accounts, remembered until the head changes. */
  readonly accounts: HeadAccounts;
  readonly pool: Pool;
  readonly losers: Losers;
  /** What this node has kept that lost its nonce to one of these transactions. */
  readonly lostTo: (winners: ReadonlySet<Hex>) => Iterable<Transaction>;
  readonly admission: Admission;
  /** Apart, so that callers who read many states do not push out the one that a peer fetches page by page. */
  readonly views: Readonly<Record<StateReaderKind, StateViews>>;
  readonly emitter: Emitter<EngineEvents>;
  readonly metrics: EngineMetrics;
  readonly irregular: Irregularities;
  readonly holding: Holding;
  /** What was proven of the state of a block. */
  readonly proven: (block: Hex) => ProvenState;
  readonly remote: RemoteState | undefined;
  /** Contracts of the genesis, which are listed only when asked for. */
  readonly genesisContracts: ReadonlySet<Hex>;
  readonly logger: Logger;
  /** The last blocks that execution here contradicted, oldest first. */
  readonly refused: Map<Hex, RefusedBlock>;
  head: SealedHeader;
  /** Number of the block whose state was taken over; 0 where every block was executed. */
  adopted: number;
  contractCount: number;
  /** Contracts of which nobody has said yet where they come from. */
  unnamedCount: number;
}

/** Reorganisations may have left more side blocks than are kept: the best stay. */
function loadSide(store: Store, chain: ChainReader, { tree }: Admission): void {
  for (const hash of readSide(store)) {
    const header = chain.header(hash);
    if (header !== undefined) tree.add(header);
  }
  const evicted = tree.trim();
  if (evicted.length > 0) store.write(forgetRows(evicted));
}

const genesisContracts = ({ alloc }: Genesis): ReadonlySet<Hex> =>
  new Set([...alloc].filter(([, { code }]) => code.length > 0).map(([address]) => address));

/** @throws CodedError `INVALID_GENESIS` */
export function openCore(options: EngineOptions): EngineCore {
  const { store, genesis, executor, sealer, clock, logger, irregular = REGULAR } = options;
  const { chainId, signers } = genesis;
  const genesisHash = openGenesis(store, genesis);
  clearStaging(store);
  const holding = openHolding(store, options.replica);
  const readerOf = (rows: Pick<StoreReader, "get">): ChainReader => createChainReader(rows, chainId);
  const chain = createRememberingReader(store, chainId);
  const state = irregular.live(createStateReader(store), () => core.head.hash);
  const pool = createPool(options.poolLimits ?? POOL_LIMITS);
  loadPool(store, pool, chainId);
  const metrics = createEngineMetrics(options.metrics ?? NO_METRICS);
  const admission = createAdmission({
    rules: { signers },
    header: chain.header,
    isCanonical: chain.isCanonical,
    onOrphanDropped: () => metrics.dropped.add({ reason: "orphan" }),
  });
  loadSide(store, chain, admission);
  const core: EngineCore = {
    evm: options.evm ?? createExecutor({ chainId }),
    store,
    genesisHash,
    signers,
    processor: {
      executor,
      chainId,
      clock,
      overlayBytesMax: options.overlayBytesMax ?? OVERLAY_BYTES_MAX,
      nodes: createNodeCache(NODES_BYTES_MAX),
    },
    sealer,
    clock,
    chain,
    readerOf,
    state,
    accounts: createHeadAccounts(state),
    pool,
    losers: createLosers(),
    lostTo: (winners) => readLostTo(store, winners, chainId),
    admission,
    views: { caller: createStateViews(store), peer: createStateViews(store) },
    emitter: createEmitter<EngineEvents>(logger),
    metrics,
    irregular,
    holding,
    proven: createProvenStates(),
    remote: options.remote,
    genesisContracts: genesisContracts(genesis),
    logger,
    refused: new Map(),
    head: chain.head(),
    adopted: readAdopted(store),
    contractCount: readContractCount(store),
    unnamedCount: countUnnamed(store),
  };
  return core;
}
