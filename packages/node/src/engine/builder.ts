/** Builds a block of pending transactions on the head, and seals it. */

import type { Hex } from "@counterpart/core/base/bytes";
import { sizeInBlock } from "@counterpart/core/chain/block";
import { MAX_BLOCK_BYTES } from "@counterpart/core/chain/rules";
import type { Block, SealedHeader } from "@counterpart/core/chain/types";
import { addSeal, draftHeader } from "@counterpart/core/consensus/poa";
import { blockContextOf } from "@counterpart/core/execution/block-context";
import type { BlockExecution, StateReader } from "@counterpart/core/execution/types";
import type { Clock } from "@counterpart/core/ports/runtime";
import {
  addOutcome,
  appendBlock,
  type BlockEffects,
  completeHeader,
  type Executed,
  noneExecuted,
  type ProcessorDeps,
} from "./block-processor.ts";
import { createChainReader } from "./chain-reader.ts";
import type { Irregularities } from "./irregular.ts";
import type { Overlay } from "./overlay.ts";
import { createPacer, type Pause } from "./pacer.ts";
import type { Pool } from "./pool.ts";
import { createPoolOrder, type PoolOrder } from "./pool-order.ts";
import { createStateReader } from "./state.ts";
import type { Sealer } from "./types.ts";

/** Room for header, seals and list prefixes within the block size. */
const BLOCK_OVERHEAD_BYTES = 2_048;
/** A block with anything in it is closed when building it has taken this long: what is left goes to the next. */
const BUILD_TIME_MS = 500;

export interface Built {
  readonly block: Block;
  readonly effects: BlockEffects;
}

export interface BuildInput {
  readonly deps: ProcessorDeps;
  /** Takes the block, which is built on its head. */
  readonly overlay: Overlay;
  readonly pool: Pool;
  /** Of that head's state. */
  readonly accounts: Pick<StateReader, "account">;
  readonly sealer: Sealer;
  readonly vanity: Uint8Array;
  readonly irregular: Irregularities;
  /** Whether a block is made though no transaction can be included. */
  readonly mayBeEmpty: boolean;
}

async function fill(
  execution: BlockExecution,
  parent: Hex,
  order: PoolOrder,
  clock: Clock,
  pause: Pause,
): Promise<Executed> {
  const executed = noneExecuted();
  const deadline = clock.now() + BUILD_TIME_MS;
  let room = MAX_BLOCK_BYTES - BLOCK_OVERHEAD_BYTES;
  const isOpen = (): boolean => executed.transactions.length === 0 || clock.now() <= deadline;
  for (let pending = order.next(); pending !== undefined && isOpen(); pending = order.next()) {
    await pause();
    const { transaction } = pending;
    const size = sizeInBlock(transaction);
    const outcome = size <= room ? await execution.run(transaction) : undefined;
    if (outcome?.valid !== true) {
      // A block without room for it says nothing about the transaction.
      if (outcome !== undefined && outcome.reason !== "GAS_LIMIT_EXCEEDED") pending.refusedAt = parent;
      // An authorization (EIP-7702) may have used up this nonce, but not the next.
      if (outcome?.reason !== "NONCE_TOO_LOW") order.skipSender();
      continue;
    }
    room -= size;
    addOutcome(executed, transaction, outcome);
  }
  return executed;
}

/** Undefined when no pending transaction can be included; nothing more can be built on the overlay then. */
export async function buildBlock(input: BuildInput): Promise<Built | undefined> {
  const { deps, overlay, pool, accounts, sealer, vanity, irregular } = input;
  const { clock } = deps;
  const chain = createChainReader(overlay, deps.chainId);
  const parent: SealedHeader = chain.head();
  const timestamp = Math.max(Math.floor(clock.now() / 1000), parent.timestamp);
  const regular = draftHeader({ parent, coinbase: sealer.address, timestamp, vanity });
  const draft = { ...regular, ...irregular.header(parent, clock.now()) };
  overlay.record();
  const execution = await deps.executor.begin(
    blockContextOf(draft, chain.canonicalHash),
    irregular.over(createStateReader(overlay), parent.hash),
  );
  const order = createPoolOrder(pool, accounts, parent.hash);
  const pause = createPacer(clock);
  const executed = await fill(execution, parent.hash, order, clock, pause);
  if (executed.transactions.length === 0 && !input.mayBeEmpty) return undefined;
  const changes = irregular.join(execution.finish(), parent.hash);
  const run = { draft, parentRoot: parent.stateRoot, executed, changes };
  const completed = await completeHeader(deps, overlay, run, pause);
  const header = addSeal(completed, sealer.sign);
  const block: Block = { header, transactions: executed.transactions };
  const gone = irregular.index(overlay, parent.hash, header);
  const effects = appendBlock(overlay, block, executed, changes);
  await pause();
  for (const { table, key, value } of irregular.rows(parent.hash, header.hash)) overlay.put(table, key, value);
  return { block, effects: { ...effects, updated: [...effects.updated, ...gone] } };
}
