/**
 * What a header of a chain sealed elsewhere must say, fork by fork. Who sealed it is believed: neither the work of proof
 * of work is verified, nor is there anybody to ask about merged blocks.
 */

import { CodedError } from "../base/errors.ts";
import type { AnyHeader, AnySealedHeader } from "../chain/any-header.ts";
import { EMPTY_OMMERS_HASH } from "../chain/header.ts";
import { GAS_PER_BLOB } from "../execution/blob-gas.ts";
import { type Fork, isAtLeast } from "../execution/fork.ts";
import { difficultyOf } from "./difficulty.ts";
import { nextBaseFee, nextExcessBlobGas } from "./fees.ts";
import { type BlobSchedule, blobsAt, bombDelayOf, type ForkSchedule, forkOf } from "./fork-schedule.ts";

const GAS_LIMIT_MIN = 5_000n;
/** What all clients hold in a signed number of 64 bits. */
export const GAS_LIMIT_MAX = 2n ** 63n - 1n;
const GAS_LIMIT_DIVISOR = 1_024n;
const EXTRA_DATA_MAX = 32;

/** A statement about a header, and what is wrong where it does not hold. */
type Fact = readonly [boolean, string];

export const isMerged = (header: AnyHeader): boolean => header.difficulty === 0n;

/** At London the limit counts twice, as half of it became the target (EIP-1559). */
function gasLimitFits(header: AnyHeader, parent: AnyHeader): boolean {
  const isFirstWithBaseFee = header.baseFeePerGas !== undefined && parent.baseFeePerGas === undefined;
  const before = BigInt(parent.gasLimit) * (isFirstWithBaseFee ? 2n : 1n);
  const limit = BigInt(header.gasLimit);
  const distance = limit > before ? limit - before : before - limit;
  return limit >= GAS_LIMIT_MIN && limit <= GAS_LIMIT_MAX && distance < before / GAS_LIMIT_DIVISOR;
}

function facts(header: AnySealedHeader, parent: AnySealedHeader): Fact[] {
  return [
    [header.parentHash === parent.hash, "the parent hash is another block's"],
    [header.number === parent.number + 1, "number is not the parent's plus one"],
    [header.timestamp > parent.timestamp, "timestamp is not after the parent's"],
    [header.extraData.length <= EXTRA_DATA_MAX, `extra data is longer than ${EXTRA_DATA_MAX} bytes`],
    [gasLimitFits(header, parent), "gas limit is too far from the parent's, too low or too high"],
    [header.gasUsed <= header.gasLimit, "more gas used than the limit"],
  ];
}

function fieldFacts(header: AnyHeader, fork: Fork): Fact[] {
  const has = (field: unknown, first: Fork, name: string): Fact => [
    (field !== undefined) === isAtLeast(fork, first),
    `${name} ${isAtLeast(fork, first) ? "is missing" : "is there"} under ${fork} rules`,
  ];
  return [
    has(header.baseFeePerGas, "london", "base fee"),
    has(header.withdrawalsRoot, "shanghai", "withdrawals root"),
    has(header.excessBlobGas, "cancun", "blob gas"),
    has(header.requestsHash, "prague", "requests hash"),
  ];
}

function sealFacts(header: AnyHeader, parent: AnyHeader, fork: Fork, schedule: ForkSchedule): Fact[] {
  if (!isMerged(header)) {
    const due = difficultyOf(fork, header.timestamp, parent, bombDelayOf(schedule, header.number));
    return [[header.difficulty === due, `difficulty is ${header.difficulty}, not ${due}`]];
  }
  return [
    [header.ommersHash === EMPTY_OMMERS_HASH, "a merged block has ommers"],
    [header.nonce.every((byte) => byte === 0), "a merged block has a nonce"],
  ];
}

function baseFeeFacts(header: AnyHeader, parent: AnyHeader): Fact[] {
  if (header.baseFeePerGas === undefined) return [];
  const due = nextBaseFee(parent);
  return [[header.baseFeePerGas === due, `base fee is ${header.baseFeePerGas}, not ${due}`]];
}

function blobFacts(header: AnyHeader, parent: AnyHeader, fork: Fork, blobs: BlobSchedule): Fact[] {
  const [used, excess] = [BigInt(header.blobGasUsed ?? 0), BigInt(header.excessBlobGas ?? 0)];
  const due = nextExcessBlobGas(parent, blobs, isAtLeast(fork, "osaka"));
  return [
    [used % GAS_PER_BLOB === 0n, "blob gas used is not that of whole blobs"],
    [used <= BigInt(blobs.max) * GAS_PER_BLOB, "more blob gas used than a block may"],
    [excess === due, `excess blob gas is ${excess}, not ${due}`],
  ];
}

/** Whether a block after one of this total difficulty must be merged (EIP-3675). */
const mustBeMerged = ({ terminalTotalDifficulty }: ForkSchedule, parentTotal: bigint): boolean =>
  terminalTotalDifficulty !== undefined && parentTotal >= terminalTotalDifficulty;

/**
 * Checks everything about a header that needs neither its body nor its state.
 * @param parentTotal the sum of all difficulties up to the parent
 * @returns the rules under which its block is to be executed
 * @throws CodedError `INVALID_HEADER` that names the block and what is wrong
 */
export function checkForeignHeader(
  header: AnySealedHeader,
  parent: AnySealedHeader,
  parentTotal: bigint,
  schedule: ForkSchedule,
): Fork {
  const fork = forkOf(schedule, header.number, header.timestamp, isMerged(header));
  const refuse = (all: readonly Fact[]): void => {
    const fault = all.find(([holds]) => !holds)?.[1];
    if (fault !== undefined) throw new CodedError("INVALID_HEADER", `header ${header.number}: ${fault}`);
  };
  const isDue = mustBeMerged(schedule, parentTotal);
  refuse(facts(header, parent));
  refuse([[isMerged(header) === isDue, isDue ? "a block after the Merge has a difficulty" : "difficulty is 0"]]);
  refuse(fieldFacts(header, fork));
  refuse(sealFacts(header, parent, fork, schedule));
  refuse(baseFeeFacts(header, parent));
  const blobs = blobsAt(schedule, header.timestamp);
  if (header.excessBlobGas !== undefined && blobs !== undefined) refuse(blobFacts(header, parent, fork, blobs));
  return fork;
}
