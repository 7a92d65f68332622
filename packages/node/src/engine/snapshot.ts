/** Reads of one moment. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { AnyDecodedBlock } from "@counterpart/core/chain/any-block";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { AnyReceipt, SealedHeader } from "@counterpart/core/chain/types";
import { type IrregularState, NOTHING_SET } from "@counterpart/core/execution/irregular-state";
import type { StateReader } from "@counterpart/core/execution/types";
import type { StoreReader, StoreSnapshot } from "@counterpart/core/ports/store";
import type { ChainReader } from "./chain-reader.ts";
import { readContract, readHashedContract } from "./contract-index.ts";
import type { EngineCore } from "./core.ts";
import type { Guesses } from "./guesses.ts";
import { hashOnHeadChain, isOnHeadChain } from "./head-chain.ts";
import { readHistoryStart, rowsAt } from "./history.ts";
import type { ProvenState } from "./proven-state.ts";
import { createStateReader } from "./state.ts";
import type { BlockState, Snapshot } from "./types.ts";
import { readUnnamed } from "./unnamed.ts";

/** What is read of. */
export interface Source<H extends AnySealedHeader>
  extends Pick<EngineCore, "store" | "holding" | "proven" | "unnamedCount" | "irregular"> {
  readonly head: H;
  readonly readerOf: (rows: StoreReader) => Reader<H>;
}

type Reader<H extends AnySealedHeader> = ChainReader<H, AnyDecodedBlock, AnyReceipt>;

/** `done` must be called. */
export interface OpenState<H extends AnySealedHeader> extends BlockState {
  readonly header: H;
  readonly head: H;
  /** What the state is read from, as it is at the head. */
  readonly rows: StoreReader;
  /** What was set on it by hand, which the rows do not have. */
  readonly set: IrregularState;
  canonicalHash(number: number): Hex | undefined;
  done(): void;
}
export interface OpenSnapshot<H extends AnySealedHeader> extends Snapshot, OpenState<H> {
  readonly head: H;
}

/** The present, kept for reads to come. `done` must be called. */
export interface Moment {
  readonly source: Source<SealedHeader>;
  readonly head: SealedHeader;
  readonly proven: ProvenState;
  done(): void;
}

export function openMoment(core: EngineCore): Moment {
  const { store } = core;
  const rows = store.snapshot();
  const shared: StoreSnapshot = {
    ...rows,
    // Its hash says all of a code, whenever it has come.
    get: (table, key, name) => (table === "codes" ? store : rows).get(table, key, name),
    done() {},
  };
  const head = core.readerOf(rows).head(core.head);
  const proven = core.proven(head.hash);
  const source = { ...core, head, proven: () => proven, store: { ...store, snapshot: () => shared } };
  return { source, head, proven, done: rows.done };
}

/** What a replica of some contracts holds of the state, and beside it what was proven at the head. */
function createPartialReader(
  held: StateReader,
  { holding, proven }: Pick<EngineCore, "holding" | "proven">,
  head: Hex,
  guesses: Guesses | undefined,
): StateReader {
  const isHeld = (address: Hex): boolean => holding.has(address) && held.account(address) !== undefined;
  const beside = proven(head).reader(guesses);
  const readerOf = (address: Hex): Pick<StateReader, "account" | "storage"> => {
    guesses?.check();
    return isHeld(address) ? held : beside;
  };
  return {
    ...held,
    account: (address) => readerOf(address).account(address),
    storage: (address, slot) => readerOf(address).storage(address, slot),
  };
}

/** @param guesses with it, what a replica lacks is guessed and noted there */
export function openSnapshot<H extends AnySealedHeader>(core: Source<H>, guesses?: Guesses): OpenSnapshot<H> {
  const rows = core.store.snapshot();
  const chain = core.readerOf(rows);
  const head = chain.head(core.head);
  const held = core.irregular.over(createStateReader(rows), head.hash);
  const state = core.holding.role === "chosen" ? createPartialReader(held, core, head.hash, guesses) : held;
  return {
    ...state,
    head,
    header: head,
    rows,
    set: core.irregular.setOn(head.hash),
    canonicalHash: (number) => hashOnHeadChain({ chain, head }, number),
    heldCode: (codeHash) => rows.get("codes", hexToBytes(codeHash)),
    contract: (address) =>
      readContract(rows, address) ?? (core.unnamedCount === 0 ? undefined : readUnnamed(rows, address)),
    hashedContract: (addressHash) => readHashedContract(rows, addressHash),
    done: () => rows.done(),
  };
}

/** @throws CodedError `BLOCK_NOT_FOUND` */
function canonicalHeader<H extends AnySealedHeader>(core: Source<H>, chain: Reader<H>, block: Hex): H {
  const header = chain.header(block);
  if (header !== undefined && isOnHeadChain({ chain, head: chain.head(core.head) }, block)) return header;
  throw new CodedError("BLOCK_NOT_FOUND", `block ${block} is not on the chain of this node`);
}

function requireHistory(rows: StoreReader, { number }: AnySealedHeader): void {
  const start = readHistoryStart(rows);
  if (number >= start) return;
  const message = `the state of block ${number} is not held: that of block ${start} is the first that is`;
  throw new CodedError("PRUNED", message, { block: number, held_from: start });
}

/**
 * The state after a canonical block.
 * @param guesses as of `openSnapshot`
 * @throws CodedError `BLOCK_NOT_FOUND`, `PRUNED`
 */
export function openStateAt<H extends AnySealedHeader>(core: Source<H>, block: Hex, guesses?: Guesses): OpenState<H> {
  if (block === core.head.hash) return openSnapshot(core, guesses);
  const rows = core.store.snapshot();
  try {
    const chain = core.readerOf(rows);
    const header = canonicalHeader(core, chain, block);
    requireHistory(rows, header);
    const state = createStateReader(rowsAt(rows, header.number));
    const head = chain.head(core.head);
    return {
      ...state,
      header,
      head,
      rows,
      set: NOTHING_SET,
      canonicalHash: (number) => hashOnHeadChain({ chain, head }, number),
      done: () => rows.done(),
    };
  } catch (error) {
    rows.done();
    throw error;
  }
}
