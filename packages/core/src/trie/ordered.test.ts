import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMPT } from "@ethereumjs/mpt";
import fc from "fast-check";
import { bytesToHex, EMPTY_BYTES } from "../base/bytes.ts";
import { isCodedError } from "../base/errors.ts";
import { encodeRlp, rlpNumber } from "../codec/rlp.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT, orderedTrieRoot } from "./ordered.ts";

async function referenceRoot(values: readonly Uint8Array[]): Promise<string> {
  const trie = await createMPT();
  for (const [index, value] of values.entries()) await trie.put(encodeRlp(rlpNumber(index)), value);
  return bytesToHex(trie.root());
}

describe("the root of an ordered list", () => {
  test("of nothing is the hash of the empty string's RLP", () => {
    assert.equal(orderedTrieRoot([]), EMPTY_TRIE_ROOT);
    assert.equal(EMPTY_TRIE_ROOT, keccak256Hex(encodeRlp(EMPTY_BYTES)));
  });

  test("is that of @ethereumjs/mpt", async () => {
    const values = fc.array(fc.uint8Array({ minLength: 1, maxLength: 120 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(values, async (list) => assert.equal(orderedTrieRoot(list), await referenceRoot(list))),
    );
    const long = Array.from({ length: 300 }, (_, index) => Uint8Array.of(1, index % 256, index >> 8));
    for (const count of [127, 128, 129, 256, 257, 300]) {
      assert.equal(orderedTrieRoot(long.slice(0, count)), await referenceRoot(long.slice(0, count)));
    }
  });

  test("does not exist for a list with an empty value", () => {
    assert.throws(
      () => orderedTrieRoot([Uint8Array.of(1), EMPTY_BYTES]),
      (error) => isCodedError(error, "INVARIANT_BROKEN"),
    );
  });
});
