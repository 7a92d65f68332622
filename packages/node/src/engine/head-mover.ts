/** The two ways in which the head moves: importing what others sealed, and sealing. Both end in `commit`. */

import { type Hex, utf8ToBytes } from "@counterpart/core/base/bytes";
import { dropOldest } from "@counterpart/core/base/drop-oldest";
import { assert } from "@counterpart/core/base/errors";
import { encodeBlock } from "@counterpart/core/chain/block";
import type { Block, SealedHeader, Transaction } from "@counterpart/core/chain/types";
import type { TreeNode } from "@counterpart/core/consensus/block-tree";
import { compareHeads, maySeal, VANITY_BYTES } from "@counterpart/core/consensus/poa";
import { withCrypto } from "@counterpart/core/crypto/crypto";
import { createPortableCrypto } from "@counterpart/core/crypto/portable";
import type { StateReader } from "@counterpart/core/execution/types";
import type { StoreWrite } from "@counterpart/core/ports/store";
import type { Admitted, Fault } from "./admission.ts";
import { buildBlock } from "./builder.ts";
import { contractCountRow } from "./contract-index.ts";
import type { EngineCore } from "./core.ts";
import { createOverlay } from "./overlay.ts";
import { createPacer } from "./pacer.ts";
import { forkBelowHistory } from "./retreat.ts";
import { createNonceUses, type Settlement, settle } from "./settle.ts";
import { forgetRows, sideRows } from "./side-blocks.ts";
import { createStateReader } from "./state.ts";
import {
  appliedBlock,
  type Branch,
  differenceOf,
  EXTENSION_BYTES_PER_WRITE,
  type Move,
  prepareSwitch,
  type SwitchOutcome,
} from "./switcher.ts";
import type { AppliedBlock, HeadChange, ImportResult } from "./types.ts";

/** Blocks of a pure extension that one write takes. A reorganisation is always one write. */
export const EXTENSION_BLOCKS_PER_WRITE = 64;
/** Blocks that execution contradicted and that are kept as evidence; each is as large as a block may be. */
const REFUSED_MAX = 16;
const VANITY = utf8ToBytes("counterpart".padEnd(VANITY_BYTES, "\0"));

export function announce(core: EngineCore, change: HeadChange, settlement: Settlement): void {
  core.emitter.emit("head", change);
  for (const { transaction, by } of settlement.conflicts) core.emitter.emit("conflicted", transaction.hash, by);
  for (const transaction of settlement.reinjected) core.emitter.emit("transaction", transaction, "reinjected");
}

/** To be called before the write. Of blocks of which nothing but the headers is held there is nothing to look at. */
export function announceLeaving({ emitter }: EngineCore, reverted: readonly SealedHeader[]): void {
  if (reverted.length > 0) emitter.emit("leaving", reverted);
}

function* rowsOf({ overlay }: Move, settlement: Settlement, contractCount: number): Iterable<StoreWrite> {
  yield* overlay.writes();
  yield* settlement.writes;
  yield contractCountRow(contractCount);
}

/** The one write of a head change, then memory, then listeners. */
function commit(core: EngineCore, move: Move, sealedHere: boolean): void {
  const { store, admission, chain, clock } = core;
  const { overlay, applied, reverted, returned, nonces } = move;
  const settlement = settle(core, nonces, returned, createStateReader(overlay), clock.now());
  const difference = differenceOf(store, overlay, move.touched);
  const count = core.contractCount + difference.contractsCreated.length - difference.contractsRemoved.length;
  announceLeaving(core, reverted);
  for (const views of Object.values(core.views)) {
    if (reverted.length > 0) views.clear();
    else views.beforeWrite(overlay.writes());
  }
  store.write(rowsOf(move, settlement, count));
  if (reverted.length > 0) core.accounts.clear();
  else core.accounts.forget(nonces.accounts);
  settlement.apply();
  core.contractCount = count;
  for (const { header } of applied) admission.tree.remove(header.hash);
  for (const header of reverted) admission.tree.add(header);
  core.head = chain.head();
  announce(core, { head: core.head, reverted, applied, ...difference, sealedHere }, settlement);
}

function branchTo(core: EngineCore, best: TreeNode, fresh: ReadonlyMap<Hex, Block>): Branch {
  const path = core.admission.tree.path(best.hash);
  const isExtension = path[0]?.parentHash === core.head.hash;
  return {
    path: (isExtension ? path.slice(0, EXTENSION_BLOCKS_PER_WRITE) : path).map(({ hash }) => hash),
    load(hash) {
      const block = fresh.get(hash) ?? core.chain.block(hash);
      assert(block !== undefined, `block ${hash} is not held`);
      return block;
    },
  };
}

/**
 * Executes a branch. Before a block is refused it is executed once more, with portable cryptography, and with every value
 * that it reads held against the tries: a block is not blamed for this machine's faults.
 * @throws CodedError `STORE_CORRUPT` when the rows here are at fault
 */
async function execute(core: EngineCore, branch: Branch): Promise<SwitchOutcome> {
  const { processor, store, logger, metrics } = core;
  const first = await prepareSwitch(processor, store, branch);
  if (first.kind === "ready") return first;
  const { hash, number } = first.block.header;
  const second = await withCrypto(createPortableCrypto(), () => prepareSwitch(processor, store, branch, hash));
  metrics.repeated.add({ outcome: second.kind === "ready" ? "agreed" : "refused" });
  if (second.kind === "ready") {
    const { message } = first.contradiction;
    logger.error("two executions of a block differ: memory or native cryptography fail here", {
      number,
      hash,
      message,
    });
  }
  return second;
}

/** Condemns a block with its descendants, and keeps what speaks for and against it. */
function refuse(core: EngineCore, { block, contradiction }: Extract<SwitchOutcome, { kind: "refused" }>): Fault[] {
  const { message, computed, executed } = contradiction;
  const { header } = block;
  const outcomes = executed.receipts.map((receipt, at) => {
    return { transaction: (executed.transactions[at] as Transaction).hash, receipt };
  });
  const encoded = encodeBlock(block);
  core.refused.set(header.hash, { header, encoded, message, outcomes, ...(computed && { computed }) });
  dropOldest(core.refused, REFUSED_MAX);
  const condemned = core.admission.condemn(header);
  core.store.write(forgetRows(condemned));
  const refused = { hash: header.hash, number: header.number };
  return condemned.map(({ hash }) => ({ hash, code: "INVALID_BLOCK", message, refused }));
}

/** A branch that forks off below the state that was taken over has to wait for the state there. Follows fork choice until the head is the best of all held blocks; returns what proved to be invalid. */
export async function advance(core: EngineCore, fresh: ReadonlyMap<Hex, Block>): Promise<Fault[]> {
  const { tree } = core.admission;
  const faults: Fault[] = [];
  for (let best = tree.best(); best !== undefined && compareHeads(best, core.head) > 0; best = tree.best()) {
    if (forkBelowHistory(core) !== undefined) break;
    const outcome = await execute(core, branchTo(core, best, fresh));
    if (outcome.kind === "ready") commit(core, outcome.move, false);
    else faults.push(...refuse(core, outcome));
  }
  return faults;
}

/** Keeps blocks in any order and moves the head where fork choice says. Only within the writer queue. */
export async function importBlocks(core: EngineCore, blocks: readonly Block[]): Promise<ImportResult> {
  const { admission, clock } = core;
  const admitted = admission.admit(blocks, clock.now());
  try {
    return await importAdmitted(core, admitted);
  } catch (error) {
    // What was not written is not held: it may come again. What was not removed is.
    admission.forget(admitted.blocks);
    for (const node of admitted.evicted) admission.tree.add(node);
    throw error;
  }
}

async function importAdmitted(core: EngineCore, admitted: Admitted): Promise<ImportResult> {
  const { admission, store, metrics } = core;
  metrics.dropped.add({ reason: "side" }, admitted.evicted.length);
  const fresh = new Map(admitted.blocks.map((block) => [block.header.hash, block]));
  const faults = await advance(core, fresh);
  const waiting = admitted.blocks.filter(({ header }) => admission.tree.has(header.hash));
  const rows = [...sideRows(waiting), ...forgetRows(admitted.evicted)];
  if (rows.length > 0) store.write(rows);
  return {
    added: admitted.blocks.length - faults.filter(({ hash }) => fresh.has(hash)).length,
    orphans: admitted.orphans,
    invalid: [...admitted.faults, ...faults],
  };
}

/** What blocks that are sealed with one write have in common. */
export interface SealPlan {
  /** The write ends earlier when it is large. */
  readonly blocksMax: number;
  /** Whether a block is sealed though no transaction can be included. */
  readonly mayBeEmpty: boolean;
  /** Hears of each block before it is built: its parent, and how many of this write are before it. */
  readonly before?: (parent: SealedHeader, index: number) => void;
}

/** Builds blocks upon each other on an overlay. */
async function buildMove(core: EngineCore, { blocksMax, mayBeEmpty, before }: SealPlan): Promise<Move> {
  const { processor, store, pool, sealer, irregular, clock } = core;
  const overlay = createOverlay(store);
  const nonces = createNonceUses();
  const [applied, touched]: [AppliedBlock[], Set<Hex>] = [[], new Set()];
  const pause = createPacer(clock);
  let parent = core.head;
  let accounts: Pick<StateReader, "account"> = core.accounts;
  while (applied.length < blocksMax && overlay.bytes <= EXTENSION_BYTES_PER_WRITE) {
    await pause();
    before?.(parent, applied.length);
    const input = { deps: processor, overlay, pool, accounts, sealer, vanity: VANITY, irregular, mayBeEmpty };
    const built = await buildBlock(input);
    if (built === undefined) break;
    const { block, effects } = built;
    irregular.sealed(block.header, clock.now());
    nonces.note(block, effects.accounts);
    applied.push(appliedBlock(block.header, block.transactions, () => block));
    for (const address of [...effects.created, ...effects.updated]) touched.add(address);
    parent = block.header;
    accounts = createStateReader(overlay);
  }
  return { overlay, applied, nonces, reverted: [], returned: [], touched };
}

/**
 * Seals blocks of executable transactions, with one write. Only within the writer queue.
 * @returns none where there is nothing to seal, or this node may not
 */
export async function sealBlocks(core: EngineCore, plan: SealPlan): Promise<readonly Block[]> {
  const { pool, sealer, signers, chain, irregular } = core;
  const offered = [...pool.untried];
  const parent = core.head.hash;
  const putBack = irregular.remember();
  try {
    const move = maySeal({ signers }, sealer.address) ? await buildMove(core, plan) : undefined;
    pool.noteTried(offered);
    if (move === undefined || move.applied.length === 0) return [];
    assert(chain.head().hash === parent, "the head moved while a block was being built");
    commit(core, move, true);
    return move.applied.map(({ load }) => load());
  } catch (error) {
    putBack();
    throw error;
  }
}

/** Seals one block of executable transactions; undefined when there is none. Only within the writer queue. */
export async function sealBlock(core: EngineCore): Promise<Block | undefined> {
  const [block] = await sealBlocks(core, { blocksMax: 1, mayBeEmpty: false });
  return block;
}
