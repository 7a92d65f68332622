/**
 * The executor: a block's transactions run on one machine over one world. Whatever makes a transaction invalid is found
 * before any of it runs, and everything after that is a result.
 */

import { type Hex, hexToBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { BEACON_ROOTS_ADDRESS, HISTORY_ADDRESS, SYSTEM_ADDRESS } from "../chain/system-contracts.ts";
import { CodeCache } from "./code.ts";
import type { Fork } from "./fork.ts";
import type { Frame } from "./frame.ts";
import { gasOf } from "./frame.ts";
import { GO_ON } from "./halts.ts";
import { blockWords, Machine } from "./machine.ts";
import { type OpcodeTable, opcodeTable } from "./opcodes.ts";
import { precompilesOf } from "./precompiles/precompiles.ts";
import { type BlobRules, type Rules, rulesOf } from "./rules.ts";
import {
  admit,
  isFault,
  type MessageChecks,
  type MessageFault,
  type SimulatedMessage,
  type SimulatedOutcome,
} from "./simulated-message.ts";
import { movePrecompiles, type Precompiles, type StateOverrides } from "./state-overrides.ts";
import type { Tracer } from "./tracer.ts";
import { type Pause, runCall, runMessage, runTransaction, type TransactionMode } from "./transaction.ts";
import type {
  BlockContext,
  BlockExecution,
  ExecutableTransaction,
  Executor,
  StateChanges,
  StateReader,
  TransactionInvalid,
  TransactionOutcome,
} from "./types.ts";
import { faultOf } from "./validity.ts";
import { hexToWord, type Word } from "./word.ts";
import { World } from "./world.ts";

const SYSTEM_CALL_GAS = 30_000_000n;
/** Code that is kept ready to run. */
const CODE_CACHE_BYTES = 64 * 1024 * 1024;
/** Sets of frames that are kept for the next block or call; more than run at once are dropped. */
const IDLE_MAX = 8;

export interface ExecutorOptions {
  /** What CHAINID gives and what transactions and authorizations are signed for. */
  readonly chainId: number;
  /** Rules of every block; Osaka when absent. */
  readonly fork?: Fork;
  /**
   * Called now and then while code runs: the EVM waits for it. So whoever owns the thread can serve others meanwhile.
   * Without it a transaction runs in one piece.
   */
  readonly pause?: Pause;
  /** Is told of everything that runs. */
  readonly tracer?: Tracer;
  /** Limits and price of blobs, where they are not the fork's (EIP-7892). */
  readonly blobs?: BlobRules;
  /** Accounts with code may be senders, against EIP-3607; not unless given. */
  readonly contractsMaySend?: boolean;
  /** Code that is kept ready to run, to be shared by executors; one of its own when absent. */
  readonly codes?: CodeCache;
}

/** A block under execution that takes blob transactions too. */
export interface EvmBlockExecution extends BlockExecution {
  /** @param tracer is told of this transaction, instead of the executor's */
  run(transaction: ExecutableTransaction, tracer?: Tracer): Promise<TransactionOutcome | TransactionInvalid>;
  /**
   * Runs a message that nobody has signed like a transaction; its changes stay, unless it is at fault.
   * @param tracer is told of it, instead of the executor's
   */
  simulate(message: SimulatedMessage, checks: MessageChecks, tracer?: Tracer): Promise<SimulatedOutcome | MessageFault>;
  /** Nonce of an account as it is now. */
  nonceOf(address: Hex): bigint;
  /** Adds to a balance outside of any transaction: the rewards of forks before the merge, and withdrawals. */
  credit(address: Hex, amount: bigint): void;
  /**
   * Asks a contract for its requests when the transactions are through (EIP-7002, EIP-7251).
   * @returns its output; undefined when there is no such contract or the call fails: then the block is invalid
   */
  requests(contract: Hex): Promise<Uint8Array | undefined>;
  /**
   * Accounts and slots that the last transaction looked at, as they are now, whether it changed them or not, without code:
   * applied one after the other, the states between transactions, whose roots receipts hold before Byzantium.
   */
  lastSeen(): StateChanges;
}

/** How a block is executed that is not one of the chain. */
export interface BeginOptions {
  /** Precompiles that stand elsewhere, or are none any more. @throws CodedError as of `movePrecompiles` */
  readonly overrides?: StateOverrides;
  /** Leaves out the system calls of the block's beginning: the state is one from within the block. */
  readonly isBegun?: boolean;
  /** In the place of the executor's. What it throws ends the execution. */
  readonly pause?: Pause;
}

export interface EvmExecutor extends Executor {
  begin(context: BlockContext, state: StateReader, options?: BeginOptions): Promise<EvmBlockExecution>;
  /** What every transaction finds warm: the addresses of the fork's precompiles. */
  readonly precompiles: Precompiles;
  readonly rules: Rules;
}

/** What all machines of an executor share. */
interface Shared {
  readonly chainId: number;
  readonly rules: Rules;
  readonly table: OpcodeTable;
  readonly precompiles: Precompiles;
  readonly alwaysWarm: ReadonlySet<Word>;
  readonly codes: CodeCache;
  readonly pause: Pause | undefined;
  readonly tracer: Tracer | undefined;
  readonly idleFrames: Frame[][];
}

/**
 * One call of a block's beginning (EIP-4788, EIP-2935) or end (EIP-7002, EIP-7251). Without the contract nothing is
 * touched.
 * @returns its output; undefined when it fails, or when there is no contract
 */
async function systemCall(m: Machine, to: Hex, data: Hex, pause: Pause | undefined): Promise<Uint8Array | undefined> {
  const { world } = m;
  if (world.code(world.account(to)).bytes.length === 0) return undefined;
  m.origin = hexToWord(SYSTEM_ADDRESS);
  const gas = gasOf(SYSTEM_CALL_GAS);
  const end = await runMessage(
    m,
    { from: SYSTEM_ADDRESS, to, value: 0n, data: hexToBytes(data), gas, nonce: 0n },
    pause,
  );
  world.endTransaction(true);
  m.reset();
  return end.outcome === GO_ON ? end.output : undefined;
}

async function beginBlock(m: Machine, context: BlockContext, pause: Pause | undefined): Promise<void> {
  const { hasBeaconRoots, hasBlockHashContract } = m.rules;
  if (hasBeaconRoots) await systemCall(m, BEACON_ROOTS_ADDRESS, context.parentBeaconBlockRoot, pause);
  if (hasBlockHashContract) await systemCall(m, HISTORY_ADDRESS, context.parentHash, pause);
}

/** Runs a transaction; whatever breaks it off (the store, memory) is no judgement on it, and leaves all as it was. */
async function runWhole(
  m: Machine,
  transaction: ExecutableTransaction,
  context: BlockContext,
  pause: Pause | undefined,
  mode?: TransactionMode,
) {
  try {
    return await runTransaction(m, transaction, context, pause, mode);
  } catch (error) {
    m.world.revert(0);
    m.world.endTransaction(false);
    m.reset();
    throw error;
  }
}

/** A class, because an object with an accessor of its own costs more than a short call. */
class OpenBlock implements EvmBlockExecution {
  readonly #m: Machine;
  readonly #context: BlockContext;
  readonly #pause: Pause | undefined;
  readonly #usual: Tracer | undefined;
  readonly #close: () => void;
  readonly #used = { gas: 0, blobs: 0 };
  #state: "idle" | "running" | "finished" = "idle";

  /** @param usual tracer, of which no transaction says otherwise */
  constructor(
    m: Machine,
    context: BlockContext,
    pause: Pause | undefined,
    usual: Tracer | undefined,
    close: () => void,
  ) {
    this.#m = m;
    this.#context = context;
    this.#pause = pause;
    this.#usual = usual;
    this.#close = close;
  }

  get gasUsed(): number {
    return this.#used.gas;
  }

  async #runOne(transaction: ExecutableTransaction, mode?: TransactionMode): Promise<TransactionOutcome> {
    const outcome = await runWhole(this.#m, transaction, this.#context, this.#pause, mode);
    this.#used.gas += outcome.gasUsed;
    this.#used.blobs += transaction.blobVersionedHashes?.length ?? 0;
    return outcome;
  }

  #begin(what: string, tracer?: Tracer): void {
    assert(this.#state === "idle", `${what}: the block is ${this.#state}`);
    this.#state = "running";
    if (tracer !== undefined) this.#m.watch(tracer);
  }

  #end(tracer?: Tracer): void {
    if (tracer !== undefined) this.#m.watch(this.#usual);
    this.#state = "idle";
  }

  async run(transaction: ExecutableTransaction, tracer?: Tracer): Promise<TransactionOutcome | TransactionInvalid> {
    this.#begin("a transaction cannot run", tracer);
    try {
      const { world, rules } = this.#m;
      const fault = faultOf(transaction, world, rules, this.#context, this.#used);
      return fault ?? (await this.#runOne(transaction));
    } finally {
      this.#end(tracer);
    }
  }

  async simulate(
    message: SimulatedMessage,
    checks: MessageChecks,
    tracer?: Tracer,
  ): Promise<SimulatedOutcome | MessageFault> {
    this.#begin("a message cannot run", tracer);
    try {
      const judged = admit(this.#m, message, this.#context, checks);
      if (isFault(judged)) return judged;
      const outcome = await this.#runOne(judged.transaction, judged.mode);
      return { ...outcome, gasSpent: outcome.gasSpent ?? outcome.gasUsed };
    } finally {
      this.#end(tracer);
    }
  }

  nonceOf(address: Hex): bigint {
    return this.#m.world.peek(address)?.nonce ?? 0n;
  }

  credit(address: Hex, amount: bigint): void {
    assert(this.#state === "idle", `a balance cannot be added to: the block is ${this.#state}`);
    const { world, rules } = this.#m;
    const account = world.account(address);
    world.setBalance(account, account.balance + amount);
    world.endTransaction(rules.clearsEmpty);
  }

  async requests(contract: Hex): Promise<Uint8Array | undefined> {
    this.#begin("requests cannot be taken");
    try {
      return await systemCall(this.#m, contract, "0x", this.#pause);
    } finally {
      this.#end();
    }
  }

  lastSeen(): StateChanges {
    assert(this.#state === "idle", `the state between transactions cannot be told: the block is ${this.#state}`);
    return this.#m.world.lastSeen();
  }

  finish(): StateChanges {
    assert(this.#state === "idle", `a block cannot be finished: it is ${this.#state}`);
    this.#state = "finished";
    this.#close();
    return this.#m.world.changes();
  }
}

function openMachine(
  shared: Shared,
  context: BlockContext,
  state: StateReader,
  frames: Frame[],
  { overrides, pause = shared.pause }: BeginOptions = {},
): Machine {
  const { chainId, rules, table, precompiles, alwaysWarm, codes, tracer } = shared;
  const isMoved = overrides !== undefined && overrides.size > 0;
  const machine = new Machine({
    rules,
    table,
    precompiles: isMoved ? movePrecompiles(precompiles, overrides) : precompiles,
    hasMovedPrecompiles: isMoved,
    world: new World(state, codes, alwaysWarm),
    block: blockWords(context, chainId, rules.isMerged),
    isPausing: pause !== undefined,
    frames,
  });
  machine.watch(tracer);
  return machine;
}

/** A cache of code, bounded, that executors may share. */
export const createCodeCache = (): CodeCache => new CodeCache(CODE_CACHE_BYTES);

/** The fork's rules, frozen, with what is to differ from them. */
function rulesWith(fork: Fork, { blobs, contractsMaySend = false }: ExecutorOptions): Rules {
  if (blobs === undefined && !contractsMaySend) return rulesOf(fork);
  return Object.freeze({ ...rulesOf(fork), contractsMaySend, ...(blobs === undefined ? {} : { blobs }) });
}

function sharedOf(options: ExecutorOptions): Shared {
  const { chainId, fork = "osaka", pause, tracer, codes } = options;
  const precompiles = new Map([...precompilesOf(fork)].map(([address, each]) => [hexToWord(address), each] as const));
  return {
    chainId,
    rules: rulesWith(fork, options),
    table: opcodeTable(fork),
    precompiles,
    alwaysWarm: new Set(precompiles.keys()),
    codes: codes ?? createCodeCache(),
    pause,
    tracer,
    idleFrames: [],
  };
}

export function createExecutor(options: ExecutorOptions): EvmExecutor {
  const shared = sharedOf(options);
  const { idleFrames, pause } = shared;
  const close = (frames: Frame[]): void => {
    for (const frame of frames) frame.clear();
    if (idleFrames.length < IDLE_MAX) idleFrames.push(frames);
  };
  return {
    precompiles: shared.precompiles,
    rules: shared.rules,
    async begin(context, state, options = {}) {
      const frames = idleFrames.pop() ?? [];
      const machine = openMachine(shared, context, state, frames, options);
      const ownPause = options.pause ?? pause;
      if (options.isBegun !== true) await beginBlock(machine, context, ownPause);
      return new OpenBlock(machine, context, ownPause, shared.tracer, () => close(frames));
    },
    async call(context, message, state, ownPause = pause) {
      const frames = idleFrames.pop() ?? [];
      const outcome = await runCall(openMachine(shared, context, state, frames), message, ownPause);
      close(frames);
      return outcome;
    },
  };
}
