import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bigIntToFixedBytes, bytesToHex, type Hex } from "../base/bytes.ts";
import { createBlockTree, type TreeNode } from "./block-tree.ts";
import { compareHeads } from "./poa.ts";

const hash = (n: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(n), 32));
const node = (n: number, parent: number, number: number): TreeNode => ({
  hash: hash(n),
  parentHash: hash(parent),
  number,
});

/** A random tree above block 0: each block's parent is one of those before it. */
const forest = fc.array(fc.nat(), { minLength: 1, maxLength: 30 }).map((picks) => {
  const nodes: TreeNode[] = [];
  picks.forEach((pick, i) => {
    const parent = pick % (i + 1);
    nodes.push(node(i + 1, parent, parent === 0 ? 1 : (nodes[parent - 1] as TreeNode).number + 1));
  });
  return nodes;
});

test("the best node and its path do not depend on the order of arrival", () => {
  fc.assert(
    fc.property(
      forest.chain((nodes) => fc.tuple(fc.constant(nodes), fc.shuffledSubarray(nodes, { minLength: nodes.length }))),
      ([nodes, shuffled]) => {
        const tree = createBlockTree(100);
        for (const one of shuffled) tree.add(one);
        const best = [...nodes].sort(compareHeads).at(-1) as TreeNode;
        assert.equal(tree.best()?.hash, best.hash);
        const path = tree.path(best.hash);
        assert.equal(path[0]?.parentHash, hash(0));
        assert.deepEqual(
          path.map(({ number }) => number),
          path.map((_, i) => i + 1),
        );
      },
    ),
  );
});

test("removing a branch takes every descendant and nothing else", () => {
  fc.assert(
    fc.property(forest, fc.nat(), (nodes, pick) => {
      const tree = createBlockTree(100);
      for (const one of nodes) tree.add(one);
      const victim = nodes[pick % nodes.length] as TreeNode;
      const doomed = nodes.filter((one) => tree.path(one.hash).some((step) => step.hash === victim.hash));
      const removed = tree.removeBranch(victim.hash);
      assert.deepEqual(removed.map((one) => one.hash).sort(), doomed.map((one) => one.hash).sort());
      assert.equal(tree.size, nodes.length - doomed.length);
    }),
  );
});

test("however many are too many, the worst tip goes first, and a parent is one once its last child is gone", () => {
  fc.assert(
    fc.property(forest, fc.nat(30), (nodes, limit) => {
      const tree = createBlockTree(limit);
      for (const one of nodes) tree.add(one);
      const left = [...nodes];
      const worst: Hex[] = [];
      while (left.length > limit) {
        const tips = left.filter((one) => left.every(({ parentHash }) => parentHash !== one.hash));
        const [victim] = tips.sort(compareHeads) as [TreeNode];
        left.splice(left.indexOf(victim), 1);
        worst.push(victim.hash);
      }
      assert.deepEqual(
        tree.trim().map((one) => one.hash),
        worst,
      );
      assert.deepEqual([...tree.nodes()], left);
    }),
  );
});

test("a node that is removed alone is gone", () => {
  const tree = createBlockTree(2);
  tree.add(node(1, 0, 1));
  tree.remove(hash(1));
  assert.equal(tree.has(hash(1)), false);
});

test("beyond its limit the tree gives up the worst tips and stays connected", () => {
  fc.assert(
    fc.property(forest, fc.integer({ min: 1, max: 10 }), (nodes, limit) => {
      const tree = createBlockTree(limit);
      const held = new Set<Hex>();
      for (const one of nodes) {
        if (one.parentHash !== hash(0) && !held.has(one.parentHash)) continue;
        held.add(one.hash);
        tree.add(one);
        for (const evicted of tree.trim()) held.delete(evicted.hash);
        assert.ok(tree.size <= limit);
      }
      for (const at of held) assert.equal(tree.path(at)[0]?.parentHash, hash(0));
    }),
  );
});

test("the best of all that is held is known whatever comes and goes", () => {
  fc.assert(
    fc.property(forest, fc.array(fc.tuple(fc.boolean(), fc.nat())), (nodes, steps) => {
      const tree = createBlockTree(100);
      for (const [isAdded, pick] of steps) {
        const one = nodes[pick % nodes.length] as TreeNode;
        if (isAdded) tree.add(one);
        else tree.remove(one.hash);
        assert.equal(tree.best(), [...tree.nodes()].sort(compareHeads).at(-1));
      }
    }),
  );
});

test("a full tree looks at all that it holds once for many that come, and not for each", () => {
  const tree = createBlockTree(640);
  for (let n = 1; n <= 641; n++) tree.add(node(n, 0, 1));
  assert.equal(tree.trim().length, 11);
  let looks = 0;
  for (let n = 642; n < 692; n++) {
    tree.add(node(n, 0, 1));
    if (tree.trim().length > 0) looks++;
  }
  assert.deepEqual([looks, tree.size <= 640], [4, true]);
});
