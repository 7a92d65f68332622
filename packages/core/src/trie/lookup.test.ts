import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesToHex, type Hex } from "../base/bytes.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { keccak256 } from "../crypto/crypto.ts";
import type { WantedNode } from "./difference.ts";
import { createTrieLookup, type SeenNode, seenToward, type TrieLookup } from "./lookup.ts";
import { encodeCompact } from "./nibbles.ts";
import { decodeNode } from "./node.ts";
import { createMemoryTrie, type MemoryTrie } from "./testing/memory-trie.ts";
import { EMPTY_TRIE_ROOT, type NibblePath } from "./types.ts";

const keyOf = (n: number): Uint8Array => keccak256(Uint8Array.of(n >> 8, n));
const nibblesOf = (key: Uint8Array): NibblePath => bytesToHex(key).slice(2);
const leafOf = (n: number): Uint8Array => new Uint8Array(1 + (n % 40)).fill(n + 1);

/** Gives the lookup what it wants, some of it only the second time; what it found and what it asked for. */
function run(lookup: TrieLookup, trie: MemoryTrie, max = 7) {
  const asked: NibblePath[] = [];
  const found = new Map<NibblePath, Hex | null>();
  for (let turn = 0; !lookup.isDone; turn++) {
    const wanted = lookup.take(max);
    const given = turn % 2 === 0 ? wanted.slice(0, -1) : wanted;
    for (const { path, hash } of given) {
      const bytes = trie.read(path);
      assert.ok(bytes !== undefined);
      assert.equal(bytesToHex(keccak256(bytes)), hash);
      asked.push(path);
      lookup.give({ path, hash }, decodeNode(bytes, path));
    }
    lookup.putBack(wanted.slice(given.length));
    for (const { key, value } of lookup.changes()) {
      assert.ok(!found.has(nibblesOf(key)), "a key is found twice");
      found.set(nibblesOf(key), value && bytesToHex(value));
    }
  }
  for (const { key, value } of lookup.changes()) found.set(nibblesOf(key), value && bytesToHex(value));
  return { asked, found };
}

function apply(trie: MemoryTrie, content: Map<NibblePath, Hex>, changes: readonly [Uint8Array, number][]): void {
  for (const [key, n] of changes) {
    const value = n === 0 ? null : leafOf(n);
    trie.apply([{ key, value }]);
    if (value === null) content.delete(nibblesOf(key));
    else content.set(nibblesOf(key), bytesToHex(value));
  }
}

/** A key and its value in a block: none at all at 0. Short keys with much in common make nodes of all shapes. */
const change = fc.tuple(
  fc.oneof(
    fc.nat(60).map((n) => keyOf(n)),
    fc.tuple(fc.nat(2), fc.nat(5)).map(([first, last]) => {
      const key = new Uint8Array(32).fill(first);
      key[31] = last;
      return key;
    }),
  ),
  fc.nat(3),
);
const blocks = fc.array(fc.array(change, { maxLength: 20 }), { minLength: 1, maxLength: 8 });

describe("keys looked up in one root after the other", () => {
  test("have the values that the trie has, whatever was seen before, kept or added since", () => {
    fc.assert(
      fc.property(
        blocks,
        fc.array(fc.array(change, { maxLength: 12 }), { minLength: 8, maxLength: 8 }),
        (all, wanted) => {
          const trie = createMemoryTrie();
          const content = new Map<NibblePath, Hex>();
          const held = new Map<NibblePath, Hex | null>();
          let seen: SeenNode | undefined;
          for (const [index, changes] of all.entries()) {
            apply(trie, content, changes);
            const keys = [...new Set([...held.keys(), ...(wanted[index] ?? []).map(([key]) => nibblesOf(key))])];
            const kept = new Set(held.keys());
            const lookup = createTrieLookup(trie.root, keys, seen, (key) => kept.has(key));
            for (const [key, value] of run(lookup, trie).found) held.set(key, value);
            for (const key of keys) assert.equal(held.get(key), content.get(key) ?? null);
            // One that is dropped is unknown when it comes back.
            held.delete(keys[0] as NibblePath);
            seen = lookup.seen;
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("cost the nodes on the way to what has changed, and none where nothing has", () => {
    const trie = createMemoryTrie();
    trie.apply(Array.from({ length: 2_000 }, (_, n) => ({ key: keyOf(n), value: leafOf(35) })));
    const keys = Array.from({ length: 500 }, (_, n) => nibblesOf(keyOf(n)));
    const first = createTrieLookup(trie.root, keys);
    const whole = run(first, trie, 512);
    assert.equal(whole.found.size, 500);
    assert.ok(whole.asked.length > 500);
    assert.equal(createTrieLookup(trie.root, keys, first.seen).isDone, true);

    trie.apply([
      { key: keyOf(7), value: leafOf(36) },
      { key: keyOf(1_900), value: leafOf(36) },
    ]);
    const toward = (n: number) =>
      new Set([...trie.nodes.keys()].filter((path) => nibblesOf(keyOf(n)).startsWith(path)));
    const second = createTrieLookup(trie.root, keys, first.seen);
    const { asked, found } = run(second, trie, 512);
    assert.equal(found.get(nibblesOf(keyOf(7))), bytesToHex(leafOf(36)));
    const onTheWay = new Set([...toward(7), ...toward(1_900)]);
    assert.ok(
      asked.every((path) => onTheWay.has(path)),
      `${asked}`,
    );
    assert.deepEqual(new Set(seenToward(second.seen, nibblesOf(keyOf(7)))), toward(7));
  });

  test("are none in an empty trie, and an empty lookup asks for nothing", () => {
    const key = nibblesOf(keyOf(1));
    const lookup = createTrieLookup(EMPTY_TRIE_ROOT, [key]);
    assert.deepEqual([lookup.isDone, lookup.seen], [true, undefined]);
    assert.deepEqual(lookup.changes(), [{ key: keyOf(1), value: null }]);
    const trie = createMemoryTrie();
    trie.apply([{ key: keyOf(1), value: leafOf(1) }]);
    assert.equal(createTrieLookup(trie.root, []).isDone, true);
  });

  test("refuse nodes that lead deeper than keys reach", () => {
    const hash = new Uint8Array(32).fill(1);
    const branch = encodeRlp([...Array.from({ length: 16 }, () => hash), new Uint8Array(0)]);
    const top = encodeRlp([encodeCompact("11", false), keccak256(branch)]);
    const lookup = createTrieLookup(bytesToHex(keccak256(top)), ["11"]);
    const give = (bytes: Uint8Array): void => {
      const [wanted] = lookup.take(1) as [WantedNode];
      lookup.give(wanted, decodeNode(bytes, wanted.path));
    };
    give(top);
    assert.throws(() => give(branch), { code: "INVALID_TRIE_NODE" });
  });
});
