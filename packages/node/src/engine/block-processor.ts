/**
 * Executes one block on an overlay, whether it is being built here or was sealed elsewhere, and takes blocks back.
 * Nothing reaches the store: the caller writes the overlay when the branch has won.
 */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert, CodedError } from "@counterpart/core/base/errors";
import { encodeBody, transactionsRoot } from "@counterpart/core/chain/block";
import { encodeHeader } from "@counterpart/core/chain/header";
import { encodeLogs, encodeReceipts, receiptsBloom, receiptsRoot } from "@counterpart/core/chain/receipt";
import type { Block, Header, Receipt, SealedHeader, Transaction } from "@counterpart/core/chain/types";
import { blockContextOf } from "@counterpart/core/execution/block-context";
import { type Creation, creationsOf, receiptOf } from "@counterpart/core/execution/outcome";
import type {
  BlockExecution,
  Executor,
  StateChanges,
  StateReader,
  TransactionOutcome,
} from "@counterpart/core/execution/types";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { NodeCache } from "@counterpart/core/trie/node-cache";
import { createChainReader } from "./chain-reader.ts";
import { contractsIn, type IndexChanges, indexContracts, keepingOrigin } from "./contract-index.ts";
import { historyRows, historyStartRow, readHistoryStart } from "./history.ts";
import { unwindLogs } from "./log-index.ts";
import { encodeItems } from "./log-items.ts";
import type { Overlay, PreviousValue } from "./overlay.ts";
import type { Pause } from "./pacer.ts";
import { decodePrevious, encodeLocation, encodePrevious, metaKey, numberKey } from "./rows.ts";
import { applyingChanges, createStateReader, unwindChanges } from "./state.ts";
import type { BlockMoment } from "./types.ts";

export interface ProcessorDeps {
  readonly executor: Executor;
  readonly chainId: number;
  readonly clock: Clock;
  readonly overlayBytesMax: number;
  /** Of the state's tries; without one every node is read and checked. */
  readonly nodes?: NodeCache | undefined;
}

/** Executed transactions of a block under construction, in order. */
export interface Executed {
  readonly transactions: Transaction[];
  readonly receipts: Receipt[];
  /** Of each receipt, encoded: for the root and for storage. */
  readonly logs: Uint8Array[];
  readonly creations: Creation[];
}

export const noneExecuted = (): Executed => ({ transactions: [], receipts: [], logs: [], creations: [] });

/** Notes what a transaction did in its block. */
export function addOutcome(executed: Executed, transaction: Transaction, outcome: TransactionOutcome): void {
  const previous = executed.receipts.at(-1)?.cumulativeGasUsed ?? 0;
  executed.transactions.push(transaction);
  const receipt = receiptOf(transaction.type, outcome, previous);
  executed.receipts.push(receipt);
  executed.logs.push(encodeLogs(receipt.logs));
  executed.creations.push(...creationsOf(transaction, outcome));
}

/** A block whose transactions were run. */
export interface RunBlock {
  /** Its header but for what execution gives. */
  readonly draft: Header;
  /** State root before it. */
  readonly parentRoot: Hex;
  readonly executed: Executed;
  readonly changes: StateChanges;
}

/** Applies the changes and fills the header's execution fields in. Recording must be on. */
export async function completeHeader(
  { nodes }: Pick<ProcessorDeps, "nodes">,
  overlay: Overlay,
  { draft, parentRoot, executed, changes }: RunBlock,
  pause: Pause,
): Promise<Header> {
  const steps = applyingChanges(overlay, parentRoot, changes, nodes);
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) await pause();
  const ofTransactions = transactionsRoot(executed.transactions);
  await pause();
  const ofReceipts = receiptsRoot(executed.receipts, executed.logs);
  await pause();
  return {
    ...draft,
    stateRoot: step.value,
    transactionsRoot: ofTransactions,
    receiptsRoot: ofReceipts,
    logsBloom: receiptsBloom(executed.receipts),
    gasUsed: executed.receipts.at(-1)?.cumulativeGasUsed ?? 0,
  };
}

/** What a block did. */
export interface BlockEffects extends IndexChanges {
  /** Accounts that it changed: nobody else's nonce is another one now. */
  readonly accounts: Iterable<Hex>;
}

/** A block that was executed, as it is written. */
export interface BlockRows {
  readonly header: BlockMoment;
  readonly transactions: readonly Pick<Transaction, "hash">[];
  readonly encodedHeader: Uint8Array;
  readonly body: Uint8Array;
  readonly receipts: Uint8Array;
  /** What the index of logs has of it. */
  readonly logItems: Uint8Array;
  readonly creations: readonly Creation[];
  readonly changes: StateChanges;
}

/** Puts a block whose changes were recorded at the head of the canonical chain there. */
export function appendRows(overlay: Overlay, block: BlockRows): BlockEffects {
  const { header, changes } = block;
  const hash = hexToBytes(header.hash);
  const index = indexContracts(overlay, header, changes, block.creations);
  overlay.put("headers", hash, block.encodedHeader);
  overlay.put("bodies", hash, block.body);
  overlay.put("receipts", hash, block.receipts);
  if (block.logItems.length > 0) overlay.put("logItems", numberKey(header.number), block.logItems);
  overlay.put("canonical", numberKey(header.number), hash);
  overlay.put("side", hash, null);
  const previous = overlay.recorded();
  overlay.put("changes", numberKey(header.number), encodePrevious(previous));
  for (const { table, key, value } of historyRows(header.number, previous)) overlay.put(table, key, value);
  overlay.put("meta", metaKey("head"), hash);
  block.transactions.forEach((transaction, at) => {
    overlay.put("transactions", hexToBytes(transaction.hash), encodeLocation(header.hash, at));
  });
  return { ...index, accounts: changes.accounts.keys() };
}

/** Puts a block that was executed on the overlay at the head of the canonical chain there. */
export function appendBlock(
  overlay: Overlay,
  { header, transactions }: Block,
  { receipts, logs, creations }: Executed,
  changes: StateChanges,
): BlockEffects {
  return appendRows(overlay, {
    header,
    transactions,
    encodedHeader: encodeHeader(header),
    body: encodeBody(transactions),
    receipts: encodeReceipts(receipts, logs),
    logItems: encodeItems(receipts),
    creations,
    changes,
  });
}

/** How execution here disagrees with a sealed header. */
export interface Contradiction {
  readonly message: string;
  /** What execution gives; absent when one of the transactions cannot be executed here. */
  readonly computed?: Header;
  readonly executed: Executed;
}

export type BlockOutcome =
  | { readonly kind: "executed"; readonly effects: BlockEffects }
  | { readonly kind: "contradicted"; readonly contradiction: Contradiction };

function differenceFrom(header: SealedHeader, computed: Header): string | undefined {
  const fields = ["stateRoot", "transactionsRoot", "receiptsRoot", "gasUsed"] as const;
  const field = fields.find((name) => header[name] !== computed[name]);
  if (field !== undefined) return `${field} is not what execution gives`;
  return bytesToHex(header.logsBloom) === bytesToHex(computed.logsBloom) ? undefined : "wrong logs bloom";
}

/** Runs a block's transactions; returns why one cannot be executed, if that is so. */
async function runAll(
  execution: BlockExecution,
  { transactions }: Block,
  executed: Executed,
  pause: Pause,
): Promise<string | undefined> {
  for (const transaction of transactions) {
    await pause();
    const outcome = await execution.run(transaction);
    if (!outcome.valid) return `transaction ${transaction.hash}: ${outcome.message}`;
    addOutcome(executed, transaction, outcome);
  }
  return undefined;
}

/**
 * Executes a sealed block on the overlay's head, which must be its parent, and appends it. Where execution contradicts
 * its header, the overlay is spoilt.
 * @param readerOf how the parent's state is read
 */
export async function executeBlock(
  deps: ProcessorDeps,
  overlay: Overlay,
  block: Block,
  pause: Pause,
  readerOf: (overlay: Overlay, root: Hex) => StateReader = createStateReader,
): Promise<BlockOutcome> {
  const chain = createChainReader(overlay, deps.chainId);
  const parent = chain.head();
  assert(parent.hash === block.header.parentHash, "a block is executed on its parent");
  overlay.record();
  const context = blockContextOf(block.header, chain.canonicalHash);
  const execution = await deps.executor.begin(context, readerOf(overlay, parent.stateRoot));
  const executed = noneExecuted();
  const contradicted = (what: string, computed?: Header): BlockOutcome => {
    const message = `block ${block.header.number}: ${what}`;
    return { kind: "contradicted", contradiction: { message, executed, ...(computed && { computed }) } };
  };
  const fault = await runAll(execution, block, executed, pause);
  if (fault !== undefined) return contradicted(fault);
  const changes = execution.finish();
  const run = { draft: block.header, parentRoot: parent.stateRoot, executed, changes };
  const computed = await completeHeader(deps, overlay, run, pause);
  const difference = differenceFrom(block.header, computed);
  if (difference !== undefined) return contradicted(difference, computed);
  return { kind: "executed", effects: appendBlock(overlay, block, executed, changes) };
}

/** What `unwindHead` took back. */
export interface Unwound {
  readonly block: Block;
  /** Contracts whose rows it put back. */
  readonly contracts: readonly Hex[];
}

/** Takes a block out of the history, whose start is at its parent at the latest from then on. */
function unwindHistory(overlay: Overlay, number: number, previous: readonly PreviousValue[]): void {
  if (readHistoryStart(overlay) >= number) {
    const { table, key, value } = historyStartRow(number - 1);
    overlay.put(table, key, value);
    return;
  }
  for (const row of historyRows(number, previous)) overlay.put(row.table, row.key, null);
}

/** Takes the overlay's head back to its parent; the block is kept as a side block. */
export function unwindHead(overlay: Overlay, chainId: number): Unwound {
  const chain = createChainReader(overlay, chainId);
  const head = chain.head();
  const block = chain.block(head.hash);
  const parent = chain.header(head.parentHash);
  const row = overlay.get("changes", numberKey(head.number));
  assert(block !== undefined && parent !== undefined && row !== undefined, `block ${head.number} cannot be unwound`);
  const previous: readonly PreviousValue[] = decodePrevious(row).map((value) => keepingOrigin(overlay, value));
  const root = unwindChanges(overlay, head.stateRoot, previous);
  if (root !== parent.stateRoot)
    throw new CodedError("STORE_CORRUPT", `unwinding block ${head.number} misses its root`);
  unwindHistory(overlay, head.number, previous);
  unwindLogs(overlay, head.number);
  overlay.put("changes", numberKey(head.number), null);
  overlay.put("canonical", numberKey(head.number), null);
  overlay.put("receipts", hexToBytes(head.hash), null);
  overlay.put("side", hexToBytes(head.hash), numberKey(head.number));
  overlay.put("meta", metaKey("head"), hexToBytes(parent.hash));
  for (const { hash } of block.transactions) overlay.put("transactions", hexToBytes(hash), null);
  return { block, contracts: contractsIn(previous) };
}
