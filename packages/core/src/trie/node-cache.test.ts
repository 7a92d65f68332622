import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { keccak256 } from "../crypto/crypto.ts";
import { BranchNode, encodeNode } from "./node.ts";
import { createNodeCache, type NodeCache } from "./node-cache.ts";

const branchOf = (n: number): BranchNode => {
  const children = Array.from({ length: 16 }, (_, nibble) =>
    nibble < 2 + (n % 15) ? new Uint8Array(32).fill(n + nibble) : undefined,
  );
  return new BranchNode(children);
};
const encodedOf = (n: number): Uint8Array => encodeNode(branchOf(n));
const hashOf = (n: number): Uint8Array => keccak256(Uint8Array.of(n >> 8, n));
/** What is held of the node with this number, encoded again. */
function heldOf(cache: NodeCache, n: number): Uint8Array | undefined {
  const node = cache.get(hashOf(n));
  return node && encodeNode(node);
}

describe("a cache of nodes", () => {
  test("holds no more bytes than it may, and longest what is asked for", () => {
    const bytesMax = 8_192;
    const cache = createNodeCache(bytesMax);
    for (let n = 0; n < 200; n++) {
      cache.add(hashOf(n), encodedOf(n));
      assert.deepEqual(heldOf(cache, 0), encodedOf(0));
      assert.deepEqual(heldOf(cache, n), encodedOf(n));
    }
    const held = Array.from({ length: 200 }, (_, n) => heldOf(cache, n)?.length ?? 0);
    const bytes = held.reduce((sum, size) => sum + size, 0);
    assert.ok(bytes > bytesMax / 4 && bytes <= bytesMax, `${bytes} bytes`);
  });

  test("does not take one hash for another that begins alike, and holds both", () => {
    const cache = createNodeCache(8_192);
    const hashes = [1, 2, 3].map((last) => new Uint8Array(32).fill(7).fill(last, 31));
    const [one, other, third] = hashes as [Uint8Array, Uint8Array, Uint8Array];
    cache.add(one, encodedOf(1));
    assert.equal(cache.get(other), undefined);
    cache.add(other, encodedOf(2));
    const found = [one, other].map((hash) => encodeNode(cache.get(hash) ?? assert.fail()));
    assert.deepEqual(found, [encodedOf(1), encodedOf(2)]);
    assert.equal(cache.get(third), undefined);
  });

  test("finds the last of many nodes whose hashes begin alike", () => {
    const cache = createNodeCache(65_536);
    for (let n = 0; n < 100; n++) {
      const hash = new Uint8Array(32).fill(7).fill(n, 31);
      cache.add(hash, encodedOf(n));
      assert.deepEqual(encodeNode(cache.get(hash) ?? assert.fail()), encodedOf(n));
    }
  });

  test("finds a hash in the middle of other bytes", () => {
    const cache = createNodeCache(8_192);
    cache.add(hashOf(1), encodedOf(1));
    const bytes = new Uint8Array(40);
    bytes.set(hashOf(1), 5);
    assert.ok(cache.get(bytes, 5));
    assert.equal(cache.get(bytes, 4), undefined);
  });

  test("does not hold what is larger than its room", () => {
    const cache = createNodeCache(512);
    cache.add(hashOf(14), encodedOf(14));
    assert.equal(cache.get(hashOf(14)), undefined);
    cache.add(hashOf(15), encodedOf(15));
    assert.ok(cache.get(hashOf(15)));
  });

  test("gives the nodes that were put, whatever was put besides", () => {
    const puts = fc.array(fc.nat(300), { maxLength: 400 });
    fc.assert(
      fc.property(puts, fc.integer({ min: 300, max: 40_000 }), (numbers, bytesMax) => {
        const cache = createNodeCache(bytesMax);
        for (const n of numbers) {
          cache.add(hashOf(n), encodedOf(n));
          assert.ok(encodedOf(n).length + 34 > bytesMax / 2 || heldOf(cache, n) !== undefined);
        }
        for (let n = 0; n < 301; n++) {
          const held = heldOf(cache, n);
          if (held !== undefined) assert.deepEqual(held, encodedOf(n));
          assert.ok(held === undefined || numbers.includes(n));
        }
      }),
      { numRuns: 50 },
    );
  });
});
