import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMPT } from "@ethereumjs/mpt";
import fc from "fast-check";
import { bytesToHex, equalBytes, hexToBytes, utf8ToBytes } from "../base/bytes.ts";
import { isCodedError } from "../base/errors.ts";
import { keccak256 } from "../crypto/crypto.ts";
import { keyToNibbles } from "./nibbles.ts";
import { decodeNode } from "./node.ts";
import { createNodeCache } from "./node-cache.ts";
import { reachablePaths, trieBatch, trieKey, triePuts, trieValue } from "./testing/arbitraries.ts";
import { createMemoryTrie, type MemoryTrie } from "./testing/memory-trie.ts";
import { EMPTY_TRIE_ROOT, type TrieChange } from "./types.ts";
import { updateTrie } from "./update.ts";

const put = (key: string, value: string): TrieChange => ({ key: utf8ToBytes(key), value: utf8ToBytes(value) });
const removal = (key: string): TrieChange => ({ key: utf8ToBytes(key), value: null });

function assertHoldsExactlyItsNodes(trie: MemoryTrie): void {
  assert.deepEqual([...trie.nodes.keys()].sort(), reachablePaths(trie, hexToBytes(trie.root)).sort());
  if (trie.root === EMPTY_TRIE_ROOT) assert.equal(trie.nodes.size, 0);
}

function trieOf(...batches: (readonly TrieChange[])[]): MemoryTrie {
  const trie = createMemoryTrie();
  for (const batch of batches) trie.apply(batch);
  return trie;
}

/** What a map would hold after the changes. */
function contentOf(batches: readonly (readonly TrieChange[])[]): Map<string, TrieChange> {
  const content = new Map<string, TrieChange>();
  for (const change of batches.flat()) {
    if (change.value === null || change.value.length === 0) content.delete(bytesToHex(change.key));
    else content.set(bytesToHex(change.key), change);
  }
  return content;
}

describe("updating a trie", () => {
  test("gives the roots of @ethereumjs/mpt after every batch, and the store holds exactly the trie's nodes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(trieBatch, { minLength: 1, maxLength: 5 }), async (batches) => {
        const trie = createMemoryTrie();
        for (const [at, batch] of batches.entries()) {
          trie.apply(batch);
          // Made anew: after removals, where one key is the start of another, its root depends on what was there before.
          const reference = await createMPT();
          for (const { key, value } of contentOf(batches.slice(0, at + 1)).values()) await reference.put(key, value);
          assert.equal(trie.root, bytesToHex(reference.root()));
          assertHoldsExactlyItsNodes(trie);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("depends on the content alone: not on the order of changes, their grouping, or what was there before", () => {
    fc.assert(
      fc.property(fc.array(trieBatch, { maxLength: 4 }), fc.infiniteStream(fc.nat()), (batches, random) => {
        const trie = trieOf(...batches);
        const shuffled = [...contentOf(batches).values()]
          .map((change) => ({ change, rank: random.next().value }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ change }) => change);
        const inOne = trieOf(shuffled);
        const oneByOne = trieOf(...shuffled.map((change) => [change]));
        assert.equal(inOne.root, trie.root);
        assert.equal(oneByOne.root, trie.root);
        assert.deepEqual(new Map([...inOne.nodes].sort()), new Map([...trie.nodes].sort()));
        assert.deepEqual(new Map([...oneByOne.nodes].sort()), new Map([...trie.nodes].sort()));
      }),
      { numRuns: 200 },
    );
  });

  test("is undone by the inverse batch, down to the stored bytes", () => {
    fc.assert(
      fc.property(triePuts, trieBatch, (puts, batch) => {
        const trie = trieOf(puts);
        const rootBefore = trie.root;
        const nodesBefore = new Map(trie.nodes);
        const content = contentOf([puts]);
        trie.apply(batch);
        trie.apply(batch.map(({ key }) => content.get(bytesToHex(key)) ?? { key, value: null }));
        assert.equal(trie.root, rootBefore);
        assert.equal(trie.nodes.size, nodesBefore.size);
        for (const [path, node] of nodesBefore) assert.deepEqual(trie.nodes.get(path), node);
      }),
      { numRuns: 300 },
    );
  });

  test("lists only what really differs from the stored nodes", () => {
    fc.assert(
      fc.property(triePuts, trieBatch, (puts, batch) => {
        const trie = trieOf(puts);
        const before = new Map(trie.nodes);
        for (const [path, node] of trie.apply(batch).nodes) {
          const held = before.get(path);
          if (node === null) assert.ok(held, `removes nothing at ${path}`);
          else assert.ok(!held || !equalBytes(held, node), `rewrites the same at ${path}`);
        }
        assert.equal(trie.apply(batch).nodes.size, 0);
        assert.deepEqual(trie.apply([]), { root: trie.root, nodes: new Map() });
      }),
      { numRuns: 200 },
    );
  });

  test("reads only the nodes on the way to a key that it puts, each once", () => {
    fc.assert(
      fc.property(triePuts, trieKey, trieValue, (puts, key, value) => {
        const trie = trieOf(puts);
        const paths: string[] = [];
        const reader = (path: string): Uint8Array | undefined => {
          paths.push(path);
          return trie.read(path);
        };
        updateTrie(reader, trie.root, [{ key, value }]);
        for (const path of paths) assert.ok(keyToNibbles(key).startsWith(path), `read ${path}`);
        assert.equal(new Set(paths).size, paths.length);
      }),
      { numRuns: 100 },
    );
  });

  test("gives the same whatever is thought of what its leaves hold", () => {
    fc.assert(
      fc.property(triePuts, trieBatch, fc.infiniteStream(fc.nat(3)), (puts, batch, guesses) => {
        const trie = trieOf(puts);
        const content = contentOf([puts]);
        const guess = ({ key }: TrieChange): Uint8Array | null | undefined => {
          const held = content.get(bytesToHex(key))?.value ?? null;
          return [held, undefined, null, utf8ToBytes("something else")][guesses.next().value];
        };
        const guessed = batch.map((change) => ({ ...change, before: guess(change) }));
        const update = updateTrie(trie.read, trie.root, guessed as TrieChange[]);
        assert.deepEqual(update, updateTrie(trie.read, trie.root, batch));
      }),
      { numRuns: 300 },
    );
  });

  test("reads no leaf whose value it was told", () => {
    const keys = Array.from({ length: 200 }, (_, n) => keccak256(Uint8Array.of(n)));
    const value = utf8ToBytes("a value that is too long to be embedded in a branch");
    const trie = trieOf(keys.map((key) => ({ key, value })));
    const readKinds = (before: Uint8Array | undefined): string[] => {
      const kinds: string[] = [];
      const reader = (path: string): Uint8Array | undefined => {
        const bytes = trie.read(path);
        kinds.push(decodeNode(bytes as Uint8Array).kind);
        return bytes;
      };
      const changes = keys.map((key) => ({ key, value: utf8ToBytes("new"), ...(before && { before }) }));
      updateTrie(reader, trie.root, changes);
      return kinds;
    };
    assert.equal(readKinds(undefined).filter((kind) => kind === "leaf").length, 200);
    assert.deepEqual(new Set(readKinds(value)), new Set(["branch"]));
    assert.equal(readKinds(utf8ToBytes("another")).filter((kind) => kind === "leaf").length, 200);
  });

  test("leaves the nodes of older tries as they are, in memory as well", () => {
    fc.assert(
      fc.property(triePuts, trieBatch, trieBatch, (puts, one, other) => {
        const trie = trieOf(puts);
        const cache = createNodeCache(100_000);
        const stored = new Map([...trie.nodes].map(([path, node]) => [path, node.slice()]));
        const fresh = [one, other, one].map((batch) => updateTrie(trie.read, trie.root, batch));
        const cached = [one, other, one].map((batch) => updateTrie(trie.read, trie.root, batch, cache));
        assert.deepEqual(cached, fresh);
        assert.deepEqual(trie.nodes, stored);
      }),
      { numRuns: 300 },
    );
  });

  test("lets the last change of a key win and takes an empty value for a removal", () => {
    assert.equal(trieOf([put("dog", "one"), put("dog", "two")]).root, trieOf([put("dog", "two")]).root);
    assert.equal(trieOf([put("dog", "one"), removal("dog")]).root, EMPTY_TRIE_ROOT);
    assert.equal(trieOf([removal("dog"), put("dog", "one")]).root, trieOf([put("dog", "one")]).root);
    assert.equal(trieOf([put("dog", "one")], [put("dog", "")]).root, EMPTY_TRIE_ROOT);
  });

  test("keeps a root shorter than a hash stored, at the empty path", () => {
    const trie = trieOf([put("a", "b")]);
    assert.deepEqual([...trie.nodes.keys()], [""]);
    assert.ok((trie.nodes.get("")?.length ?? 32) < 32);
    assert.deepEqual([...trie.apply([removal("a")]).nodes], [["", null]]);
  });

  test("holds the empty key, and keys that are prefixes of others", () => {
    const keys = ["", "d", "do", "dog", "dogs"];
    const trie = trieOf(keys.map((key) => put(key, `value of ${key}`)));
    assertHoldsExactlyItsNodes(trie);
    for (const key of keys) {
      trie.apply([removal(key)]);
      assertHoldsExactlyItsNodes(trie);
    }
    assert.equal(trie.root, EMPTY_TRIE_ROOT);
  });

  test("rejects a key longer than 32 bytes", () => {
    assert.throws(
      () => trieOf([{ key: new Uint8Array(33), value: Uint8Array.of(1) }]),
      (error) => isCodedError(error, "INVARIANT_BROKEN"),
    );
  });

  test("rejects missing, altered and misplaced nodes", () => {
    const long = "a value that is too long to be embedded in a branch";
    const keys = ["horse", "house", "mouse", "moose"];
    const trie = trieOf(keys.map((key) => put(key, long + key)));
    assert.ok(trie.nodes.size > 4);
    const everyKey = keys.map((key) => put(key, "new"));
    const invalid = (error: unknown): boolean => isCodedError(error, "INVALID_TRIE_NODE");
    for (const [at, node] of trie.nodes) {
      const with_ = (other: Uint8Array | undefined) => (path: string) => (path === at ? other : trie.read(path));
      const altered = node.slice();
      altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
      for (const other of [undefined, altered, new Uint8Array(0), node.subarray(1), Uint8Array.of(0x80)]) {
        assert.throws(() => updateTrie(with_(other), trie.root, everyKey), invalid);
      }
    }
    assert.throws(() => updateTrie(trie.read, trieOf([put("x", "y")]).root, everyKey), invalid);
  });
});
