import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesToHex, EMPTY_BYTES, equalBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { isCodedError } from "../base/errors.ts";
import { encodeRlp, type RlpInput } from "../codec/rlp.ts";
import { keccak256 } from "../crypto/crypto.ts";
import {
  CHANGES_MAX,
  COMPARISONS_MAX,
  createTrieDifference,
  type TrieDifference,
  type WantedNode,
} from "./difference.ts";
import { encodeCompact } from "./nibbles.ts";
import { decodeNode, type TrieNode } from "./node.ts";
import { proveKey } from "./proof.ts";
import { createMemoryTrie, type MemoryTrie } from "./testing/memory-trie.ts";
import { EMPTY_TRIE_ROOT, type NibblePath, type TrieChange } from "./types.ts";
import { updateTrie } from "./update.ts";

const invalid = (error: unknown): boolean => isCodedError(error, "INVALID_TRIE_NODE");

type Content = ReadonlyMap<Hex, Uint8Array>;

function trieOf(content: Content): MemoryTrie {
  const trie = createMemoryTrie();
  trie.apply([...content].map(([key, value]) => ({ key: hexToBytes(key), value })));
  return trie;
}

/** Keys of two bytes over few nibbles: full branches, short extensions, many nodes embedded in others. */
const denseKey = fc.tuple(fc.constantFrom(0x00, 0x01, 0x10, 0x1f), fc.constantFrom(0, 1, 2, 0x10, 0xf0)).map(bytesOf);

/** 32-byte keys that fork near their end, or are hashes. */
const wideKey = fc.oneof(
  fc.tuple(fc.nat(2), fc.nat(2), fc.nat(40)).map(([first, middle, last]) => {
    const key = new Uint8Array(32);
    key[0] = first << 4;
    key[20] = middle;
    key[31] = last;
    return bytesToHex(key);
  }),
  fc.nat(60).map((seed) => bytesToHex(keccak256(Uint8Array.of(seed)))),
);

function bytesOf(bytes: readonly number[]): Hex {
  return bytesToHex(Uint8Array.from(bytes));
}

/** Short ones, as storage has, leave room for embedded nodes; of the few there are, many are the same in both tries. */
const value = fc.oneof(
  fc.constantFrom(Uint8Array.of(1), Uint8Array.of(2)),
  fc.constantFrom(new Uint8Array(33).fill(1), new Uint8Array(33).fill(2)),
);

interface Pair {
  readonly local: Content;
  readonly target: Content;
  readonly keyNibbles: number;
}

/** Two contents that have most, some or nothing in common. */
const pairOf = (key: fc.Arbitrary<Hex>, keyNibbles: number): fc.Arbitrary<Pair> => {
  const content = fc.array(fc.tuple(key, value), { maxLength: 30 });
  return fc.tuple(content, content, content).map(([shared, ours, theirs]) => ({
    local: new Map([...shared, ...ours]),
    target: new Map([...shared, ...theirs]),
    keyNibbles,
  }));
};

const pair = fc.oneof(pairOf(denseKey, 4), pairOf(wideKey, 64));

function expectedChanges({ local, target }: Pair): Map<Hex, Hex | null> {
  const changes = new Map<Hex, Hex | null>();
  for (const key of local.keys()) if (!target.has(key)) changes.set(key, null);
  for (const [key, value] of target) {
    const held = local.get(key);
    if (held === undefined || !equalBytes(held, value)) changes.set(key, bytesToHex(value));
  }
  return changes;
}

/** Paths of the stored nodes of `trie` that `other` does not have there. */
const pathsOnlyIn = (trie: MemoryTrie, other: MemoryTrie): NibblePath[] =>
  [...trie.nodes]
    .filter(([path, node]) => !equalBytes(other.nodes.get(path) ?? EMPTY_BYTES, node))
    .map(([path]) => path);

function nodeFor(trie: MemoryTrie, { path, hash }: WantedNode): TrieNode {
  const bytes = trie.read(path);
  assert.ok(bytes !== undefined, `there is no node at ${path}`);
  assert.equal(bytesToHex(keccak256(bytes)), hash);
  return decodeNode(bytes, path);
}

interface Walked {
  readonly changes: readonly TrieChange[];
  readonly asked: readonly NibblePath[];
}

/** Runs a walk to its end, `max` nodes at a time. */
function walk(difference: TrieDifference, target: MemoryTrie, max = 16): Walked {
  const changes: TrieChange[] = [];
  const asked: NibblePath[] = [];
  while (!difference.isDone) {
    for (const wanted of difference.take(max)) {
      asked.push(wanted.path);
      difference.give(wanted, nodeFor(target, wanted));
    }
    changes.push(...difference.changes());
  }
  return { changes, asked };
}

const asMap = (changes: readonly TrieChange[]): Map<Hex, Hex | null> =>
  new Map(changes.map(({ key, value }) => [bytesToHex(key), value && bytesToHex(value)]));

const hashedKeys = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, n) => keccak256(Uint8Array.of(n >> 16, n >> 8, n)));

describe("the difference of two tries", () => {
  test("is exactly the leaves that differ, and turns the one trie into the other", () => {
    fc.assert(
      fc.property(pair, fc.integer({ min: 1, max: 20 }), (pair, max) => {
        const [local, target] = [trieOf(pair.local), trieOf(pair.target)];
        const difference = createTrieDifference(local.read, local.root, target.root, pair.keyNibbles);
        const { changes } = walk(difference, target, max);
        assert.equal(updateTrie(local.read, local.root, changes).root, target.root);
        const expected = expectedChanges(pair);
        assert.deepEqual(asMap(changes), expected);
        assert.equal(changes.length, expected.size, "a change comes twice");
      }),
      { numRuns: 2_000 },
    );
  });

  test("asks for exactly the nodes that are not held, and reads exactly those that the target does not have", () => {
    fc.assert(
      fc.property(pair, (pair) => {
        const [local, target] = [trieOf(pair.local), trieOf(pair.target)];
        const read: NibblePath[] = [];
        const recording = (path: NibblePath): Uint8Array | undefined => {
          read.push(path);
          return local.read(path);
        };
        const difference = createTrieDifference(recording, local.root, target.root, pair.keyNibbles);
        const { asked } = walk(difference, target);
        assert.deepEqual(asked.toSorted(), pathsOnlyIn(target, local).sort());
        assert.deepEqual(read.toSorted(), pathsOnlyIn(local, target).sort());
      }),
      { numRuns: 1_000 },
    );
  });

  test("is the same when answers come in any order, some not at all at first, and changes are taken at any time", () => {
    fc.assert(
      fc.property(pair, fc.infiniteStream(fc.nat(9)), (pair, random) => {
        const next = (): number => random.next().value;
        const [local, target] = [trieOf(pair.local), trieOf(pair.target)];
        const difference = createTrieDifference(local.read, local.root, target.root, pair.keyNibbles);
        const out: WantedNode[] = [];
        const changes: TrieChange[] = [];
        while (!difference.isDone) {
          out.push(...difference.take(next()));
          const [wanted] = out.splice(next() % (out.length + 1), 1);
          if (wanted !== undefined && next() < 3) difference.putBack([wanted]);
          else if (wanted !== undefined) difference.give(wanted, nodeFor(target, wanted));
          if (next() < 3) changes.push(...difference.changes());
        }
        changes.push(...difference.changes());
        assert.deepEqual(out, []);
        assert.deepEqual(asMap(changes), expectedChanges(pair));
      }),
      { numRuns: 500 },
    );
  });

  test("goes on in a new walk where changes of an unfinished one have been applied", () => {
    fc.assert(
      fc.property(pair, fc.integer({ min: 1, max: 5 }), (pair, steps) => {
        const [local, target] = [trieOf(pair.local), trieOf(pair.target)];
        const first = createTrieDifference(local.read, local.root, target.root, pair.keyNibbles);
        for (let step = 0; step < steps; step++) {
          for (const wanted of first.take(2)) first.give(wanted, nodeFor(target, wanted));
        }
        local.apply(first.changes());
        const second = createTrieDifference(local.read, local.root, target.root, pair.keyNibbles);
        local.apply(walk(second, target).changes);
        assert.equal(local.root, target.root);
      }),
      { numRuns: 300 },
    );
  });

  test("of equal tries is done without a node being read or asked for", () => {
    const { root } = trieOf(new Map([["0x0001", Uint8Array.of(1)]]));
    for (const same of [root, EMPTY_TRIE_ROOT]) {
      const difference = createTrieDifference(() => assert.fail("it reads"), same, same, 4);
      assert.equal(difference.isDone, true);
      assert.deepEqual(difference.take(10), []);
      assert.deepEqual(difference.changes(), []);
    }
  });

  test("of one leaf among a hundred thousand asks for the nodes on the way to it", () => {
    const keys = hashedKeys(100_000);
    const trie = createMemoryTrie();
    trie.apply(keys.map((key) => ({ key, value: new Uint8Array(70).fill(1) })));
    const key = keys[77_777] as Uint8Array;
    const added = keccak256(Uint8Array.of(1));
    for (const change of [
      { key, value: Uint8Array.of(2) },
      { key, value: null },
      { key: added, value: Uint8Array.of(3) },
    ]) {
      const [nodes, root] = [new Map(trie.nodes), trie.root];
      trie.apply([change]);
      const { changes, asked } = walk(
        createTrieDifference((path) => nodes.get(path), root, trie.root),
        trie,
      );
      assert.deepEqual(changes, [change]);
      // Beside the way to the key: a leaf that moved because a branch opened or closed above it.
      const way = proveKey(trie.read, trie.root, change.key).length;
      assert.ok(asked.length <= way + 1 && way <= 8, `${asked.length} asked for, ${way} on the way`);
    }
  });

  test("goes from left to right, so that changes come in the order of their keys when nodes come one by one", () => {
    const keys = hashedKeys(500).map((key) => bytesToHex(key));
    const [local, target] = [createMemoryTrie(), trieOf(new Map(keys.map((key) => [key, Uint8Array.of(1)])))];
    const { changes } = walk(createTrieDifference(local.read, local.root, target.root), target, 1);
    assert.deepEqual(
      changes.map(({ key }) => bytesToHex(key)),
      keys.toSorted(),
    );
  });

  test("removes what the target lacks bit by bit, without asking", () => {
    const local = createMemoryTrie();
    local.apply(hashedKeys(5_000).map((key) => ({ key, value: Uint8Array.of(1) })));
    const difference = createTrieDifference(local.read, local.root, EMPTY_TRIE_ROOT);
    const changes: TrieChange[] = [];
    while (!difference.isDone) {
      assert.deepEqual(difference.take(1), []);
      assert.deepEqual(difference.take(1), [], "it goes on though its changes were not taken");
      const found = difference.changes();
      assert.ok(found.length > 0 && found.length <= CHANGES_MAX + 1, `${found.length} changes at once`);
      changes.push(...found);
    }
    assert.equal(changes.length, 5_000);
    assert.equal(updateTrie(local.read, local.root, changes).root, EMPTY_TRIE_ROOT);
  });

  test("is not found in a damaged trie", () => {
    fc.assert(
      fc.property(pair, fc.nat(), (pair, pick) => {
        const [local, target] = [trieOf(pair.local), trieOf(pair.target)];
        const different = pathsOnlyIn(local, target);
        if (different.length === 0) return;
        const at = different[pick % different.length] as NibblePath;
        const altered = (local.read(at) as Uint8Array).slice();
        altered[pick % altered.length] = (altered[pick % altered.length] as number) ^ 1;
        for (const found of [undefined, altered]) {
          const damaged = (path: NibblePath) => (path === at ? found : local.read(path));
          const difference = createTrieDifference(damaged, local.root, target.root, pair.keyNibbles);
          assert.throws(() => walk(difference, target), invalid);
        }
      }),
      { numRuns: 300 },
    );
  });
});

test("a trie held here whose keys have another length is damaged", () => {
  const local = trieOf(new Map([["0x0001", Uint8Array.of(1)]]));
  assert.throws(() => createTrieDifference(local.read, local.root, EMPTY_TRIE_ROOT).take(1), invalid);
});

test("nodes that were put back are the next to be handed out, in the same order", () => {
  const target = trieOf(new Map(hashedKeys(500).map((key) => [bytesToHex(key), Uint8Array.of(1)])));
  const difference = createTrieDifference(() => undefined, EMPTY_TRIE_ROOT, target.root);
  for (const wanted of difference.take(1)) difference.give(wanted, nodeFor(target, wanted));
  const first = difference.take(5);
  assert.equal(first.length, 5);
  difference.putBack(first);
  assert.deepEqual(difference.take(5), first);
  assert.ok(difference.take(5).every(({ path }) => first.every((other) => other.path !== path)));
});

const leafRlp = (path: NibblePath): RlpInput => [encodeCompact(path, true), new Uint8Array(40).fill(1)];
const extensionRlp = (path: NibblePath, child: RlpInput): RlpInput => [encodeCompact(path, false), child];
const branchRlp = (child: RlpInput): RlpInput => [...new Array(16).fill(child), EMPTY_BYTES];
const hashOf = (structure: RlpInput): Uint8Array => keccak256(encodeRlp(structure));
const nodeOf = (structure: RlpInput): TrieNode => decodeNode(encodeRlp(structure));

/** A walk from nothing, and what it asks for first. */
function walkTo(structure: RlpInput): { readonly difference: TrieDifference; readonly wanted: WantedNode } {
  const difference = createTrieDifference(() => undefined, EMPTY_TRIE_ROOT, bytesToHex(hashOf(structure)));
  const [wanted] = difference.take(1);
  assert.ok(wanted !== undefined);
  return { difference, wanted };
}

describe("a target that no trie has", () => {
  const embedded = (path: NibblePath): RlpInput => [encodeCompact(path, true), Uint8Array.of(1)];
  const somewhere = new Uint8Array(32).fill(7);
  const valued = [...new Array(16).fill(somewhere), Uint8Array.of(1)];
  const absurd: Readonly<Record<string, RlpInput>> = {
    "a leaf with a short key": leafRlp("1".repeat(63)),
    "a leaf with a long key": leafRlp("1".repeat(65)),
    "an extension as long as a key": extensionRlp("1".repeat(64), somewhere),
    "a branch with a value": valued,
    "a branch with an embedded leaf of a short key": branchRlp(embedded("11")),
    "an extension to an embedded branch below the end of keys": extensionRlp("1".repeat(63), [
      embedded("1"),
      embedded("1"),
      ...new Array(15).fill(EMPTY_BYTES),
    ]),
  };

  for (const [name, structure] of Object.entries(absurd)) {
    test(`is refused: ${name}`, () => {
      const { difference, wanted } = walkTo(structure);
      assert.throws(() => difference.give(wanted, nodeOf(structure)), invalid);
      difference.putBack([wanted]);
      assert.deepEqual(difference.take(1), [wanted]);
    });
  }

  test("is refused: an extension below an extension, and a leaf", () => {
    for (const below of [extensionRlp("11", somewhere), leafRlp("1".repeat(62))]) {
      const top = extensionRlp("11", hashOf(below));
      const { difference, wanted } = walkTo(top);
      difference.give(wanted, nodeOf(top));
      const [next] = difference.take(1);
      assert.deepEqual(next, { path: "11", hash: bytesToHex(hashOf(below)) });
      assert.throws(() => difference.give(next as WantedNode, nodeOf(below)), invalid);
    }
  });

  /** 65 nodes that stand for 16 ** 64 leaves; the root is the last. */
  const layers: RlpInput[] = [leafRlp("")];
  for (let height = 1; height <= 64; height++) layers.push(branchRlp(hashOf(layers.at(-1) as RlpInput)));
  const layerAt = (path: NibblePath): TrieNode => nodeOf(layers[64 - path.length] as RlpInput);

  test("ends where keys end, though branch follows upon branch", () => {
    const deeper = branchRlp(somewhere);
    const { difference, wanted } = walkTo(layers[64] as RlpInput);
    difference.give(wanted, layerAt(""));
    for (let depth = 1; depth < 64; depth++) {
      const [next] = difference.take(1);
      assert.equal(next?.path.length, depth);
      difference.give(next as WantedNode, layerAt("0".repeat(depth)));
    }
    const [last] = difference.take(1);
    assert.equal(last?.path.length, 64);
    assert.throws(() => difference.give(last as WantedNode, nodeOf(deeper)), invalid);
    difference.give(last as WantedNode, layerAt(last?.path as NibblePath));
    difference.take(1);
    assert.deepEqual(
      difference.changes().map(({ key }) => bytesToHex(key)),
      [`0x${"0".repeat(64)}`],
    );
  });

  test("slows the walk down to one node at a time before it holds too much, and it still comes to leaves", () => {
    const { difference, wanted } = walkTo(layers[64] as RlpInput);
    const out = [wanted];
    let held = 0;
    // What is out first is answered first, so that the walk goes wide: 16 more to compare, of which 4 are handed out.
    while (out.length > 0 && held <= COMPARISONS_MAX) {
      const answered = out.shift() as WantedNode;
      difference.give(answered, layerAt(answered.path));
      out.push(...difference.take(4));
      held += 12;
    }
    for (const each of out) difference.give(each, layerAt(each.path));
    for (let step = 0; difference.changes().length === 0; step++) {
      assert.ok(step <= 65, "it does not come to a leaf");
      const taken = difference.take(1_000);
      assert.ok(taken.length <= 1, `${taken.length} at once`);
      assert.deepEqual(difference.take(1_000), [], "it hands out more while one is out");
      for (const each of taken) difference.give(each, layerAt(each.path));
    }
  });
});

test("only nodes that are out can be given or put back", () => {
  const target = trieOf(new Map([[bytesToHex(new Uint8Array(32)), Uint8Array.of(1)]]));
  const difference = createTrieDifference(() => undefined, EMPTY_TRIE_ROOT, target.root);
  const broken = (error: unknown): boolean => isCodedError(error, "INVARIANT_BROKEN");
  const wanted: WantedNode = { path: "", hash: target.root };
  const node = nodeFor(target, wanted);
  assert.throws(() => difference.give(wanted, node), broken);
  assert.deepEqual(difference.take(5), [wanted]);
  assert.deepEqual(difference.take(5), []);
  assert.equal(difference.isDone, false);
  assert.throws(() => difference.putBack([{ path: "", hash: EMPTY_TRIE_ROOT }]), broken);
  difference.give(wanted, node);
  assert.throws(() => difference.give(wanted, node), broken);
  assert.throws(() => difference.putBack([wanted]), broken);
});
