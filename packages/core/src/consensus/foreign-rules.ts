/** The rules of each block of a chain sealed elsewhere, with an executor for them. */

import type { AnyHeader } from "../chain/any-header.ts";
import type { SigningRules } from "../chain/any-transaction.ts";
import { blobBaseFeeOf, GAS_PER_BLOB } from "../execution/blob-gas.ts";
import { blockContextOf } from "../execution/block-context.ts";
import { createCodeCache, createExecutor, type EvmExecutor, type ExecutorOptions } from "../execution/executor.ts";
import { type Fork, isAtLeast } from "../execution/fork.ts";
import { type BlobRules, rulesOf } from "../execution/rules.ts";
import type { BlockContext } from "../execution/types.ts";
import { nextBaseFee, nextExcessBlobGas } from "./fees.ts";
import { isMerged } from "./foreign-headers.ts";
import { type BlobSchedule, blobsAt, type ForkSchedule, forkOf } from "./fork-schedule.ts";

export interface BlockRules {
  readonly fork: Fork;
  readonly signing: SigningRules;
  readonly executor: EvmExecutor;
}

export type RulesOfBlock = (header: AnyHeader) => BlockRules;

/** EIP-7594. */
const BLOBS_PER_TRANSACTION = 6;

function blobRules({ max, updateFraction }: BlobSchedule, fork: Fork): BlobRules {
  return {
    perTransactionMax: isAtLeast(fork, "osaka") ? BLOBS_PER_TRANSACTION : max,
    perBlockMax: max,
    updateFraction,
  };
}

/** Rules by block; executors are made once for each fork and each change of blobs, and share their code. */
export function createRulesOfBlocks(
  schedule: ForkSchedule,
  options: Pick<ExecutorOptions, "pause" | "tracer"> = {},
): RulesOfBlock {
  const codes = createCodeCache();
  const executors = new Map<Fork, Map<BlobSchedule | undefined, EvmExecutor>>();
  const executorOf = (fork: Fork, limits: BlobSchedule | undefined): EvmExecutor => {
    const byBlobs = executors.get(fork) ?? new Map<BlobSchedule | undefined, EvmExecutor>();
    executors.set(fork, byBlobs);
    const blobs = limits === undefined ? undefined : blobRules(limits, fork);
    const { chainId } = schedule;
    const made = byBlobs.get(limits) ?? createExecutor({ ...options, chainId, fork, codes, ...(blobs && { blobs }) });
    byBlobs.set(limits, made);
    return made;
  };
  return (header) => {
    const fork = forkOf(schedule, header.number, header.timestamp, isMerged(header));
    const { transactionTypeMax, needsLowS } = rulesOf(fork);
    const hasReplayProtection = header.number >= schedule.replayProtection;
    const blobs = isAtLeast(fork, "cancun") ? blobsAt(schedule, header.timestamp) : undefined;
    return { fork, signing: { transactionTypeMax, needsLowS, hasReplayProtection }, executor: executorOf(fork, blobs) };
  };
}

/** Price of a unit of blob gas in a block; undefined before Cancun. */
export function blobBaseFeeAt(schedule: ForkSchedule, header: AnyHeader): bigint | undefined {
  const blobs = blobsAt(schedule, header.timestamp);
  if (header.excessBlobGas === undefined || blobs === undefined) return undefined;
  return blobBaseFeeOf(BigInt(header.excessBlobGas), blobs.updateFraction);
}

/** Part of the blob gas that a block may use which it does; 0 before Cancun. */
export function blobGasUsedRatio(schedule: ForkSchedule, { timestamp, blobGasUsed = 0 }: AnyHeader): number {
  const blobs = blobsAt(schedule, timestamp);
  return blobs === undefined ? 0 : blobGasUsed / (blobs.max * Number(GAS_PER_BLOB));
}

/** What gas and blob gas cost in the block after `parent` if it were of the same time; 0 before London and Cancun. */
export function nextFees(
  schedule: ForkSchedule,
  parent: AnyHeader,
): { readonly gas: bigint; readonly blobGas: bigint } {
  const { timestamp } = parent;
  const fork = forkOf(schedule, parent.number + 1, timestamp, isMerged(parent));
  const blobs = parent.excessBlobGas === undefined ? undefined : blobsAt(schedule, timestamp);
  return {
    gas: isAtLeast(fork, "london") ? nextBaseFee(parent) : 0n,
    blobGas:
      blobs === undefined
        ? 0n
        : blobBaseFeeOf(nextExcessBlobGas(parent, blobs, isAtLeast(fork, "osaka")), blobs.updateFraction),
  };
}

/** What the EVM may know of a block of any fork. */
export function foreignContext(
  schedule: ForkSchedule,
  header: AnyHeader,
  blockHash: BlockContext["blockHash"],
): BlockContext {
  const blobBaseFee = blobBaseFeeAt(schedule, header);
  return {
    ...blockContextOf(header, blockHash),
    difficulty: header.difficulty,
    ...(blobBaseFee === undefined ? {} : { blobBaseFee }),
  };
}
