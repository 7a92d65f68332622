/** The two ways in which the head moves: importing what others sealed, and sealing. Both end in `commit`. */

import { type Hex, hexToBytes, utf8ToBytes } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import { encodeBody } from "@counterpart/core/chain/block";
import { encodeHeader } from "@counterpart/core/chain/header";
import type { Block } from "@counterpart/core/chain/types";
import type { TreeNode } from "@counterpart/core/consensus/block-tree";
import { compareHeads, maySeal, VANITY_BYTES } from "@counterpart/core/consensus/poa";
import type { StoreWrite } from "@counterpart/core/ports/store";
import type { Admitted, Fault } from "./admission.ts";
import { buildBlock } from "./builder.ts";
import { contractCountRow } from "./contract-index.ts";
import type { EngineCore } from "./core.ts";
import type { Overlay } from "./overlay.ts";
import { numberKey } from "./rows.ts";
import { type Settlement, settle } from "./settle.ts";
import { createStateReader } from "./state.ts";
import { differenceOf, headersOf, prepareSwitch } from "./switcher.ts";
import type { HeadChange, ImportResult } from "./types.ts";

/** Blocks of a pure extension that one write takes. A reorganisation is always one write. */
const EXTENSION_BLOCKS_PER_WRITE = 64;
const VANITY = utf8ToBytes("counterpart".padEnd(VANITY_BYTES, "\0"));

interface Move {
  readonly overlay: Overlay;
  /** Lowest first. */
  readonly applied: readonly Block[];
  /** Lowest first. */
  readonly reverted: readonly Block[];
  readonly touched: ReadonlySet<Hex>;
  readonly sealedHere: boolean;
}

function announce(core: EngineCore, change: HeadChange, settlement: Settlement): void {
  core.emitter.emit("head", change);
  for (const { transaction, by } of settlement.conflicts) core.emitter.emit("conflicted", transaction.hash, by);
  for (const transaction of settlement.reinjected) core.emitter.emit("transaction", transaction, "reinjected");
}

/** The one write of a head change, then memory, then listeners. */
function commit(core: EngineCore, { overlay, applied, reverted, touched, sealedHere }: Move): void {
  const { store, pool, admission, chain, clock } = core;
  const settlement = settle(pool, applied, reverted, createStateReader(overlay), clock.now());
  const difference = differenceOf(store, overlay, touched);
  const count = core.contractCount + difference.contractsCreated.length - difference.contractsRemoved.length;
  store.write([...overlay.writes(), ...settlement.writes, contractCountRow(count)]);
  settlement.apply();
  core.contractCount = count;
  for (const { header } of applied) admission.tree.remove(header.hash);
  for (const { header } of reverted) admission.tree.add(header);
  core.head = chain.head();
  const revertedHeaders = headersOf(reverted).reverse();
  announce(core, { head: core.head, reverted: revertedHeaders, applied, ...difference, sealedHere }, settlement);
}

const sideRows = (blocks: readonly Block[]): StoreWrite[] =>
  blocks.flatMap(({ header, transactions }) => {
    const key = hexToBytes(header.hash);
    return [
      { table: "headers", key, value: encodeHeader(header) },
      { table: "bodies", key, value: encodeBody(transactions) },
      { table: "side", key, value: numberKey(header.number) },
    ] satisfies StoreWrite[];
  });

const forgetRows = (nodes: readonly TreeNode[]): StoreWrite[] =>
  nodes.flatMap(({ hash }) => {
    const key = hexToBytes(hash);
    return (["headers", "bodies", "side"] as const).map((table): StoreWrite => ({ table, key, value: null }));
  });

function branchTo(core: EngineCore, best: TreeNode, fresh: ReadonlyMap<Hex, Block>): Block[] {
  const path = core.admission.tree.path(best.hash);
  const isExtension = path[0]?.parentHash === core.head.hash;
  return (isExtension ? path.slice(0, EXTENSION_BLOCKS_PER_WRITE) : path).map(({ hash }) => {
    const block = fresh.get(hash) ?? core.chain.block(hash);
    assert(block !== undefined, `side block ${hash} is not held`);
    return block;
  });
}

/** Follows fork choice until the head is the best of all held blocks; returns what proved to be invalid. */
async function advance(core: EngineCore, fresh: ReadonlyMap<Hex, Block>): Promise<Fault[]> {
  const { tree } = core.admission;
  const faults: Fault[] = [];
  for (let best = tree.best(); best !== undefined && compareHeads(best, core.head) > 0; best = tree.best()) {
    const applied = branchTo(core, best, fresh);
    const outcome = await prepareSwitch(core.processor, core.store, applied);
    if (outcome.kind === "ready") {
      commit(core, { ...outcome, applied, sealedHere: false });
      continue;
    }
    const condemned = core.admission.condemn(outcome.hash);
    core.store.write(forgetRows(condemned));
    for (const { hash } of condemned) faults.push({ hash, code: "INVALID_BLOCK", message: outcome.message });
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
    // What was not written is not held: it may come again.
    admission.forget(admitted.blocks);
    throw error;
  }
}

async function importAdmitted(core: EngineCore, admitted: Admitted): Promise<ImportResult> {
  const { admission, store } = core;
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

/** Seals one block of executable transactions; undefined when there is none. Only within the writer queue. */
export async function sealBlock(core: EngineCore): Promise<Block | undefined> {
  const { processor, store, pool, sealer, signers } = core;
  const offered = [...pool.untried];
  const built = maySeal({ signers }, sealer.address)
    ? await buildBlock({ deps: processor, store, pool, sealer, vanity: VANITY })
    : undefined;
  pool.noteTried(offered);
  if (built === undefined) return undefined;
  const { block, overlay, index } = built;
  const touched = new Set([...index.created, ...index.updated]);
  commit(core, { overlay, applied: [block], reverted: [], touched, sealedHere: true });
  return block;
}
