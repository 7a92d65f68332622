/**
 * Takes in a chain that was sealed elsewhere, block by block: each is executed and held to its header on an overlay, and
 * many are written together, in one write that moves the head. After a crash the chain ends with one of those writes, and
 * goes on from there; a block that is refused leaves the one before it as the head.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { type AnyBlock, decodeAnyBlock, encodeAnyBody, headerOfAnyBlock } from "@counterpart/core/chain/any-block";
import { type AnySealedHeader, encodeAnyHeader } from "@counterpart/core/chain/any-header";
import { encodeReceipts } from "@counterpart/core/chain/receipt";
import {
  type DecodeTransactions,
  decodeInPlace,
  executeForeignBlock,
  type ForeignDeps,
  type ForeignParent,
} from "@counterpart/core/consensus/foreign-blocks";
import type { ForeignGenesis } from "@counterpart/core/consensus/foreign-genesis";
import { createRulesOfBlocks } from "@counterpart/core/consensus/foreign-rules";
import { type Ancestor, OMMER_ANCESTORS } from "@counterpart/core/consensus/ommers";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Store } from "@counterpart/core/ports/store";
import { appendRows } from "./block-processor.ts";
import { createAnyChainReader } from "./chain-reader.ts";
import { contractCountRow, readContractCount } from "./contract-index.ts";
import { openImported, readTotalDifficulty, totalDifficultyRow } from "./imported.ts";
import { encodeItems } from "./log-items.ts";
import { createOverlay, type Overlay } from "./overlay.ts";
import { applyChanges, createStateReader } from "./state.ts";

/** A write ends with the block that reaches one of these. */
const BYTES_PER_WRITE = 16 * 1024 * 1024;
const BLOCKS_PER_WRITE = 1_024;
const MS_PER_WRITE = 5_000;

export interface ImportOptions {
  readonly store: Store;
  readonly genesis: ForeignGenesis;
  readonly clock: Pick<Clock, "now">;
  /** Where senders are recovered; here when absent. */
  readonly decode?: DecodeTransactions;
  readonly blocksPerWrite?: number;
}

/** What became of a block. */
export interface ImportedBlock {
  readonly header: AnySealedHeader;
  /** It was held before, and nothing was done. */
  readonly isHeld: boolean;
  readonly transactions: number;
}

export interface ChainImport {
  /** The last block taken in, written or not. */
  head(): AnySealedHeader;
  /**
   * Takes in an encoded block that follows the head; one that is held already is passed over.
   * @throws CodedError `INVALID_CHAIN_FILE`, `INVALID_BLOCK`, `INVALID_HEADER`: the head stays what it was
   */
  add(encoded: Uint8Array): Promise<ImportedBlock>;
  /** Writes what is not written yet. To be called in the end, whatever the end was. */
  flush(): void;
}

/** Where the chain stands, with what is not written of it. */
interface Progress {
  overlay: Overlay;
  blocks: number;
  head: AnySealedHeader;
  totalDifficulty: bigint;
  contractCount: number;
}

function* ancestorsOf(overlay: Overlay, head: AnySealedHeader): Generator<Ancestor> {
  const chain = createAnyChainReader(overlay);
  let hash: Hex | undefined = head.hash;
  for (let count = 0; count < OMMER_ANCESTORS && hash !== undefined; count++) {
    const block: ReturnType<typeof chain.block> = chain.block(hash);
    if (block === undefined) return;
    yield { header: block.header, ommers: block.ommers ?? [] };
    hash = block.header.parentHash;
  }
}

function parentOf({ overlay, head, totalDifficulty }: Progress): ForeignParent {
  let between: { readonly overlay: Overlay; root: Hex } | undefined;
  return {
    header: head,
    totalDifficulty,
    state: createStateReader(overlay),
    blockHash: createAnyChainReader(overlay).canonicalHash,
    ancestors: () => [...ancestorsOf(overlay, head)],
    rootBetween(changes) {
      between ??= { overlay: createOverlay(overlay), root: head.stateRoot };
      between.root = applyChanges(between.overlay, between.root, changes);
      return between.root;
    },
    rootAfter: (changes) => applyChanges(overlay, head.stateRoot, changes),
  };
}

async function execute(deps: ForeignDeps, progress: Progress, block: AnyBlock, encodedBytes: number): Promise<void> {
  const { overlay } = progress;
  const { header, ommers, withdrawals } = block;
  overlay.record();
  const executed = await executeForeignBlock(deps, block, encodedBytes, parentOf(progress));
  const { transactions, receipts, logs, creations, changes } = executed;
  const { counted } = appendRows(overlay, {
    header,
    transactions,
    encodedHeader: encodeAnyHeader(header),
    body: encodeAnyBody({ transactions, ommers, ...(withdrawals && { withdrawals }) }),
    receipts: encodeReceipts(receipts, logs),
    logItems: encodeItems(receipts),
    creations,
    changes,
  });
  progress.head = header;
  progress.blocks++;
  progress.totalDifficulty += header.difficulty;
  progress.contractCount += counted;
}

/** Whether the block is held; one that fits nowhere is refused. @throws CodedError `INVALID_BLOCK` */
function isHeld({ overlay, head }: Progress, { number, hash }: AnySealedHeader): boolean {
  if (number > head.number + 1) {
    throw new CodedError(
      "INVALID_BLOCK",
      `block ${number} follows block ${head.number}: blocks are missing between them`,
    );
  }
  if (number > head.number) return false;
  const held = createAnyChainReader(overlay).canonicalHash(number);
  if (held === hash) return true;
  throw new CodedError("INVALID_BLOCK", `block ${number} is ${hash}, and this chain has ${held} there`);
}

/** @throws CodedError `INVALID_CHAIN_FILE` that names the place */
function headerOf(encoded: Uint8Array, last: number | undefined): AnySealedHeader {
  try {
    return headerOfAnyBlock(encoded);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    const place = last === undefined ? "at the beginning" : `after block ${last}`;
    throw new CodedError("INVALID_CHAIN_FILE", `${place} there is no block: ${error.message}`, { after: last ?? null });
  }
}

/** @throws CodedError `INVALID_BLOCK` that names the block */
function decode(encoded: Uint8Array, { number }: AnySealedHeader): AnyBlock {
  try {
    return decodeAnyBlock(encoded);
  } catch (error) {
    if (!isCodedError(error, "INVALID_RLP")) throw error;
    throw new CodedError("INVALID_BLOCK", `block ${number}: ${error.message}`, { number });
  }
}

/**
 * Opens a chain to be imported, or goes on with one.
 * @throws CodedError `INVALID_GENESIS` when the store holds another
 */
export function createChainImport(options: ImportOptions): ChainImport {
  const { store, genesis, clock, blocksPerWrite = BLOCKS_PER_WRITE } = options;
  openImported(store, genesis);
  const { schedule } = genesis;
  const deps = { schedule, rulesOf: createRulesOfBlocks(schedule), decode: options.decode ?? decodeInPlace };
  const progress: Progress = {
    overlay: createOverlay(store),
    blocks: 0,
    head: createAnyChainReader(store).head(),
    totalDifficulty: readTotalDifficulty(store),
    contractCount: readContractCount(store),
  };
  let writtenAtMs = clock.now();
  /** The last block of the file. */
  let last: number | undefined;

  function* rows() {
    yield* progress.overlay.writes();
    yield totalDifficultyRow(progress.totalDifficulty);
    yield contractCountRow(progress.contractCount);
  }
  const flush = (): void => {
    writtenAtMs = clock.now();
    if (progress.blocks === 0) return;
    store.write(rows());
    progress.overlay = createOverlay(store);
    progress.blocks = 0;
  };
  const isDue = (): boolean =>
    progress.blocks >= blocksPerWrite ||
    progress.overlay.bytes >= BYTES_PER_WRITE ||
    clock.now() - writtenAtMs >= MS_PER_WRITE;
  const take = async (header: AnySealedHeader, encoded: Uint8Array): Promise<ImportedBlock> => {
    if (isHeld(progress, header)) return { header, isHeld: true, transactions: 0 };
    const block = decode(encoded, header);
    const takeBack = progress.overlay.checkpoint();
    try {
      await execute(deps, progress, block, encoded.length);
    } catch (error) {
      takeBack();
      throw error;
    }
    if (isDue()) flush();
    return { header, isHeld: false, transactions: block.transactions.length };
  };
  return {
    head: () => progress.head,
    async add(encoded) {
      const header = headerOf(encoded, last);
      const taken = await take(header, encoded);
      last = header.number;
      return taken;
    },
    flush,
  };
}
