/** What `eth_simulateV1` is asked: blocks on a block, each with calls. Source: execution-apis, `eth_simulateV1`. */

import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { StateOverrides } from "@counterpart/core/execution/state-overrides";
import type { JsonValue } from "../json.ts";
import { type CallArgs, readCallArgs } from "./call-args.ts";
import { RPC_CODES, RpcError } from "./errors.ts";
import { type BlockOverrides, NO_STATE_OVERRIDES, readBlockOverrides, readStateOverrides } from "./overrides.ts";
import { badValue, listOf, member, readBoolean, readObject } from "./params.ts";

/** Blocks of one simulation, those between the ones that were named included. */
export const SIMULATED_BLOCKS_MAX = 256;
/** More cannot run with the gas of one simulation. */
const CALLS_MAX = 2_400;
/** Seconds between blocks that say nothing of their time. */
const BLOCK_SECONDS = 12;

/** Codes of execution-apis for what is wrong with a simulation. */
export const SIMULATION_CODES = {
  nonceTooLow: -38010,
  nonceTooHigh: -38011,
  feeCapTooLow: -38012,
  intrinsicGas: -38013,
  insufficientFunds: -38014,
  blockGasLimit: -38015,
  blockNumber: -38020,
  blockTimestamp: -38021,
  initcodeSize: -38025,
  /** A call that ended in an exception of the EVM. */
  vmError: -32015,
} as const;

export interface SimulatedBlock {
  readonly blockOverrides: BlockOverrides;
  readonly stateOverrides: StateOverrides;
  readonly calls: readonly CallArgs[];
}

/** A block of which it is certain where and when it is. */
export interface PlacedBlock extends SimulatedBlock {
  readonly number: number;
  readonly timestamp: number;
}

export interface Simulation {
  readonly blocks: readonly SimulatedBlock[];
  /** Whether transfers of ether have logs. */
  readonly traceTransfers: boolean;
  /** Whether nonces and base fees count as on a chain. */
  readonly validation: boolean;
  readonly returnFullTransactions: boolean;
}

function readBlock(value: JsonValue): SimulatedBlock {
  const object = readObject(value);
  return {
    blockOverrides: member(object, "blockOverrides", readBlockOverrides) ?? {},
    stateOverrides: member(object, "stateOverrides", readStateOverrides) ?? NO_STATE_OVERRIDES,
    calls: member(object, "calls", listOf(readCallArgs, CALLS_MAX)) ?? [],
  };
}

const tooManyBlocks = (): RpcError => new RpcError(RPC_CODES.limitExceeded, "too many blocks");

/** Reads `{blockStateCalls, traceTransfers, validation, returnFullTransactions}`. @throws RpcError -38026 */
export function readSimulation(value: JsonValue): Simulation {
  const object = readObject(value);
  const list = object.blockStateCalls;
  if (!Array.isArray(list) || list.length === 0) throw badValue("empty input");
  if (list.length > SIMULATED_BLOCKS_MAX) throw tooManyBlocks();
  return {
    blocks: member(object, "blockStateCalls", listOf(readBlock, SIMULATED_BLOCKS_MAX)) ?? [],
    traceTransfers: member(object, "traceTransfers", readBoolean) ?? false,
    validation: member(object, "validation", readBoolean) ?? false,
    returnFullTransactions: member(object, "returnFullTransactions", readBoolean) ?? false,
  };
}

const EMPTY: SimulatedBlock = { blockOverrides: {}, stateOverrides: NO_STATE_OVERRIDES, calls: [] };

/**
 * Says of every block where and when it is, and fills gaps between them with empty ones.
 * @throws RpcError -38020, -38021 when they are not in order, -38026 when they are too many
 */
export function placeBlocks(base: AnySealedHeader, blocks: readonly SimulatedBlock[]): PlacedBlock[] {
  const placed: PlacedBlock[] = [];
  let { number, timestamp } = base;
  for (const block of blocks) {
    const { number: wanted = number + 1, time } = block.blockOverrides;
    if (wanted <= number) {
      throw new RpcError(SIMULATION_CODES.blockNumber, `block numbers must be in order: ${wanted} <= ${number}`);
    }
    if (wanted - base.number > SIMULATED_BLOCKS_MAX) throw tooManyBlocks();
    while (number + 1 < wanted) {
      timestamp += BLOCK_SECONDS;
      placed.push({ ...EMPTY, number: ++number, timestamp });
    }
    const next = time ?? timestamp + BLOCK_SECONDS;
    if (next <= timestamp) {
      throw new RpcError(SIMULATION_CODES.blockTimestamp, `block timestamps must be in order: ${next} <= ${timestamp}`);
    }
    placed.push({ ...block, number: wanted, timestamp: next });
    [number, timestamp] = [wanted, next];
  }
  return placed;
}
