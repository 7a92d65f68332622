/**
 * Blocks on their way in: known ones are passed over, those without a parent wait, and headers are checked before
 * anything is kept. What is admitted stands in the tree of side blocks until fork choice takes it or it is evicted.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Block, SealedHeader } from "@counterpart/core/chain/types";
import { type BlockTree, createBlockTree, type TreeNode } from "@counterpart/core/consensus/block-tree";
import { checkHeader, isFromFuture, type PoaRules } from "@counterpart/core/consensus/poa";

export const SIDE_BLOCKS_MAX = 65_536;
const ORPHANS_MAX = 512;
const ORPHAN_TRANSACTIONS_MAX = 65_536;
const INVALID_MAX = 4_096;

export interface Fault {
  readonly hash: Hex;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface Admitted {
  readonly blocks: readonly Block[];
  readonly orphans: readonly Hex[];
  readonly faults: readonly Fault[];
  /** Side blocks that had to go. */
  readonly evicted: readonly TreeNode[];
}

export interface Admission {
  readonly tree: BlockTree;
  admit(blocks: readonly Block[], nowMs: number): Admitted;
  /** Removes a block whose execution failed, with its descendants, and remembers that it is invalid. */
  condemn(hash: Hex): readonly TreeNode[];
}

export interface AdmissionDeps {
  readonly rules: PoaRules;
  /** A held header by hash, canonical or side. */
  readonly header: (hash: Hex) => SealedHeader | undefined;
}

/** Blocks whose parents are not held, first come first dropped. */
function createOrphanage() {
  const orphans = new Map<Hex, Block>();
  let transactions = 0;
  const forget = (block: Block): void => {
    if (orphans.delete(block.header.hash)) transactions -= block.transactions.length;
  };
  return {
    keep(block: Block): void {
      forget(block);
      orphans.set(block.header.hash, block);
      transactions += block.transactions.length;
      while (orphans.size > ORPHANS_MAX || transactions > ORPHAN_TRANSACTIONS_MAX) {
        forget(orphans.values().next().value as Block);
      }
    },
    /** Takes the children of a block out. */
    adopt(parentHash: Hex): Block[] {
      const children = [...orphans.values()].filter(({ header }) => header.parentHash === parentHash);
      for (const child of children) forget(child);
      return children;
    },
  };
}

function faultOf(block: Block, error: unknown): Fault {
  if (!isCodedError(error)) throw error;
  return { hash: block.header.hash, code: error.code, message: error.message };
}

export function createAdmission({ rules, header }: AdmissionDeps): Admission {
  const tree = createBlockTree(SIDE_BLOCKS_MAX);
  const invalid = new Set<Hex>();
  const orphanage = createOrphanage();
  const condemnOne = (hash: Hex): void => {
    invalid.add(hash);
    if (invalid.size > INVALID_MAX) invalid.delete(invalid.values().next().value as Hex);
  };
  const check = (block: Block, parent: SealedHeader, nowMs: number): void => {
    if (isFromFuture(block.header, nowMs)) {
      throw new CodedError("FUTURE_BLOCK", `block ${block.header.number} is dated more than 60 s ahead of this clock`);
    }
    checkHeader(block.header, parent, rules);
  };

  return {
    tree,
    admit(blocks, nowMs) {
      const result = { blocks: [] as Block[], orphans: [] as Hex[], faults: [] as Fault[], evicted: [] as TreeNode[] };
      const fresh = new Map<Hex, SealedHeader>();
      const queue = [...blocks];
      for (let block = queue.shift(); block !== undefined; block = queue.shift()) {
        const { hash, parentHash, number } = block.header;
        if (fresh.has(hash) || header(hash) !== undefined) continue;
        if (invalid.has(hash) || invalid.has(parentHash)) {
          condemnOne(hash);
          result.faults.push({
            hash,
            code: "INVALID_BLOCK",
            message: "the block or its parent is known to be invalid",
          });
          continue;
        }
        const parent = fresh.get(parentHash) ?? header(parentHash);
        if (parent === undefined) {
          orphanage.keep(block);
          result.orphans.push(hash);
          continue;
        }
        try {
          check(block, parent, nowMs);
        } catch (error) {
          result.faults.push(faultOf(block, error));
          continue;
        }
        fresh.set(hash, block.header);
        result.blocks.push(block);
        result.evicted.push(...tree.add({ hash, parentHash, number }));
        queue.push(...orphanage.adopt(hash));
      }
      return { ...result, orphans: result.orphans.filter((hash) => !fresh.has(hash)) };
    },
    condemn(hash) {
      const removed = tree.removeBranch(hash);
      for (const node of removed) condemnOne(node.hash);
      return removed;
    },
  };
}
