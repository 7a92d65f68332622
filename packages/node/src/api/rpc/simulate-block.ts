/** One simulated block: its header as far as it is known before, its calls, and what it comes to. */

import { concatBytes, EMPTY_BYTES, type Hex } from "@counterpart/core/base/bytes";
import { type AnyDecodedBlock, withdrawalsRoot } from "@counterpart/core/chain/any-block";
import { type AnyHeader, type AnySealedHeader, encodeAnyHeader } from "@counterpart/core/chain/any-header";
import { BLOOM_BYTES, EMPTY_OMMERS_HASH, EMPTY_REQUESTS_HASH, ZERO_HASH } from "@counterpart/core/chain/header";
import { logsBloom, receiptsRoot } from "@counterpart/core/chain/receipt";
import { encodeFields } from "@counterpart/core/chain/transaction-fields";
import type { AnyReceipt, AnyTransaction } from "@counterpart/core/chain/types";
import { encodeRlp } from "@counterpart/core/codec/rlp";
import { takeRequests, withRoot } from "@counterpart/core/consensus/foreign-blocks";
import { requestsHashOf } from "@counterpart/core/consensus/requests";
import { creditsOf } from "@counterpart/core/consensus/rewards";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { GAS_PER_BLOB } from "@counterpart/core/execution/blob-gas";
import type { EvmBlockExecution } from "@counterpart/core/execution/executor";
import { type Fork, isAtLeast } from "@counterpart/core/execution/fork";
import { receiptOf } from "@counterpart/core/execution/outcome";
import type {
  MessageFault,
  MessageFaultKind,
  SimulatedMessage,
  SimulatedOutcome,
} from "@counterpart/core/execution/simulated-message";
import { overrideChanges } from "@counterpart/core/execution/state-overrides";
import type { Spend } from "@counterpart/core/execution/tracers/budget";
import {
  createTransferTracer,
  type TracedLog,
  type TransferTracer,
} from "@counterpart/core/execution/tracers/transfer-tracer";
import type { BlockContext } from "@counterpart/core/execution/types";
import { EMPTY_TRIE_ROOT, orderedTrieRoot } from "@counterpart/core/trie/ordered";
import type { ExecutionSite, Scratch } from "../../engine/execution-site.ts";
import type { Pause } from "../../engine/pacer.ts";
import { type CallArgs, messageOf } from "./call-args.ts";
import { RPC_CODES, RpcError } from "./errors.ts";
import { type PlacedBlock, SIMULATION_CODES, type Simulation } from "./simulate-input.ts";

/** What a simulation has come to so far. */
export interface Progress {
  readonly site: ExecutionSite;
  readonly scratch: Scratch;
  readonly pause: Pause;
  readonly spend: Spend;
  readonly options: Pick<Simulation, "traceTransfers" | "validation">;
  /** Simulated blocks, in order. */
  readonly headers: AnySealedHeader[];
  parent: AnySealedHeader;
  /** Gas that is left for the calls of all blocks. */
  gasLeft: bigint;
}

export interface SimulatedCall {
  readonly outcome: SimulatedOutcome;
  /** With those of transfers, where they are asked for. */
  readonly logs: readonly TracedLog[];
}

export interface SimulatedResult {
  readonly block: AnyDecodedBlock;
  readonly calls: readonly SimulatedCall[];
}

const NO_BLOOM = new Uint8Array(BLOOM_BYTES);
const NO_NONCE = new Uint8Array(8);

/** Fields that the forks added, as far as they are known before the block runs. */
function laterFields(progress: Progress, block: PlacedBlock, draft: AnyHeader, fork: Fork): Partial<AnyHeader> {
  const { site, parent, options } = progress;
  const { baseFeePerGas, beaconRoot, withdrawals = [] } = block.blockOverrides;
  const usual = options.validation ? site.baseFeeAfter(parent) : 0n;
  return {
    ...(isAtLeast(fork, "london") && { baseFeePerGas: baseFeePerGas ?? usual }),
    ...(isAtLeast(fork, "shanghai") && { withdrawalsRoot: withdrawalsRoot(withdrawals) }),
    ...(isAtLeast(fork, "cancun") && {
      blobGasUsed: 0,
      excessBlobGas: Number(site.excessBlobGasAfter(parent, draft, fork)),
      parentBeaconBlockRoot: beaconRoot ?? ZERO_HASH,
    }),
  };
}

/** The header before anything of the block has run. */
function draftOf(progress: Progress, block: PlacedBlock): { readonly draft: AnyHeader; readonly fork: Fork } {
  const { parent, site } = progress;
  const { difficulty, gasLimit, feeRecipient, prevRandao } = block.blockOverrides;
  const isMerged = parent.difficulty === 0n;
  const first: AnyHeader = {
    parentHash: parent.hash,
    ommersHash: EMPTY_OMMERS_HASH,
    coinbase: feeRecipient ?? parent.coinbase,
    stateRoot: EMPTY_TRIE_ROOT,
    transactionsRoot: EMPTY_TRIE_ROOT,
    receiptsRoot: EMPTY_TRIE_ROOT,
    logsBloom: NO_BLOOM,
    difficulty: isMerged ? 0n : (difficulty ?? parent.difficulty),
    number: block.number,
    gasLimit: gasLimit ?? parent.gasLimit,
    gasUsed: 0,
    timestamp: block.timestamp,
    extraData: EMPTY_BYTES,
    mixHash: prevRandao ?? ZERO_HASH,
    nonce: NO_NONCE,
  };
  const fork = site.forkOf(first);
  return { draft: { ...first, ...laterFields(progress, block, first, fork) }, fork };
}

const FAULT_CODES: Readonly<Record<MessageFaultKind, number>> = {
  NONCE_TOO_LOW: SIMULATION_CODES.nonceTooLow,
  NONCE_TOO_HIGH: SIMULATION_CODES.nonceTooHigh,
  FEES_INVALID: RPC_CODES.invalidParams,
  FEE_CAP_TOO_LOW: SIMULATION_CODES.feeCapTooLow,
  INSUFFICIENT_FUNDS: SIMULATION_CODES.insufficientFunds,
  INTRINSIC_GAS: SIMULATION_CODES.intrinsicGas,
  INITCODE_SIZE: SIMULATION_CODES.initcodeSize,
  OTHER: RPC_CODES.internal,
};

const faultError = ({ kind, message }: MessageFault, { gasLimit }: SimulatedMessage): RpcError =>
  new RpcError(FAULT_CODES[kind], `err: ${message} (supplied gas ${gasLimit})`);

const blockIsFull = (why: string): RpcError =>
  new RpcError(SIMULATION_CODES.blockGasLimit, `block gas limit reached: ${why}`);

/** The transaction that a call would be, without a signature. */
function transactionOf(message: SimulatedMessage, nonce: bigint, chainId: number): AnyTransaction {
  const { type, blobVersionedHashes, maxFeePerBlobGas } = message;
  const unsigned = {
    ...message,
    nonce,
    ...(type === 0 ? {} : { chainId: BigInt(chainId) }),
    ...(blobVersionedHashes === undefined ? {} : { blobVersionedHashes, maxFeePerBlobGas: maxFeePerBlobGas ?? 0n }),
  };
  const fields = encodeRlp([...encodeFields(unsigned), EMPTY_BYTES, EMPTY_BYTES, EMPTY_BYTES]);
  const raw = type === 0 ? fields : concatBytes(Uint8Array.of(type), fields);
  return { ...unsigned, hash: keccak256Hex(raw), raw, v: 0n, r: 0n, s: 0n, yParity: 0 };
}

/** What is gathered of a block while its calls run. */
interface Gathered {
  readonly transactions: AnyTransaction[];
  readonly receipts: AnyReceipt[];
  readonly calls: SimulatedCall[];
  gasUsed: bigint;
}

/** The message of a call, with the nonce and the gas that it has where it does not say. @throws RpcError -38015 */
function nextMessage(
  { site, gasLeft }: Progress,
  args: CallArgs,
  nonce: bigint,
  gasLimit: number | bigint,
  gasUsed: bigint,
): SimulatedMessage & { readonly nonce: bigint } {
  const gas = args.gas ?? BigInt(gasLimit) - gasUsed;
  if (gasUsed + gas > BigInt(gasLimit)) {
    throw blockIsFull(`${gasUsed} >= ${gasLimit}`);
  }
  const said = args.nonce ?? nonce;
  return { ...messageOf({ ...args, gas }, gasLeft, site.chainId), nonce: said };
}

async function runCall(
  progress: Progress,
  execution: EvmBlockExecution,
  context: BlockContext,
  args: CallArgs,
  transfers: TransferTracer,
  gathered: Gathered,
): Promise<void> {
  const { options, site } = progress;
  const nonce = execution.nonceOf(args.from);
  const message = nextMessage(progress, args, nonce, context.gasLimit, gathered.gasUsed);
  const transaction = transactionOf(message, message.nonce, site.chainId);
  const checks = { nonce: options.validation, baseFee: options.validation, isLast: false };
  const outcome = await execution.simulate(message, checks, transfers.tracer);
  if (!outcome.valid) {
    const hasTheRest = args.gas === undefined && message.gasLimit === BigInt(context.gasLimit) - gathered.gasUsed;
    if (hasTheRest && outcome.kind === "INTRINSIC_GAS") throw blockIsFull(outcome.message);
    throw faultError(outcome, message);
  }
  progress.spend(2 * (outcome.output.length + message.data.length));
  progress.gasLeft -= BigInt(outcome.gasUsed);
  gathered.receipts.push(receiptOf(transaction.type, outcome, Number(gathered.gasUsed)));
  gathered.gasUsed += BigInt(outcome.gasUsed);
  gathered.transactions.push(transaction);
  gathered.calls.push({ outcome, logs: outcome.status === "success" ? [...transfers.logs()] : [] });
}

/** Hashes of simulated blocks, of the block under them, and of its ancestors. */
const hashesOf =
  ({ site, headers }: Progress): BlockContext["blockHash"] =>
  (number) =>
    number <= site.header.number ? site.blockHash(number) : headers[number - site.header.number - 1]?.hash;

const blobGasOf = (transactions: readonly AnyTransaction[]): number =>
  transactions.reduce((sum, { blobVersionedHashes = [] }) => sum + blobVersionedHashes.length, 0) *
  Number(GAS_PER_BLOB);

async function requestsHash(
  { site }: Progress,
  execution: EvmBlockExecution,
  receipts: readonly AnyReceipt[],
): Promise<Hex> {
  if (site.depositContract === undefined) return EMPTY_REQUESTS_HASH;
  return requestsHashOf(await takeRequests(execution, receipts, site.depositContract));
}

/**
 * Runs a block on the parent, whose state is that of the scratch, and takes it in.
 * @throws RpcError with the codes of execution-apis
 */
export async function simulateBlock(progress: Progress, block: PlacedBlock): Promise<SimulatedResult> {
  const { site, scratch, pause } = progress;
  const { draft, fork } = draftOf(progress, block);
  const { blobBaseFee, withdrawals = [] } = block.blockOverrides;
  const context = { ...site.contextOf(draft, hashesOf(progress)), ...(blobBaseFee !== undefined && { blobBaseFee }) };
  const executor = site.executorOf(draft);
  if (block.stateOverrides.size > 0) scratch.apply(overrideChanges(scratch.state, block.stateOverrides));
  const execution = await executor.begin(context, scratch.state, { overrides: block.stateOverrides, pause });
  const transfers = createTransferTracer(progress.options.traceTransfers, progress.spend);
  const gathered: Gathered = { transactions: [], receipts: [], calls: [], gasUsed: 0n };
  for (const args of block.calls) {
    await pause();
    await runCall(progress, execution, context, args, transfers, gathered);
    if (isAtLeast(fork, "byzantium")) continue;
    const receipt = gathered.receipts.pop() as AnyReceipt;
    gathered.receipts.push(withRoot(receipt, scratch.apply(execution.lastSeen())));
  }
  const { transactions, receipts, calls } = gathered;
  const hasRequests = isAtLeast(fork, "prague");
  const requests = hasRequests ? { requestsHash: await requestsHash(progress, execution, receipts) } : {};
  const raws = transactions.map(({ raw }) => raw);
  const parts = { header: { ...draft, hash: ZERO_HASH }, transactions: raws, ommers: [], withdrawals };
  for (const { address, amount } of creditsOf(parts, fork)) execution.credit(address, amount);
  const header: AnyHeader = {
    ...draft,
    ...requests,
    stateRoot: scratch.apply(execution.finish()),
    transactionsRoot: orderedTrieRoot(raws),
    receiptsRoot: receiptsRoot(receipts),
    logsBloom: logsBloom(receipts.flatMap(({ logs }) => logs)),
    gasUsed: Number(gathered.gasUsed),
    ...(isAtLeast(fork, "cancun") && { blobGasUsed: blobGasOf(transactions) }),
  };
  const sealed = { ...header, hash: keccak256Hex(encodeAnyHeader(header)) };
  progress.headers.push(sealed);
  progress.parent = sealed;
  return { block: { header: sealed, transactions, ommers: [], withdrawals }, calls };
}
