import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bytesToHex } from "../base/bytes.ts";
import { createMemoryTrie } from "./testing/memory-trie.ts";
import { walkTrie } from "./walk.ts";

const leaves = fc.uniqueArray(
  fc.tuple(fc.uint8Array({ minLength: 2, maxLength: 2 }), fc.uint8Array({ minLength: 1, maxLength: 40 })),
  {
    selector: ([key]) => bytesToHex(key),
  },
);

test("a walk gives the leaves in the order of their keys and passes every stored node once", () => {
  fc.assert(
    fc.property(leaves, (entries) => {
      const trie = createMemoryTrie();
      trie.apply(entries.map(([key, value]) => ({ key, value })));
      const passed: string[] = [];
      const found = [...walkTrie(trie.read, trie.root, (path) => passed.push(path))];
      const expected = entries.map(([key, value]) => [bytesToHex(key).slice(2), bytesToHex(value)]).sort();
      assert.deepEqual(
        found.map(({ key, value }) => [key, bytesToHex(value)]),
        expected,
      );
      assert.deepEqual(passed.sort(), [...trie.nodes.keys()].sort());
    }),
  );
});

test("a node that is missing or another one ends the walk with an error", () => {
  const trie = createMemoryTrie();
  trie.apply(
    Array.from({ length: 50 }, (_, n) => ({ key: new Uint8Array([n * 5, n]), value: new Uint8Array(40).fill(n) })),
  );
  const [path] = [...trie.nodes.keys()].filter((path) => path !== "");
  assert.ok(path !== undefined);
  const walk = (read: typeof trie.read): number => [...walkTrie(read, trie.root)].length;
  assert.equal(walk(trie.read), 50);
  assert.throws(() => walk((at) => (at === path ? undefined : trie.read(at))), { code: "INVALID_TRIE_NODE" });
  assert.throws(() => walk((at) => trie.read(at === path ? "" : at)), { code: "INVALID_TRIE_NODE" });
});
