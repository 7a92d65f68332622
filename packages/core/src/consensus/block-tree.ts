/**
 * Blocks that are held but not canonical, and which of them is the best head. Bounded: beyond the limit the worst
 * tip goes first, so that what stays is always connected to the canonical chain.
 */

import type { Hex } from "../base/bytes.ts";
import { compareHeads, type Tip } from "./poa.ts";

export interface TreeNode extends Tip {
  readonly parentHash: Hex;
}

export interface BlockTree {
  readonly size: number;
  has(hash: Hex): boolean;
  add(node: TreeNode): void;
  /** Gives up the worst tips until the limit is kept; returns them. */
  trim(): readonly TreeNode[];
  remove(hash: Hex): void;
  /** Removes a node and all its descendants, and returns them, the node first. */
  removeBranch(hash: Hex): readonly TreeNode[];
  /** The best node by fork choice. */
  best(): TreeNode | undefined;
  /** Nodes from the lowest one held to `hash`, in order of number. The parent of the first is outside the tree. */
  path(hash: Hex): readonly TreeNode[];
}

export function createBlockTree(sizeMax: number): BlockTree {
  const nodes = new Map<Hex, TreeNode>();

  const worstTip = (): TreeNode | undefined => {
    const parents = new Set([...nodes.values()].map((node) => node.parentHash));
    let found: TreeNode | undefined;
    for (const node of nodes.values()) {
      if (!parents.has(node.hash) && (found === undefined || compareHeads(node, found) < 0)) found = node;
    }
    return found;
  };
  const removeBranch = (hash: Hex): TreeNode[] => {
    const children = Map.groupBy(nodes.values(), ({ parentHash }) => parentHash);
    const removed: TreeNode[] = [];
    const doomed = [hash];
    for (let next = doomed.pop(); next !== undefined; next = doomed.pop()) {
      const node = nodes.get(next);
      if (node !== undefined) removed.push(node);
      nodes.delete(next);
      for (const child of children.get(next) ?? []) doomed.push(child.hash);
    }
    return removed;
  };
  const path = (hash: Hex): TreeNode[] => {
    const steps: TreeNode[] = [];
    for (let node = nodes.get(hash); node !== undefined; node = nodes.get(node.parentHash)) steps.push(node);
    return steps.reverse();
  };

  return {
    get size() {
      return nodes.size;
    },
    has: (hash) => nodes.has(hash),
    add: (node) => void nodes.set(node.hash, node),
    trim() {
      const evicted: TreeNode[] = [];
      while (nodes.size > sizeMax) {
        const victim = worstTip();
        if (victim === undefined) break;
        nodes.delete(victim.hash);
        evicted.push(victim);
      }
      return evicted;
    },
    remove: (hash) => void nodes.delete(hash),
    removeBranch,
    best() {
      let found: TreeNode | undefined;
      for (const node of nodes.values()) if (found === undefined || compareHeads(node, found) > 0) found = node;
      return found;
    },
    path,
  };
}
