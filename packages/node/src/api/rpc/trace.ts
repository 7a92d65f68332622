/** debug_trace*: transactions, whole blocks and calls, executed once more and watched. */

import type { Hex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { type AnyDecodedBlock, decodeAnyBlock } from "@counterpart/core/chain/any-block";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import { decodeAnyTransaction } from "@counterpart/core/chain/any-transaction";
import type { AnyTransaction } from "@counterpart/core/chain/types";
import type { EvmBlockExecution, EvmExecutor } from "@counterpart/core/execution/executor";
import { NO_CHECKS } from "@counterpart/core/execution/simulated-message";
import { changedState, type StateOverrides } from "@counterpart/core/execution/state-overrides";
import type { Spend } from "@counterpart/core/execution/tracers/budget";
import type { StateReader } from "@counterpart/core/execution/types";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { ExecutionSite } from "../../engine/execution-site.ts";
import type { Pause } from "../../engine/pacer.ts";
import type { ChainEngine } from "../../engine/types.ts";
import { type JsonValue, toJsonInSteps } from "../json.ts";
import { canonicalBlock, transactionOf } from "../state.ts";
import { headerAt, LATEST, onState, readBlockNumber, readBlockRef } from "./block-ref.ts";
import { type CallArgs, messageOf, readCallArgs } from "./call-args.ts";
import type { RpcMethod } from "./dispatch.ts";
import { type RpcError, serverError } from "./errors.ts";
import { createDeadline, createSpend, createTurns, type Turns } from "./execution-limits.ts";
import { type BlockOverrides, NO_STATE_OVERRIDES, readBlockOverrides, readStateOverrides } from "./overrides.ts";
import { defineMethod, member, optional, readData, readHash, readSafeQuantity, required } from "./params.ts";
import { beginAt, placeOn } from "./run-message.ts";
import { DEFAULT_TRACE, readTraceConfig, type TraceConfig } from "./trace-config.ts";

/** Traces that may be gathered at the same time. */
const TRACES_MAX = 8;
/** Characters of a transaction's result in a list, besides the trace. */
const ENTRY_CHARACTERS = 100;

interface TraceDeps {
  readonly engine: ChainEngine;
  readonly clock: Clock;
  /** What a call has at most. */
  readonly gasMax: bigint;
  readonly inTurn: Turns;
}

const deadlineOf = ({ clock }: TraceDeps, { timeoutMs }: TraceConfig): Pause =>
  createDeadline(clock, timeoutMs, "execution timeout");

/** A block under execution again, on the state of its parent. */
interface Replay {
  readonly execution: EvmBlockExecution;
  readonly executor: EvmExecutor;
}

async function beginReplay(site: ExecutionSite, header: AnySealedHeader, pause: Pause): Promise<Replay> {
  const executor = site.executorOf(header);
  const execution = await executor.begin(site.contextOf(header, site.blockHash), site.state, { pause });
  return { execution, executor };
}

/** Runs transactions of which nothing is to be shown. */
async function runUnwatched({ execution }: Replay, transactions: readonly AnyTransaction[], pause: Pause) {
  for (const transaction of transactions) {
    await pause();
    const outcome = await execution.run(transaction);
    if (!outcome.valid) throw serverError(`tracing failed: transaction ${transaction.hash}: ${outcome.message}`);
  }
}

async function traceOne(
  { execution, executor }: Replay,
  transaction: AnyTransaction,
  config: TraceConfig,
  spend: Spend,
): Promise<unknown> {
  const tracing = config.createTracing(spend, executor);
  const outcome = await execution.run(transaction, tracing.tracer);
  if (!outcome.valid) throw serverError(`tracing failed: ${outcome.message}`);
  return tracing.result(outcome);
}

/** Works on the state that a block was executed on. @throws RpcError -32000 for the genesis, or a state that is not held */
function onParent<T>(
  { engine }: TraceDeps,
  { number, hash, parentHash }: AnySealedHeader,
  work: (site: ExecutionSite) => Promise<T>,
): Promise<T> {
  if (number === 0) throw serverError("genesis is not traceable");
  const ref = { kind: "hash", hash: parentHash, requireCanonical: false } as const;
  return onState(engine, ref, () =>
    engine.execute(parentHash, (site) => work({ ...site, state: site.stateUnder(hash) })),
  );
}

function traceTransaction(deps: TraceDeps, hash: Hex, config: TraceConfig): Promise<unknown> {
  const status = transactionOf(deps.engine, hash);
  if (status?.status !== "included") throw serverError("transaction not found");
  const block = canonicalBlock(deps.engine, status.blockHash);
  if (block === undefined) throw serverError("transaction not found");
  return onParent(deps, block.header, async (site) => {
    const pause = deadlineOf(deps, config);
    const replay = await beginReplay(site, block.header, pause);
    await runUnwatched(replay, block.transactions.slice(0, status.index), pause);
    return toJsonInSteps(await traceOne(replay, status.transaction, config, createSpend()), pause);
  });
}

function traceBlock(deps: TraceDeps, { header, transactions }: AnyDecodedBlock, config: TraceConfig) {
  return onParent(deps, header, async (site) => {
    const pause = deadlineOf(deps, config);
    const spend = createSpend();
    const replay = await beginReplay(site, header, pause);
    const results = [];
    for (const transaction of transactions) {
      await pause();
      spend(ENTRY_CHARACTERS);
      results.push({ txHash: transaction.hash, result: await traceOne(replay, transaction, config, spend) });
    }
    return toJsonInSteps(results, pause);
  });
}

/** A block as bytes, whose parent is on the chain. */
async function decodeBlock(deps: TraceDeps, bytes: Uint8Array, pause: Pause): Promise<AnyDecodedBlock> {
  try {
    const { header, transactions, ...rest } = decodeAnyBlock(bytes);
    const signing = await deps.engine.execute(undefined, async (site) => site.signingOf(header));
    const decoded: AnyTransaction[] = [];
    for (const raw of transactions) {
      await pause();
      decoded.push(decodeAnyTransaction(raw, deps.engine.chainId, signing));
    }
    return { header, transactions: decoded, ...rest };
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw serverError(`could not decode block: ${error.message}`);
  }
}

interface CallTrace {
  readonly config: TraceConfig;
  readonly overrides: StateOverrides;
  readonly blockOverrides: BlockOverrides;
  /** The call runs before the transaction of this index in the block, instead of after all of them. */
  readonly txIndex: number | undefined;
}

function readCallTrace(value: JsonValue): CallTrace {
  const config = readTraceConfig(value);
  return {
    config,
    overrides: member(config.object, "stateOverrides", readStateOverrides) ?? NO_STATE_OVERRIDES,
    blockOverrides: member(config.object, "blockOverrides", readBlockOverrides) ?? {},
    txIndex: member(config.object, "txIndex", readSafeQuantity),
  };
}

const DEFAULT_CALL_TRACE: CallTrace = {
  config: DEFAULT_TRACE,
  overrides: NO_STATE_OVERRIDES,
  blockOverrides: {},
  txIndex: undefined,
};

async function traceCallOn(
  deps: TraceDeps,
  site: ExecutionSite,
  next: boolean,
  args: CallArgs,
  { config, overrides, blockOverrides }: CallTrace,
  pause: Pause,
): Promise<unknown> {
  const place = placeOn(deps.engine, site, next, overrides, blockOverrides);
  const message = messageOf(args, deps.gasMax, site.chainId);
  const tracing = config.createTracing(createSpend(), place.executor);
  const execution = await beginAt(place, message, pause);
  const outcome = await execution.simulate(message, NO_CHECKS, tracing.tracer);
  if (!outcome.valid) throw serverError(`tracing failed: ${outcome.message}`);
  execution.finish();
  return toJsonInSteps(tracing.result(outcome), pause);
}

/** The state within a block, before the transaction of an index. */
async function stateBefore(
  site: ExecutionSite,
  { header, transactions }: AnyDecodedBlock,
  index: number,
  pause: Pause,
): Promise<StateReader> {
  if (index > transactions.length) {
    throw serverError(`transaction index ${index} out of range for block ${header.hash}`);
  }
  const replay = await beginReplay(site, header, pause);
  await runUnwatched(replay, transactions.slice(0, index), pause);
  return changedState(site.state, replay.execution.finish());
}

function traceCallWithin(deps: TraceDeps, header: AnySealedHeader, index: number, args: CallArgs, trace: CallTrace) {
  const block = canonicalBlock(deps.engine, header.hash);
  if (block === undefined) throw serverError("header not found");
  return onParent(deps, header, async (site) => {
    const pause = deadlineOf(deps, trace.config);
    const state = await stateBefore(site, block, index, pause);
    return traceCallOn(deps, { ...site, header, state }, false, args, trace, pause);
  });
}

type BlockName = Parameters<typeof headerAt>[1];

const noPending = (): RpcError => serverError("tracing on top of pending is not supported");

function traceCall(deps: TraceDeps, args: CallArgs, ref: BlockName, trace: CallTrace): Promise<unknown> {
  const { txIndex, config } = trace;
  if (txIndex !== undefined && ref.kind === "pending") throw noPending();
  const header = txIndex === undefined ? undefined : headerAt(deps.engine, ref);
  if (txIndex !== undefined && header !== undefined) return traceCallWithin(deps, header, txIndex, args, trace);
  return onState(deps.engine, ref, (block) =>
    deps.engine.execute(block?.hash, (site) =>
      traceCallOn(deps, site, ref.kind === "pending", args, trace, deadlineOf(deps, config)),
    ),
  );
}

/** @throws RpcError -32000 in the words of other clients when there is no such block on the chain, or for `pending` */
function requireBlock({ engine }: TraceDeps, ref: BlockName, name: string): AnyDecodedBlock {
  if (ref.kind === "pending") throw noPending();
  const header = headerAt(engine, ref);
  const block = header === undefined ? undefined : canonicalBlock(engine, header.hash);
  if (block === undefined) throw serverError(`block ${name} not found`);
  return block;
}

export function traceMethods(engine: ChainEngine, clock: Clock, gasMax: bigint): Record<string, RpcMethod> {
  const deps: TraceDeps = { engine, clock, gasMax, inTurn: createTurns(TRACES_MAX, "traces") };
  const { inTurn } = deps;
  const config = optional(readTraceConfig, DEFAULT_TRACE);
  return {
    debug_traceTransaction: defineMethod([required(readHash), config], (hash, how) =>
      inTurn(async () => traceTransaction(deps, hash, how)),
    ),
    debug_traceBlockByNumber: defineMethod([required(readBlockNumber), config], (ref, how) =>
      inTurn(async () => {
        const name = ref.kind === "number" ? `#${ref.number}` : ref.kind;
        return traceBlock(deps, requireBlock(deps, ref, name), how);
      }),
    ),
    debug_traceBlockByHash: defineMethod([required(readHash), config], (hash, how) =>
      inTurn(async () =>
        traceBlock(deps, requireBlock(deps, { kind: "hash", hash, requireCanonical: false }, hash), how),
      ),
    ),
    debug_traceBlock: defineMethod([required(readData), config], (bytes, how) =>
      inTurn(async () => traceBlock(deps, await decodeBlock(deps, bytes, deadlineOf(deps, how)), how)),
    ),
    debug_traceCall: defineMethod(
      [required(readCallArgs), optional(readBlockRef, LATEST), optional(readCallTrace, DEFAULT_CALL_TRACE)],
      (args, ref, trace) => inTurn(async () => traceCall(deps, args, ref, trace)),
    ),
  };
}
