/** A real engine on a store in memory, with a clock that stands still until it is told otherwise. */

import { concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import type { CodedError } from "@counterpart/core/base/errors";
import { DEV_GENESIS, type Genesis, type GenesisAccount } from "@counterpart/core/chain/genesis";
import { signTransaction } from "@counterpart/core/chain/transaction";
import type { UnsignedTransaction } from "@counterpart/core/chain/transaction-fields";
import type { Block, Transaction } from "@counterpart/core/chain/types";
import { privateKeyToAddress, signDigest } from "@counterpart/core/crypto/crypto";
import { createExecutor } from "@counterpart/core/execution/executor";
import type { Executor, StateChanges } from "@counterpart/core/execution/types";
import type { Metrics } from "@counterpart/core/ports/metrics";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { Store } from "@counterpart/core/ports/store";
import { createMemoryStore } from "../store/memory-store.ts";
import { NO_PORTION, type StatePortion } from "./adoption.ts";
import { createEngine } from "./engine.ts";
import type { SectionLimits } from "./log-keeper.ts";
import type { PoolLimits } from "./pool.ts";
import type { RemoteState } from "./remote-state.ts";
import type { Engine } from "./types.ts";

export const START_MS = 1_770_000_000_000;

export interface ManualClock extends Clock {
  advance(ms: number): void;
}

/** Timers of a clock that stands still: what is due at once happens, nothing else ever does. */
export function immediateTimersOnly(delayMs: number, callback: () => void): () => void {
  if (delayMs > 0) return () => {};
  const immediate = setImmediate(callback);
  return () => clearImmediate(immediate);
}

export function createManualClock(startMs = START_MS): ManualClock {
  let now = startMs;
  return {
    now: () => now,
    setTimer: immediateTimersOnly,
    advance(ms) {
      now += ms;
    },
  };
}

export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

export const keyOf = (n: number): Uint8Array => new Uint8Array(32).fill(n);
export const accountOf = (n: number): Hex => privateKeyToAddress(keyOf(n));

const FUNDED: GenesisAccount = { balance: 10n ** 20n, nonce: 0n, code: new Uint8Array(0), storage: new Map() };

/** A genesis in which the accounts of keys 1 to 8 own something. */
export const TEST_GENESIS: Genesis = {
  ...DEV_GENESIS,
  alloc: new Map([
    ...DEV_GENESIS.alloc,
    ...Array.from({ length: 8 }, (_, i): [Hex, GenesisAccount] => [accountOf(i + 1), FUNDED]),
  ]),
};

function plusOne({ storage, ...changes }: StateChanges): StateChanges {
  const wrong = [...storage].map(([address, slots]): [Hex, ReadonlyMap<Hex, bigint>] => [
    address,
    new Map([...slots].map(([slot, value]) => [slot, value + 1n])),
  ]);
  return { ...changes, storage: new Map(wrong) };
}

/** The executor of a machine on which SSTORE, in blocks for which it `fails`, stores one too many. */
export function createFaultyExecutor(fails: (blockNumber: number) => boolean): Executor {
  const sound = createExecutor({ chainId: TEST_GENESIS.chainId });
  return {
    ...sound,
    async begin(context, state) {
      const execution = await sound.begin(context, state);
      if (!fails(context.number)) return execution;
      return {
        get gasUsed() {
          return execution.gasUsed;
        },
        run: (transaction) => execution.run(transaction),
        finish: () => plusOne(execution.finish()),
      };
    },
  };
}

export interface TestEngineOptions {
  readonly store?: Store;
  readonly clock?: Clock;
  /** Key number of the account that seals. */
  readonly sealer?: number;
  readonly genesis?: Genesis;
  readonly poolLimits?: PoolLimits;
  readonly executor?: Executor;
  readonly overlayBytesMax?: number;
  readonly historyBlocks?: number;
  readonly logSections?: SectionLimits;
  readonly metrics?: Metrics;
  readonly development?: boolean;
  readonly replica?: "all" | readonly Hex[];
  readonly remote?: RemoteState;
  readonly onDamage?: (error: CodedError) => void;
}

export function openTestEngine(options: TestEngineOptions = {}): Engine {
  const genesis = options.genesis ?? TEST_GENESIS;
  const key = keyOf(options.sealer ?? 100);
  return createEngine({
    store: options.store ?? createMemoryStore(),
    genesis,
    executor: options.executor ?? createExecutor({ chainId: genesis.chainId }),
    sealer: { address: privateKeyToAddress(key), sign: (digest) => signDigest(digest, key) },
    clock: options.clock ?? createManualClock(),
    logger: silentLogger,
    ...(options.poolLimits === undefined ? {} : { poolLimits: options.poolLimits }),
    ...(options.overlayBytesMax === undefined ? {} : { overlayBytesMax: options.overlayBytesMax }),
    ...(options.historyBlocks === undefined ? {} : { historyBlocks: options.historyBlocks }),
    ...(options.logSections === undefined ? {} : { logSections: options.logSections }),
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
    ...(options.development === undefined ? {} : { development: options.development }),
    ...(options.replica === undefined ? {} : { replica: options.replica }),
    ...(options.remote === undefined ? {} : { remote: options.remote }),
    ...(options.onDamage === undefined ? {} : { onDamage: options.onDamage }),
  });
}

const sign = (from: number, unsigned: UnsignedTransaction): Transaction =>
  signTransaction(unsigned, (digest) => signDigest(digest, keyOf(from)));

const base = (nonce: number) => ({
  type: 2 as const,
  chainId: BigInt(TEST_GENESIS.chainId),
  nonce: BigInt(nonce),
  gasLimit: 200_000n,
  maxFeePerGas: 0n,
  maxPriorityFeePerGas: 0n,
  data: new Uint8Array(0),
});

/** A signed transaction of the account of key `from`: a transfer of 1 wei to nobody unless told otherwise. */
export function transactionOf(from: number, nonce: number, fields: Partial<UnsignedTransaction> = {}): Transaction {
  return sign(from, { ...base(nonce), to: "0x00000000000000000000000000000000000000aa", value: 1n, ...fields });
}

/** Init code of a contract that writes calldata[32] into slot calldata[0]; its code ends with `tag`. */
export const writerCode = (tag: number): Uint8Array =>
  concatBytes(hexToBytes("0x6008600c60003960086000f36020355f3555"), Uint8Array.of(0, tag));

/** A signed creation by the account of key `from`. */
export function creationOf(from: number, nonce: number, initcode: Uint8Array): Transaction {
  return sign(from, { ...base(nonce), gasLimit: 5_000_000n, value: 0n, data: initcode });
}

/** Submits and seals until nothing executable waits; returns the blocks. */
export async function sealAll(engine: Engine, transactions: readonly Transaction[]): Promise<Block[]> {
  for (const transaction of transactions) await engine.submit(transaction, "local");
  const blocks: Block[] = [];
  for (let block = await engine.seal(); block !== undefined; block = await engine.seal()) blocks.push(block);
  return blocks;
}

/** Canonical blocks above the genesis, lowest first. */
export function chainOf(engine: Engine): Block[] {
  return Array.from({ length: engine.head().number }, (_, i) => engine.block(i + 1) as Block);
}

/** The whole state of the engine's head, as peers give it. */
export function stateOf(engine: Engine): StatePortion {
  const view = engine.stateAt(engine.head().hash, "peer");
  const accounts = [...view.accounts(new Uint8Array(32))];
  const storage = accounts.map(({ key }) => ({ account: key, slots: [...view.slots(key, new Uint8Array(32))] }));
  return { ...NO_PORTION, accounts, storage };
}
