/** When blocks are sealed and how they are dated. Sources: the documentation of Hardhat's network and of Anvil. */

import { CodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { DevelopmentNode } from "../../../driver/development-node.ts";
import type { ChainEngine } from "../../../engine/types.ts";
import type { JsonValue } from "../../json.ts";
import type { RpcMethod } from "../dispatch.ts";
import { invalidParams } from "../errors.ts";
import { quantity } from "../format.ts";
import {
  badValue,
  defineMethod,
  member,
  optional,
  type Reader,
  readAddress,
  readAmount,
  readBoolean,
  readCount,
  readHash,
  required,
} from "../params.ts";

/** One call is not at it for longer than some minutes. */
const BLOCKS_MAX = 100_000;
const INTERVAL_MS_MAX = 24 * 60 * 60 * 1_000;
/** The end of the year 9999, in seconds: milliseconds, which some send, are beyond it. */
const TIMESTAMP_MAX = 253_402_300_799;
/** As of a genesis. */
const GAS_LIMIT_MAX = 1_000_000_000;

interface MineOptions {
  readonly blocks: number;
  /** Of the first block, in seconds since 1970. */
  readonly timestamp?: number;
}

/** The time of the next block, or `{blocks, timestamp}`. */
function readMineOptions(value: JsonValue): MineOptions {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { blocks: 1, timestamp: readCount(value) };
  }
  const timestamp = member(value, "timestamp", readCount);
  return { blocks: member(value, "blocks", readCount) ?? 1, ...(timestamp === undefined ? {} : { timestamp }) };
}

/** A number, or the least and the most between which Hardhat draws one for each block. */
function readInterval(value: JsonValue): readonly [number, number] {
  if (!Array.isArray(value)) return [readCount(value), readCount(value)];
  const [least, most, ...more] = value.map(readCount);
  if (least === undefined || most === undefined || more.length > 0 || least > most)
    throw badValue("a range is [least, most]");
  return [least, most];
}

export interface MiningDeps {
  readonly engine: ChainEngine;
  readonly node: Pick<DevelopmentNode, "chain" | "leave" | "automine" | "setAutomine" | "setIntervalMining">;
  readonly clock: Clock;
}

function requireTime(timestamp: number): void {
  if (timestamp > TIMESTAMP_MAX) throw invalidParams(`times are seconds since 1970, at most ${TIMESTAMP_MAX}`);
}

/** What other nodes would refuse for its time is only sealed where there are none. */
function reach({ node }: MiningDeps, method: string, timestamp: number): void {
  requireTime(timestamp);
  if (node.chain.isBeyondReach(timestamp)) node.leave(method);
}

/** No block is dated before its parent. */
function requireNotBefore({ engine }: MiningDeps, timestamp: number): void {
  const previous = engine.head().timestamp;
  if (timestamp >= previous) return;
  throw invalidParams(`Timestamp ${timestamp} is lower than previous block's timestamp ${previous}`);
}

function setTimestamp(deps: MiningDeps, method: string, timestamp: number): void {
  requireNotBefore(deps, timestamp);
  reach(deps, method, timestamp);
  deps.node.chain.setNext({ timestamp });
}

function timeMethods(deps: MiningDeps): Record<string, RpcMethod> {
  const { engine, node, clock } = deps;
  const { chain } = node;
  const nowS = (): number => Math.floor(clock.now() / 1_000);
  const setOffset = (method: string, seconds: number): number => {
    reach(deps, method, nowS() + seconds);
    chain.setOffset(seconds);
    return seconds;
  };
  return {
    evm_increaseTime: defineMethod([required(readCount)], (seconds) =>
      setOffset("evm_increaseTime", chain.offsetS + seconds),
    ),
    evm_setTime: defineMethod([required(readCount)], (timestamp) => {
      requireNotBefore(deps, timestamp);
      return setOffset("evm_setTime", timestamp - nowS());
    }),
    evm_setNextBlockTimestamp: defineMethod([required(readCount)], (timestamp) => {
      setTimestamp(deps, "evm_setNextBlockTimestamp", timestamp);
      return quantity(timestamp);
    }),
    anvil_setBlockTimestampInterval: defineMethod([required(readCount)], (seconds) => {
      requireTime(engine.head().timestamp + seconds);
      node.leave("anvil_setBlockTimestampInterval");
      chain.setBlockIntervalS(seconds);
      return null;
    }),
    anvil_removeBlockTimestampInterval: defineMethod([], () => chain.setBlockIntervalS(undefined)),
  };
}

/** Fields of the next block, which otherwise the rules of the chain give. */
function fieldMethods({ node }: MiningDeps): Record<string, RpcMethod> {
  const { chain } = node;
  const setter = <T>(method: string, read: Reader<T>, set: (value: T) => void): Record<string, RpcMethod> => ({
    [method]: defineMethod([required(read)], (value) => {
      node.leave(method);
      set(value);
      return true;
    }),
  });
  const setBaseFee = (baseFeePerGas: bigint): void => chain.setNext({ baseFeePerGas });
  const setGasLimit = (gasLimit: number): void => chain.setNext({ gasLimit });
  const readGasLimit: Reader<number> = (value) => {
    const gasLimit = readCount(value);
    if (gasLimit > GAS_LIMIT_MAX) throw badValue(`a block has at most ${GAS_LIMIT_MAX} gas`);
    return gasLimit;
  };
  return {
    ...setter("hardhat_setNextBlockBaseFeePerGas", readAmount, setBaseFee),
    ...setter("anvil_setNextBlockBaseFeePerGas", readAmount, setBaseFee),
    ...setter("hardhat_setCoinbase", readAddress, chain.setCoinbase),
    ...setter("anvil_setCoinbase", readAddress, chain.setCoinbase),
    ...setter("hardhat_setPrevRandao", readHash, (prevRandao) => chain.setNext({ prevRandao })),
    ...setter("evm_setBlockGasLimit", readGasLimit, setGasLimit),
    ...setter("anvil_setBlockGasLimit", readGasLimit, setGasLimit),
  };
}

function snapshotMethods({ node }: MiningDeps): Record<string, RpcMethod> {
  const { chain } = node;
  return {
    evm_snapshot: defineMethod([], async () => quantity(await chain.snapshot())),
    evm_revert: defineMethod([required(readCount)], async (id) => {
      if (!chain.hasSnapshot(id)) return false;
      node.leave("evm_revert");
      return chain.revert(id);
    }),
  };
}

/** @param intervalS seconds from one block to the next; 0: each as the clock says */
async function mine(deps: MiningDeps, method: string, blocks: number, intervalS: number): Promise<void> {
  const { engine, node } = deps;
  if (blocks > BLOCKS_MAX) throw invalidParams(`at most ${BLOCKS_MAX} blocks are mined at once`);
  const { timestamp = 0 } = engine.nextContext();
  reach(deps, method, timestamp + Math.max(0, blocks - 1) * intervalS);
  await node.chain.mine(blocks, intervalS);
}

/** @param usualS seconds from one block to the next where neither the call nor an earlier one says how many */
const mineMany = (deps: MiningDeps, method: string, usualS: number): RpcMethod =>
  defineMethod([optional(readCount, 1), optional<number | undefined>(readCount, undefined)], async (blocks, given) => {
    const { blockIntervalS } = deps.node.chain;
    await mine(deps, method, blocks, given ?? blockIntervalS ?? usualS);
    return true;
  });

export function miningMethods(deps: MiningDeps): Record<string, RpcMethod> {
  const { node } = deps;
  const setIntervalMining = (unitMs: number) =>
    defineMethod([required(readInterval)], ([least, most]) => {
      if (most * unitMs > INTERVAL_MS_MAX) throw invalidParams(`an interval is at most ${INTERVAL_MS_MAX} ms`);
      node.setIntervalMining(least * unitMs, most * unitMs);
      return true;
    });
  const getAutomine = defineMethod([], () => node.automine);
  return {
    evm_mine: defineMethod([optional<MineOptions>(readMineOptions, { blocks: 1 })], async ({ blocks, timestamp }) => {
      if (timestamp !== undefined) setTimestamp(deps, "evm_mine", timestamp);
      await mine(deps, "evm_mine", blocks, 0);
      return "0x0";
    }),
    hardhat_mine: mineMany(deps, "hardhat_mine", 1),
    anvil_mine: mineMany(deps, "anvil_mine", 0),
    evm_setAutomine: defineMethod([required(readBoolean)], async (isOn) => {
      await node.setAutomine(isOn);
      return true;
    }),
    hardhat_getAutomine: getAutomine,
    anvil_getAutomine: getAutomine,
    evm_setIntervalMining: setIntervalMining(1),
    anvil_setIntervalMining: setIntervalMining(1_000),
    ...timeMethods(deps),
    ...fieldMethods(deps),
    ...snapshotMethods(deps),
  };
}

const isGiven = (value: JsonValue | undefined): boolean => value !== undefined && value !== null;

/**
 * An object that names no other chain means the same as none: viem sends one.
 * @throws CodedError `INVALID_REQUEST`: there is no other chain to begin with
 */
export function readNoForking(value: JsonValue): undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badValue("expected an object");
  const { forking } = value;
  if (!isGiven(forking)) return undefined;
  const isObject = typeof forking === "object" && forking !== null && !Array.isArray(forking);
  if (isObject && !isGiven(forking.jsonRpcUrl) && !isGiven(forking.blockNumber)) return undefined;
  throw new CodedError("INVALID_REQUEST", "forking of other chains is not supported");
}
