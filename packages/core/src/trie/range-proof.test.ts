import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesToHex, equalBytes } from "../base/bytes.ts";
import { isCodedError } from "../base/errors.ts";
import { keccak256 } from "../crypto/crypto.ts";
import { proveKey } from "./proof.ts";
import { proveRange, type RangeEntry, verifyRange, verifyWhole } from "./range-proof.ts";
import { createMemoryTrie } from "./testing/memory-trie.ts";
import { EMPTY_TRIE_ROOT } from "./types.ts";

const invalid = (error: unknown): boolean => isCodedError(error, "INVALID_TRIE_NODE");
const LOWEST = new Uint8Array(32);
const HIGHEST = new Uint8Array(32).fill(255);

/** Hashed keys, and keys that fork near their end, so that extensions and embedded nodes occur. */
const key = fc.oneof(
  fc.nat(80).map((seed) => keccak256(Uint8Array.of(seed))),
  fc.tuple(fc.nat(2), fc.nat(1), fc.nat(20)).map(([first, middle, last]) => {
    const bytes = new Uint8Array(32);
    bytes[0] = first << 4;
    bytes[20] = middle;
    bytes[31] = last;
    return bytes;
  }),
);
const value = fc.uint8Array({ minLength: 1, maxLength: 40 });
const content = fc
  .uniqueArray(fc.record({ key, value }), { maxLength: 40, selector: (entry) => bytesToHex(entry.key) })
  .map((entries) => entries.sort((a, b) => Buffer.compare(a.key, b.key)));

interface Sample {
  readonly trie: ReturnType<typeof createMemoryTrie>;
  readonly all: readonly RangeEntry[];
  readonly start: Uint8Array;
  readonly page: readonly RangeEntry[];
  readonly more: boolean;
  readonly proof: readonly Uint8Array[];
}

/** A page of a trie: from a key that may or may not be in it, as many entries as there are up to a limit. */
const sample: fc.Arbitrary<Sample> = fc
  .tuple(content, fc.oneof(key, fc.constant(LOWEST), fc.constant(HIGHEST)), fc.integer({ min: 1, max: 45 }))
  .map(([all, start, limit]) => {
    const trie = createMemoryTrie();
    trie.apply(all);
    const after = all.filter((entry) => Buffer.compare(entry.key, start) >= 0);
    const page = after.slice(0, limit);
    const proof = proveRange(trie.read, trie.root, start, page.at(-1)?.key);
    return { trie, all, start, page, more: after.length > page.length, proof };
  });

/** Whether it is accepted; fails in another way than it should never. */
function accepts(...input: Parameters<typeof verifyRange>): boolean {
  try {
    verifyRange(...input);
    return true;
  } catch (error) {
    if (!invalid(error)) throw error;
    return false;
  }
}

describe("a range proof", () => {
  test("proves every page of a trie, and whether there is more", () => {
    fc.assert(
      fc.property(sample, ({ trie, start, page, more, proof }) => {
        assert.equal(verifyRange(trie.root, start, page, proof), more);
        assert.equal(verifyRange(trie.root, start, page, [...proof].reverse()), more);
      }),
      { numRuns: 1_000 },
    );
  });

  test("lets pages that follow one another cover a trie", () => {
    fc.assert(
      fc.property(content, fc.integer({ min: 1, max: 7 }), (all, size) => {
        const trie = createMemoryTrie();
        trie.apply(all);
        const seen: RangeEntry[] = [];
        let start = LOWEST;
        for (let more = true; more; ) {
          const page = all.filter((entry) => Buffer.compare(entry.key, start) >= 0).slice(0, size);
          more = verifyRange(trie.root, start, page, proveRange(trie.read, trie.root, start, page.at(-1)?.key));
          seen.push(...page);
          const last = page.at(-1)?.key ?? HIGHEST;
          start = Uint8Array.from(Buffer.from((BigInt(bytesToHex(last)) + 1n).toString(16).padStart(64, "0"), "hex"));
        }
        assert.deepEqual(seen, all);
      }),
    );
  });

  test("hides, adds and changes nothing", () => {
    fc.assert(
      fc.property(
        sample,
        fc.nat(),
        fc.nat(),
        value,
        key,
        ({ trie, start, page, proof }, pick, bit, other, stranger) => {
          const reject = (entries: readonly RangeEntry[], from = start): void =>
            assert.equal(accepts(trie.root, from, entries, proof), false);
          if (page.length === 0) return;
          const at = pick % page.length;
          const chosen = page[at] as RangeEntry;
          // Without the last entry it may be a proof of a shorter page that says there is more, of no other page.
          if (at < page.length - 1) reject(page.filter((_, i) => i !== at));
          if (!equalBytes(chosen.value, other))
            reject(page.map((entry, i) => (i === at ? { ...entry, value: other } : entry)));
          const flipped = chosen.key.slice();
          flipped[bit % 32] = (flipped[bit % 32] as number) ^ (1 << (bit % 8));
          reject(page.map((entry, i) => (i === at ? { ...entry, key: flipped } : entry)));
          if (page.every((entry) => !equalBytes(entry.key, stranger))) {
            reject([...page, { key: stranger, value: other }].sort((a, b) => Buffer.compare(a.key, b.key)));
          }
          reject([...page, chosen]);
          reject(page.map((entry, i) => (i === at ? { ...entry, value: new Uint8Array(0) } : entry)));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("never proves a shorter page to be all there is", () => {
    fc.assert(
      fc.property(sample, fc.nat(), ({ trie, all, start, page }, pick) => {
        if (page.length === 0) return;
        const shorter = page.slice(0, pick % page.length);
        for (const last of [shorter.at(-1)?.key, page.at(-1)?.key]) {
          const proof = proveRange(trie.read, trie.root, start, last);
          if (accepts(trie.root, start, shorter, proof))
            assert.equal(verifyRange(trie.root, start, shorter, proof), true);
        }
        assert.equal(accepts(trie.root, start, [], proveRange(trie.read, trie.root, start, undefined)), false);
        assert.ok(all.length >= page.length);
      }),
    );
  });

  test("holds exactly the nodes it needs", () => {
    fc.assert(
      fc.property(sample, fc.nat(), fc.nat(), ({ trie, start, page, proof }, pick, bit) => {
        const more = [...proof, keccak256(Uint8Array.of(1))];
        assert.equal(accepts(trie.root, start, page, more), false);
        if (proof.length === 0) return;
        const at = pick % proof.length;
        assert.equal(accepts(trie.root, start, page, [...proof, proof[at] as Uint8Array]), false);
        assert.equal(
          accepts(
            trie.root,
            start,
            page,
            proof.filter((_, i) => i !== at),
          ),
          false,
        );
        const spoilt = proof.map((bytes, i) => {
          const copy = bytes.slice();
          if (i === at) copy[bit % copy.length] = (copy[bit % copy.length] as number) ^ (1 << (bit % 8));
          return copy;
        });
        assert.equal(accepts(trie.root, start, page, spoilt), false);
      }),
      { numRuns: 500 },
    );
  });

  test("holds no nodes but those on the ways to its ends, and none where all keys that there can be are its range", () => {
    fc.assert(
      fc.property(sample, ({ trie, start, page, proof }) => {
        const ends = [start, page.at(-1)?.key ?? HIGHEST];
        const ways = new Set(ends.flatMap((end) => proveKey(trie.read, trie.root, end)).map(bytesToHex));
        assert.ok(proof.every((node) => ways.has(bytesToHex(node))));
      }),
    );
    const trie = createMemoryTrie();
    const all = [LOWEST, keccak256(LOWEST), HIGHEST].map((key) => ({ key, value: LOWEST }));
    trie.apply(all);
    assert.deepEqual(proveRange(trie.read, trie.root, LOWEST, HIGHEST), []);
    assert.equal(verifyRange(trie.root, LOWEST, all, []), false);
  });

  test("of the empty trie is empty", () => {
    assert.equal(verifyRange(EMPTY_TRIE_ROOT, LOWEST, [], []), false);
    const entry = { key: HIGHEST, value: Uint8Array.of(1) };
    assert.equal(accepts(EMPTY_TRIE_ROOT, LOWEST, [entry], []), false);
  });

  test("takes keys of 32 bytes only", () => {
    const trie = createMemoryTrie();
    trie.apply([{ key: Uint8Array.of(1), value: Uint8Array.of(1) }]);
    const proof = [...trie.nodes.values()];
    assert.equal(accepts(trie.root, LOWEST, [{ key: Uint8Array.of(1), value: Uint8Array.of(1) }], proof), false);
    assert.equal(accepts(trie.root, LOWEST, [], proof), false);
    assert.equal(accepts(trie.root, Uint8Array.of(1), [], proof), false);
    assert.throws(() => verifyWhole(trie.root, [{ key: Uint8Array.of(1), value: Uint8Array.of(1) }]), invalid);
  });
});
