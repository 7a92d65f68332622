/**
 * Executes blocks of chains sealed elsewhere, of any fork, and holds them to their headers: ommers, transactions,
 * receipts, requests, rewards, withdrawals, state. Who sealed them is believed.
 */

import type { Hex } from "../base/bytes.ts";
import { equalBytes } from "../base/bytes.ts";
import { CodedError, isCodedError } from "../base/errors.ts";
import type { AnyBlock } from "../chain/any-block.ts";
import type { AnySealedHeader } from "../chain/any-header.ts";
import { decodeAnyTransaction, type SigningRules } from "../chain/any-transaction.ts";
import { encodeEachLogs, logsBloom, receiptsRoot } from "../chain/receipt.ts";
import { CONSOLIDATION_REQUESTS_ADDRESS, WITHDRAWAL_REQUESTS_ADDRESS } from "../chain/system-contracts.ts";
import type { AnyReceipt, AnyTransaction } from "../chain/types.ts";
import { GAS_PER_BLOB } from "../execution/blob-gas.ts";
import type { EvmBlockExecution } from "../execution/executor.ts";
import { type Fork, isAtLeast } from "../execution/fork.ts";
import { type Creation, creationsOf, receiptOf } from "../execution/outcome.ts";
import type { StateChanges, StateReader } from "../execution/types.ts";
import { checkForeignHeader } from "./foreign-headers.ts";
import { foreignContext, type RulesOfBlock } from "./foreign-rules.ts";
import type { ForkSchedule } from "./fork-schedule.ts";
import { type Ancestor, checkOmmers } from "./ommers.ts";
import { depositsIn, requestsHashOf } from "./requests.ts";
import { creditsOf } from "./rewards.ts";

/** Bytes of an encoded block from Osaka on (EIP-7934). */
const BLOCK_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Decodes a block's transactions and recovers their senders, in order: the part of the work that needs no state, so that
 * it can be done elsewhere.
 * @throws CodedError `INVALID_BLOCK` that names the first transaction that is none
 */
export type DecodeTransactions = (
  raws: readonly Uint8Array[],
  chainId: number,
  rules: SigningRules,
) => Promise<readonly AnyTransaction[]>;

export const decodeInPlace: DecodeTransactions = async (raws, chainId, rules) =>
  raws.map((raw, index) => {
    try {
      return decodeAnyTransaction(raw, chainId, rules);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      throw new CodedError("INVALID_BLOCK", `transaction ${index}: ${error.message}`, { index });
    }
  });

export interface ForeignDeps {
  readonly schedule: ForkSchedule;
  readonly rulesOf: RulesOfBlock;
  readonly decode: DecodeTransactions;
}

/** What a block is executed on. */
export interface ForeignParent {
  readonly header: AnySealedHeader;
  /** The sum of all difficulties up to the parent. */
  readonly totalDifficulty: bigint;
  readonly state: StateReader;
  /** Hash of a canonical ancestor. */
  readonly blockHash: (number: number) => Hex | undefined;
  /** The last `OMMER_ANCESTORS` blocks, the parent first; asked for where a block has ommers. */
  readonly ancestors: () => readonly Ancestor[];
  /**
   * Root of the state between two transactions.
   * @param changes since the root before, which began with the parent's
   */
  readonly rootBetween: (changes: StateChanges) => Hex;
  /** Root of the parent's state with all that the block changed; called once, before the block is held to its header. */
  readonly rootAfter: (changes: StateChanges) => Hex;
}

/** What a block did, as execution has it, and what its header must therefore say. */
export interface ForeignRun {
  readonly fork: Fork;
  readonly transactions: readonly AnyTransaction[];
  readonly receipts: readonly AnyReceipt[];
  readonly creations: readonly Creation[];
  readonly changes: StateChanges;
  /** Absent before Prague. */
  readonly requestsHash?: Hex;
}

/** A block that is what its header says. */
export interface ForeignExecution extends ForeignRun {
  /** Of each receipt, encoded: for the root and for storage. */
  readonly logs: readonly Uint8Array[];
}

const invalid = (message: string): CodedError => new CodedError("INVALID_BLOCK", message);

/** Before Byzantium a receipt has the root of the state after its transaction instead of a status. */
export function withRoot(receipt: AnyReceipt, stateRoot: Hex | undefined): AnyReceipt {
  if (stateRoot === undefined) return receipt;
  const { status: _, ...rest } = receipt;
  return { ...rest, stateRoot };
}

/** Runs the transactions. @throws CodedError `INVALID_BLOCK` where one may not be in the block at its place */
async function runTransactions(
  execution: EvmBlockExecution,
  transactions: readonly AnyTransaction[],
  rootBetween: ForeignParent["rootBetween"] | undefined,
): Promise<Pick<ForeignRun, "receipts" | "creations">> {
  const receipts: AnyReceipt[] = [];
  const creations: Creation[] = [];
  for (const [index, transaction] of transactions.entries()) {
    const outcome = await execution.run(transaction);
    if (!outcome.valid) throw invalid(`transaction ${index}: ${outcome.message}`);
    const stateRoot = rootBetween?.(execution.lastSeen());
    const receipt = receiptOf(transaction.type, outcome, receipts.at(-1)?.cumulativeGasUsed ?? 0);
    receipts.push(withRoot(receipt, stateRoot));
    creations.push(...creationsOf(transaction, outcome));
  }
  return { receipts, creations };
}

/** Deposits, withdrawals and consolidations. @throws CodedError `INVALID_BLOCK` */
export async function takeRequests(
  execution: EvmBlockExecution,
  receipts: readonly AnyReceipt[],
  deposits: Hex,
): Promise<readonly Uint8Array[]> {
  const requests = [
    depositsIn(
      receipts.flatMap(({ logs }) => logs),
      deposits,
    ),
  ];
  for (const contract of [WITHDRAWAL_REQUESTS_ADDRESS, CONSOLIDATION_REQUESTS_ADDRESS]) {
    const output = await execution.requests(contract);
    if (output === undefined) throw invalid(`the contract of requests ${contract} is missing or fails`);
    requests.push(output);
  }
  return requests;
}

type Fact = readonly [what: string, said: unknown, found: unknown];

/** Holds what execution gave to what the header says. @throws CodedError `INVALID_BLOCK` */
function checkOutcome(header: AnySealedHeader, { transactions, receipts, logs, requestsHash }: ForeignExecution): void {
  const blobs = transactions.reduce((count, { blobVersionedHashes }) => count + (blobVersionedHashes?.length ?? 0), 0);
  const facts: Fact[] = [
    ["gas used", header.gasUsed, receipts.at(-1)?.cumulativeGasUsed ?? 0],
    ["blob gas used", header.blobGasUsed ?? 0, blobs * Number(GAS_PER_BLOB)],
    ["requests hash", header.requestsHash, requestsHash],
    ["receipts root", header.receiptsRoot, receiptsRoot(receipts, logs)],
  ];
  const fault = facts.find(([, said, found]) => said !== found);
  if (fault !== undefined) throw invalid(`${fault[0]} is ${fault[1]}, execution gives ${fault[2]}`);
  const bloom = logsBloom(receipts.flatMap(({ logs }) => logs));
  if (!equalBytes(bloom, header.logsBloom)) throw invalid("the logs bloom is not that of the logs");
}

function checkSize(fork: Fork, encodedBytes: number): void {
  if (!isAtLeast(fork, "osaka") || encodedBytes <= BLOCK_BYTES_MAX) return;
  throw invalid(`${encodedBytes} bytes are more than ${BLOCK_BYTES_MAX} (EIP-7934)`);
}

/**
 * Executes a block without holding it to its header.
 * @throws CodedError `INVALID_BLOCK` where a transaction may not be in it, or the contracts of requests fail
 */
export async function runForeignBlock(
  { schedule, rulesOf, decode }: ForeignDeps,
  block: AnyBlock,
  parent: Pick<ForeignParent, "state" | "blockHash" | "rootBetween">,
): Promise<ForeignRun> {
  const { header } = block;
  const { fork, signing, executor } = rulesOf(header);
  const transactions = await decode(block.transactions, schedule.chainId, signing);
  const execution = await executor.begin(foreignContext(schedule, header, parent.blockHash), parent.state);
  const hasStatus = isAtLeast(fork, "byzantium");
  const ran = await runTransactions(execution, transactions, hasStatus ? undefined : parent.rootBetween);
  const requestsHash = isAtLeast(fork, "prague")
    ? requestsHashOf(await takeRequests(execution, ran.receipts, schedule.depositContract))
    : undefined;
  for (const { address, amount } of creditsOf(block, fork)) execution.credit(address, amount);
  return { fork, transactions, ...ran, changes: execution.finish(), ...(requestsHash && { requestsHash }) };
}

async function execute(deps: ForeignDeps, block: AnyBlock, parent: ForeignParent): Promise<ForeignExecution> {
  const { header } = block;
  const ran = await runForeignBlock(deps, block, parent);
  const executed = { ...ran, logs: encodeEachLogs(ran.receipts) };
  checkOutcome(header, executed);
  const root = parent.rootAfter(executed.changes);
  if (root !== header.stateRoot) throw invalid(`state root is ${header.stateRoot}, execution gives ${root}`);
  return executed;
}

/**
 * Executes a block on its parent and checks everything that can be known of it.
 * @param encodedBytes size of its encoding
 * @throws CodedError `INVALID_HEADER`, `INVALID_BLOCK` that name the block and what is wrong
 */
export async function executeForeignBlock(
  deps: ForeignDeps,
  block: AnyBlock,
  encodedBytes: number,
  parent: ForeignParent,
): Promise<ForeignExecution> {
  const { header, ommers } = block;
  const fork = checkForeignHeader(header, parent.header, parent.totalDifficulty, deps.schedule);
  if (ommers.length > 0) checkOmmers(header, ommers, parent.ancestors(), deps.schedule);
  try {
    checkSize(fork, encodedBytes);
    return await execute(deps, block, parent);
  } catch (error) {
    if (!isCodedError(error, "INVALID_BLOCK")) throw error;
    throw new CodedError("INVALID_BLOCK", `block ${header.number}: ${error.message}`, { number: header.number });
  }
}
