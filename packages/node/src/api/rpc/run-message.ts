/** One message on the state of a block: what `eth_call`, its relatives and `debug_traceCall` share. */

import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { EvmBlockExecution, EvmExecutor } from "@counterpart/core/execution/executor";
import {
  gasPriceOf,
  type MessageFault,
  NO_CHECKS,
  type SimulatedMessage,
  type SimulatedOutcome,
} from "@counterpart/core/execution/simulated-message";
import { overriddenState, type StateOverrides } from "@counterpart/core/execution/state-overrides";
import type { Tracer } from "@counterpart/core/execution/tracer";
import type { BlockContext, StateReader } from "@counterpart/core/execution/types";
import type { ExecutionSite } from "../../engine/execution-site.ts";
import type { Pause } from "../../engine/pacer.ts";
import type { ChainEngine } from "../../engine/types.ts";
import { type RpcError, serverError } from "./errors.ts";
import { type BlockOverrides, overriddenContext, overriddenHeader } from "./overrides.ts";

/** In which block a message runs: the one that was named, or the one that would be sealed now. */
export interface Place {
  readonly site: ExecutionSite;
  readonly header: AnySealedHeader;
  readonly context: BlockContext;
  readonly executor: EvmExecutor;
  readonly state: StateReader;
  readonly overrides: StateOverrides;
}

/**
 * @param next whether it is the block that would be sealed now
 * @throws RpcError for overrides that make no sense
 */
export function placeOn(
  engine: Pick<ChainEngine, "nextContext">,
  site: ExecutionSite,
  next: boolean,
  overrides: StateOverrides,
  blockOverrides: BlockOverrides,
): Place {
  const { number, timestamp, coinbase, parentHash, gasLimit, baseFeePerGas, prevRandao } = next
    ? engine.nextContext()
    : {};
  const base: AnySealedHeader = {
    ...site.header,
    ...(number !== undefined && { number }),
    ...(timestamp !== undefined && { timestamp }),
    ...(coinbase !== undefined && { coinbase }),
    ...(parentHash !== undefined && { parentHash }),
    ...(gasLimit !== undefined && { gasLimit }),
    ...(baseFeePerGas !== undefined && { baseFeePerGas }),
    ...(prevRandao !== undefined && { mixHash: prevRandao }),
  };
  const header = overriddenHeader(base, blockOverrides);
  const context = { ...site.contextOf(header, site.blockHash), ...overriddenContext(blockOverrides) };
  const executor = site.executorOf(header);
  return { site, header, context, executor, state: overriddenState(site.state, overrides), overrides };
}

/** What a message that pays nothing may not see of prices, so that it can run at all. */
export function contextFor({ context, executor }: Place, message: SimulatedMessage): BlockContext {
  const price = gasPriceOf(message, context.baseFeePerGas, executor.rules.hasBaseFee);
  return {
    ...context,
    ...(price === 0n && { baseFeePerGas: 0n }),
    ...(message.maxFeePerBlobGas === 0n && { blobBaseFee: 0n }),
  };
}

export const beginAt = (place: Place, message: SimulatedMessage, pause: Pause): Promise<EvmBlockExecution> =>
  place.executor.begin(contextFor(place, message), place.state, { isBegun: true, overrides: place.overrides, pause });

/** Runs a message and throws its changes away. */
export async function runAt(
  place: Place,
  message: SimulatedMessage,
  pause: Pause,
  tracer?: Tracer,
): Promise<SimulatedOutcome | MessageFault> {
  const execution = await beginAt(place, message, pause);
  const outcome = await execution.simulate(message, NO_CHECKS, tracer);
  execution.finish();
  return outcome;
}

/** What a caller is told of a message that cannot run. */
export const faultError = ({ message }: MessageFault, { gasLimit }: SimulatedMessage): RpcError =>
  serverError(`err: ${message} (supplied gas ${gasLimit})`);
