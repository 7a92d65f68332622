import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMerkleProof, createMPT, verifyMerkleProof } from "@ethereumjs/mpt";
import fc from "fast-check";
import { bytesToHex, hexToBytes, utf8ToBytes } from "../base/bytes.ts";
import { isCodedError } from "../base/errors.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { encodeCompact } from "./nibbles.ts";
import { getFromTrie, proveKey, verifyProof } from "./proof.ts";
import { trieKey, triePuts } from "./testing/arbitraries.ts";
import { createMemoryTrie, type MemoryTrie } from "./testing/memory-trie.ts";
import { EMPTY_TRIE_ROOT, type TrieChange } from "./types.ts";

const invalid = (error: unknown): boolean => isCodedError(error, "INVALID_TRIE_NODE");

function trieOf(puts: readonly TrieChange[]): MemoryTrie {
  const trie = createMemoryTrie();
  trie.apply(puts);
  return trie;
}

interface Sample {
  readonly trie: MemoryTrie;
  readonly puts: readonly TrieChange[];
  readonly key: Uint8Array;
  /** The right answer. */
  readonly value: Uint8Array | undefined;
}

/** A trie and a key, as often in it as not. */
const sample: fc.Arbitrary<Sample> = fc
  .tuple(triePuts, trieKey, fc.nat(), fc.boolean())
  .map(([puts, any, pick, known]) => {
    const key = known && puts.length > 0 ? (puts[pick % puts.length]?.key ?? any) : any;
    const value = puts.find((put) => bytesToHex(put.key) === bytesToHex(key))?.value;
    return { trie: trieOf(puts), puts, key, value };
  });

/** Neither accepts the proof for something untrue nor fails in another way. */
function assertNeverWrong(
  root: `0x${string}`,
  key: Uint8Array,
  proof: readonly Uint8Array[],
  truth?: Uint8Array,
): void {
  let value: Uint8Array | undefined;
  try {
    value = verifyProof(root, key, proof);
  } catch (error) {
    if (!invalid(error)) throw error;
    return;
  }
  assert.deepEqual(value, truth);
}

describe("reading a trie", () => {
  test("gives the value that was put, and nothing for other keys", () => {
    fc.assert(
      fc.property(sample, ({ trie, key, value }) => {
        assert.deepEqual(getFromTrie(trie.read, trie.root, key), value);
      }),
      { numRuns: 300 },
    );
    assert.equal(
      getFromTrie(() => undefined, EMPTY_TRIE_ROOT, Uint8Array.of(1)),
      undefined,
    );
  });

  test("rejects a store that lacks the nodes of that root", () => {
    const trie = trieOf([{ key: utf8ToBytes("key"), value: utf8ToBytes("value") }]);
    assert.throws(() => getFromTrie(() => undefined, trie.root, utf8ToBytes("key")), invalid);
    assert.throws(() => getFromTrie(trie.read, keccak256Hex(utf8ToBytes("other")), utf8ToBytes("key")), invalid);
  });
});

describe("a proof", () => {
  test("shows the value of a key that is present and the absence of one that is not", () => {
    fc.assert(
      fc.property(sample, ({ trie, key, value }) => {
        assert.deepEqual(verifyProof(trie.root, key, proveKey(trie.read, trie.root, key)), value);
      }),
      { numRuns: 300 },
    );
  });

  test("is what @ethereumjs/mpt makes, without the embedded nodes, and is verified by it", async () => {
    await fc.assert(
      fc.asyncProperty(sample, async ({ trie, puts, key, value }) => {
        fc.pre(puts.length > 0);
        const reference = await createMPT();
        for (const put of puts) await reference.put(put.key, put.value);
        const proof = proveKey(trie.read, trie.root, key);
        const theirs = (await createMerkleProof(reference, key)).filter((node, at) => at === 0 || node.length >= 32);
        assert.deepEqual(proof.map(bytesToHex), theirs.map(bytesToHex));
        const root = hexToBytes(trie.root);
        assert.deepEqual((await verifyMerkleProof(key, proof, { root })) ?? undefined, value);
      }),
      { numRuns: 200 },
    );
  });

  test("of any key in the empty trie is empty, and proves nothing in any other", () => {
    const key = utf8ToBytes("key");
    assert.deepEqual(
      proveKey(() => undefined, EMPTY_TRIE_ROOT, key),
      [],
    );
    assert.equal(verifyProof(EMPTY_TRIE_ROOT, key, []), undefined);
    assert.throws(() => verifyProof(EMPTY_TRIE_ROOT, key, [Uint8Array.of(0x80)]), invalid);
    assert.throws(() => verifyProof(keccak256Hex(key), key, []), invalid);
  });

  test("fails when any byte of it is altered", () => {
    fc.assert(
      fc.property(sample, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), ({ trie, key }, which, where, mask) => {
        const proof = proveKey(trie.read, trie.root, key).map((node) => node.slice());
        fc.pre(proof.length > 0);
        const node = proof[which % proof.length] ?? new Uint8Array(0);
        node[where % node.length] = (node[where % node.length] ?? 0) ^ mask;
        assert.throws(() => verifyProof(trie.root, key, proof), invalid);
      }),
      { numRuns: 500 },
    );
  });

  test("fails when a node is missing, repeated, added or out of place", () => {
    fc.assert(
      fc.property(sample, fc.nat(), ({ trie, key }, which) => {
        const proof = proveKey(trie.read, trie.root, key);
        fc.pre(proof.length > 0);
        const at = which % proof.length;
        const node = proof[at] ?? new Uint8Array(0);
        assert.throws(() => verifyProof(trie.root, key, proof.toSpliced(at, 1)), invalid);
        assert.throws(() => verifyProof(trie.root, key, proof.toSpliced(at, 0, node)), invalid);
        assert.throws(() => verifyProof(trie.root, key, [...proof, new Uint8Array(0)]), invalid);
        if (proof.length > 1) assert.throws(() => verifyProof(trie.root, key, proof.toReversed()), invalid);
      }),
      { numRuns: 300 },
    );
  });

  test("of one key is never taken for something untrue of another", () => {
    fc.assert(
      fc.property(sample, trieKey, ({ trie, puts, key }, other) => {
        const proof = proveKey(trie.read, trie.root, key);
        for (const candidate of [other, ...puts.map((put) => put.key)]) {
          assertNeverWrong(trie.root, candidate, proof, getFromTrie(trie.read, trie.root, candidate));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("is rejected when its nodes match their hashes but form no trie", () => {
    const leaf = encodeRlp([encodeCompact("b".repeat(63), true), new Uint8Array(40)]);
    const hash = hexToBytes(keccak256Hex(leaf));
    const extension = encodeRlp([encodeCompact("b", false), hash]);
    const key = new Uint8Array(32).fill(0xbb);
    assert.equal(verifyProof(keccak256Hex(leaf), key.subarray(0, 31), [leaf]), undefined);
    assert.throws(() => verifyProof(keccak256Hex(extension), key, [extension, leaf]), invalid);

    const short = encodeRlp([encodeCompact("b", true), Uint8Array.of(1)]);
    const shortHash = hexToBytes(keccak256Hex(short));
    const branch = encodeRlp(Array.from({ length: 17 }, (_, slot) => (slot < 16 ? shortHash : new Uint8Array(0))));
    assert.throws(() => verifyProof(keccak256Hex(branch), key.subarray(0, 1), [branch, short]), invalid);
  });
});
