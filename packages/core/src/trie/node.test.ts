import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EMPTY_BYTES, hexToBytes } from "../base/bytes.ts";
import { isCodedError } from "../base/errors.ts";
import { encodeRlp, type RlpInput } from "../codec/rlp.ts";
import { encodeCompact } from "./nibbles.ts";
import { decodeNode, encodeNode } from "./node.ts";
import { triePuts } from "./testing/arbitraries.ts";
import { createMemoryTrie } from "./testing/memory-trie.ts";

const HASH = new Uint8Array(32).fill(0xab);
const VALUE = Uint8Array.of(1, 2, 3);

const leaf = (path: string, value: RlpInput = VALUE): RlpInput => [encodeCompact(path, true), value];
const extension = (path: string, child: RlpInput): RlpInput => [encodeCompact(path, false), child];

function branch(slots: Readonly<Record<number, RlpInput>>, value: RlpInput = EMPTY_BYTES): RlpInput[] {
  return [...Array.from({ length: 16 }, (_, nibble) => slots[nibble] ?? EMPTY_BYTES), value];
}

const reencode = (bytes: Uint8Array): Uint8Array => encodeNode(decodeNode(bytes));

describe("decoding a trie node", () => {
  test("gives back the bytes of every node of a trie", () => {
    fc.assert(
      fc.property(triePuts, (puts) => {
        const trie = createMemoryTrie();
        trie.apply(puts);
        for (const bytes of trie.nodes.values()) assert.deepEqual(reencode(bytes), bytes);
      }),
    );
  });

  test("accepts each shape", () => {
    const twoLeaves = branch({ 0: leaf("1"), 15: leaf("2") });
    const shapes: RlpInput[] = [
      leaf(""),
      leaf("abc"),
      extension("a", HASH),
      extension("ab", twoLeaves),
      branch({ 0: HASH, 1: HASH }),
      branch({ 3: HASH }, VALUE),
      branch(
        { 3: extension("1", branch({ 0: leaf("", VALUE.subarray(1, 2)), 1: leaf("", VALUE.subarray(2)) })) },
        VALUE,
      ),
    ];
    for (const shape of shapes) assert.deepEqual(reencode(encodeRlp(shape)), encodeRlp(shape));
  });

  test("rejects every shape that no valid trie could hold", () => {
    const wrong: Readonly<Record<string, RlpInput>> = {
      "a byte string": VALUE,
      "an empty string": EMPTY_BYTES,
      "an empty list": [],
      "one item": [encodeCompact("a", true)],
      "three items": [encodeCompact("a", true), VALUE, VALUE],
      "sixteen items": branch({ 0: HASH, 1: HASH }).slice(1),
      "eighteen items": [...branch({ 0: HASH, 1: HASH }), EMPTY_BYTES],
      "an empty path": [EMPTY_BYTES, VALUE],
      "an unknown path flag": [Uint8Array.of(0x40), VALUE],
      "a path with padding": [Uint8Array.of(0x21), VALUE],
      "a path that is a list": [[], VALUE],
      "a leaf without value": leaf("a", EMPTY_BYTES),
      "a leaf whose value is a list": leaf("a", [VALUE]),
      "an extension without path": extension("", HASH),
      "an extension to nothing": extension("a", EMPTY_BYTES),
      "an extension to a short hash": extension("a", HASH.subarray(1)),
      "an extension to a leaf": extension("a", leaf("b")),
      "an extension to an extension": extension("a", extension("b", branch({ 0: leaf(""), 1: leaf("") }))),
      "an empty branch": branch({}),
      "a branch with one child": branch({ 4: HASH }),
      "a branch with a value alone": branch({}, VALUE),
      "a branch whose value is a list": branch({ 0: HASH, 1: HASH }, [VALUE]),
      "a branch with a long hash": branch({ 0: HASH, 1: new Uint8Array(33) }),
      "an embedded node as long as a hash": branch({ 0: HASH, 1: leaf("a", HASH.subarray(3)) }),
      "a malformed embedded node": branch({ 0: HASH, 1: [VALUE] }),
    };
    for (const [what, item] of Object.entries(wrong)) {
      assert.throws(
        () => decodeNode(encodeRlp(item)),
        (error) => isCodedError(error, "INVALID_TRIE_NODE"),
        what,
      );
    }
  });

  test("rejects what is no canonical RLP, and never fails in another way", () => {
    const invalid = (error: unknown): boolean => isCodedError(error, "INVALID_TRIE_NODE");
    for (const bytes of ["0x", "0xc1", "0xc28120", "0xf80180", "0xc2200100"]) {
      assert.throws(() => decodeNode(hexToBytes(bytes)), invalid, bytes);
    }
    const nested = fc.letrec<{ item: RlpInput }>((tie) => ({
      item: fc.oneof(
        { maxDepth: 4 },
        fc.uint8Array({ maxLength: 33 }),
        fc.array(tie("item"), { minLength: 2, maxLength: 2 }),
        fc.array(tie("item"), { minLength: 17, maxLength: 17 }),
      ),
    })).item;
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), nested.map(encodeRlp)), (bytes) => {
        try {
          assert.deepEqual(reencode(bytes), bytes);
        } catch (error) {
          if (!invalid(error)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
