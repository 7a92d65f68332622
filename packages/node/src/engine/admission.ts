/**
 * Blocks on their way in: known ones are passed over, those without a parent wait, and headers are checked before
 * anything is kept. What is admitted stands in the tree of side blocks until fork choice takes it or it is evicted.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { dropOldest } from "@counterpart/core/base/drop-oldest";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Block, SealedHeader } from "@counterpart/core/chain/types";
import { type BlockTree, createBlockTree, type TreeNode } from "@counterpart/core/consensus/block-tree";
import { checkHeader, isFromFuture, type PoaRules, type Tip } from "@counterpart/core/consensus/poa";

export const SIDE_BLOCKS_MAX = 65_536;
const ORPHANS_MAX = 512;
const ORPHAN_BYTES_MAX = 16 * 1024 * 1024;
/** What a block without transactions counts as. */
const HEADER_BYTES = 1_024;
const INVALID_MAX = 4_096;

export interface Fault {
  readonly hash: Hex;
  readonly code: ErrorCode;
  readonly message: string;
  /** The block that execution here contradicts: this one, or the ancestor for which this one is refused. */
  readonly refused?: Tip;
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
  /** Takes blocks out that could not be written after all. */
  forget(blocks: readonly Block[]): void;
  /** Removes a block whose execution failed, with its descendants, and remembers that it is invalid. */
  condemn(block: Tip): readonly TreeNode[];
}

export interface AdmissionDeps {
  readonly rules: PoaRules;
  /** A held header by hash, canonical or side. */
  readonly header: (hash: Hex) => SealedHeader | undefined;
  readonly isCanonical: (hash: Hex) => boolean;
  readonly sideBlocksMax?: number;
  /** A block that waited for its parent gave way to others. */
  readonly onOrphanDropped?: () => void;
}

/** Blocks whose parents are not held, first come first dropped. */
function createOrphanage(onDropped: () => void) {
  const orphans = new Map<Hex, Block>();
  let bytes = 0;
  const sizeOf = ({ transactions }: Block): number =>
    transactions.reduce((sum, { raw }) => sum + raw.length, HEADER_BYTES);
  const forget = (block: Block): void => {
    if (orphans.delete(block.header.hash)) bytes -= sizeOf(block);
  };
  return {
    keep(block: Block): void {
      forget(block);
      orphans.set(block.header.hash, block);
      bytes += sizeOf(block);
      while (orphans.size > ORPHANS_MAX || bytes > ORPHAN_BYTES_MAX) {
        forget(orphans.values().next().value as Block);
        onDropped();
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

function faultOf(block: Block, error: unknown, refused: Tip | undefined): Fault {
  if (!isCodedError(error)) throw error;
  const { hash } = block.header;
  return { hash, code: error.code, message: error.message, ...(refused === undefined ? {} : { refused }) };
}

export function createAdmission({
  rules,
  header,
  isCanonical,
  sideBlocksMax = SIDE_BLOCKS_MAX,
  onOrphanDropped = () => {},
}: AdmissionDeps): Admission {
  const tree = createBlockTree(sideBlocksMax);
  /** Block → the one that execution contradicted, itself or an ancestor. */
  const invalid = new Map<Hex, Tip>();
  const orphanage = createOrphanage(onOrphanDropped);
  const condemnOne = (hash: Hex, refused: Tip): void => {
    invalid.set(hash, refused);
    dropOldest(invalid, INVALID_MAX);
  };
  const check = (block: Block, parent: SealedHeader, nowMs: number): void => {
    if (isFromFuture(block.header, nowMs)) {
      throw new CodedError("FUTURE_BLOCK", `block ${block.header.number} is dated more than 60 s ahead of this clock`);
    }
    checkHeader(block.header, parent, rules);
  };

  /** The parent's header where the branch from the canonical chain to it is whole. */
  const parentOf = (
    { header: { parentHash } }: Block,
    fresh: ReadonlyMap<Hex, SealedHeader>,
  ): SealedHeader | undefined =>
    fresh.get(parentHash) ?? (tree.has(parentHash) || isCanonical(parentHash) ? header(parentHash) : undefined);
  /** @throws CodedError for a block that is not to be kept */
  const place = (block: Block, fresh: Map<Hex, SealedHeader>, nowMs: number): "known" | "orphan" | "fresh" => {
    const { hash, parentHash, number } = block.header;
    if (fresh.has(hash) || tree.has(hash) || isCanonical(hash)) return "known";
    const refused = invalid.get(hash) ?? invalid.get(parentHash);
    if (refused !== undefined) {
      condemnOne(hash, refused);
      throw new CodedError("INVALID_BLOCK", "the block or its parent is known to be invalid");
    }
    const parent = parentOf(block, fresh);
    if (parent === undefined) {
      orphanage.keep(block);
      return "orphan";
    }
    check(block, parent, nowMs);
    fresh.set(hash, block.header);
    tree.add({ hash, parentHash, number });
    return "fresh";
  };

  return {
    tree,
    admit(blocks, nowMs) {
      const [taken, orphans, faults]: [Block[], Hex[], Fault[]] = [[], [], []];
      const fresh = new Map<Hex, SealedHeader>();
      const queue = [...blocks];
      for (let block = queue.shift(); block !== undefined; block = queue.shift()) {
        try {
          const became = place(block, fresh, nowMs);
          if (became === "orphan") orphans.push(block.header.hash);
          if (became !== "fresh") continue;
          taken.push(block);
          queue.push(...orphanage.adopt(block.header.hash));
        } catch (error) {
          faults.push(faultOf(block, error, invalid.get(block.header.hash)));
        }
      }
      // Only now: a tip that would go may be the parent of a block that comes in with it.
      const evicted = tree.trim();
      return {
        blocks: taken.filter(({ header: { hash } }) => tree.has(hash)),
        orphans: orphans.filter((hash) => !fresh.has(hash)),
        faults,
        evicted,
      };
    },
    forget(blocks) {
      for (const { header: one } of blocks) if (header(one.hash) === undefined) tree.remove(one.hash);
    },
    condemn({ hash, number }) {
      const removed = tree.removeBranch(hash);
      // The root last: what is forgotten first is what only follows from it.
      for (const node of [...removed].reverse()) condemnOne(node.hash, { hash, number });
      return removed;
    },
  };
}
