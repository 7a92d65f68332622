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
  /** In no order. */
  nodes(): Iterable<TreeNode>;
  add(node: TreeNode): void;
  /** Gives up the worst tips when the limit is not kept, a portion at once, as that takes a look at all; returns them. */
  trim(): readonly TreeNode[];
  remove(hash: Hex): void;
  /** Removes a node and all its descendants, and returns them, the node first. */
  removeBranch(hash: Hex): readonly TreeNode[];
  /** The best node by fork choice. */
  best(): TreeNode | undefined;
  /** Nodes from the lowest one held to `hash`, in order of number. The parent of the first is outside the tree. */
  path(hash: Hex): readonly TreeNode[];
}

/** Of a full tree, what is given up at once. */
const PORTION = 1 / 64;

export function createBlockTree(sizeMax: number): BlockTree {
  const nodes = new Map<Hex, TreeNode>();
  const keptMax = sizeMax - Math.floor(sizeMax * PORTION);
  /** The best node as long as it is held; none that is held is better. */
  let top: TreeNode | undefined;

  /** Takes out the worst tip again and again; a parent without other children becomes a tip. */
  function* worstTips(): Iterable<TreeNode> {
    const children = new Map<Hex, number>();
    for (const { parentHash } of nodes.values()) children.set(parentHash, (children.get(parentHash) ?? 0) + 1);
    const tips = [...nodes.values()].filter(({ hash }) => !children.has(hash)).sort((a, b) => compareHeads(b, a));
    for (let worst = tips.pop(); worst !== undefined; worst = tips.pop()) {
      yield worst;
      const left = (children.get(worst.parentHash) ?? 0) - 1;
      children.set(worst.parentHash, left);
      const parent = nodes.get(worst.parentHash);
      if (left > 0 || parent === undefined) continue;
      const at = tips.findLastIndex((tip) => compareHeads(tip, parent) > 0);
      tips.splice(at + 1, 0, parent);
    }
  }
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
    nodes: () => nodes.values(),
    add(node) {
      nodes.set(node.hash, node);
      if (top !== undefined && compareHeads(node, top) > 0) top = node;
    },
    trim() {
      const evicted: TreeNode[] = [];
      if (nodes.size <= sizeMax) return evicted;
      for (const victim of worstTips()) {
        nodes.delete(victim.hash);
        evicted.push(victim);
        if (nodes.size <= keptMax) break;
      }
      return evicted;
    },
    remove: (hash) => void nodes.delete(hash),
    removeBranch,
    best() {
      if (top !== undefined && nodes.has(top.hash)) return top;
      top = undefined;
      for (const node of nodes.values()) if (top === undefined || compareHeads(node, top) > 0) top = node;
      return top;
    },
    path,
  };
}
