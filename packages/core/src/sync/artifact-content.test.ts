import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { utf8ToBytes } from "../base/bytes.ts";
import { isCodedError } from "../base/errors.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { CONTENT_SIZE_MAX, canonicalJson, decodeContent, encodeContent } from "./artifact-content.ts";
import type { ArtifactContent } from "./artifact-types.ts";

const invalid = (error: unknown) => isCodedError(error, "INVALID_ARTIFACT");
const text = (sizeMax: number) =>
  fc.string({ maxLength: sizeMax, unit: "grapheme" }).filter((value) => utf8ToBytes(value).length <= sizeMax);

const arbitraryContent: fc.Arbitrary<ArtifactContent> = fc.record(
  {
    contractType: text(32),
    name: text(256),
    symbol: text(64),
    decimals: fc.integer({ min: 0, max: 255 }),
    cap: fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }).map(String),
    abi: fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), { maxLength: 4 }),
  },
  { requiredKeys: [] },
);

const withAbi = (abi: string): Uint8Array => encodeRlp([new Uint8Array([1]), [], [], [], [], [], [utf8ToBytes(abi)]]);

describe("artifact content", () => {
  it("decodes to what was encoded", () => {
    fc.assert(
      fc.property(arbitraryContent, (content) => {
        const bytes = encodeContent(content);
        assert.equal(canonicalJson(decodeContent(bytes)), canonicalJson(content));
        assert.deepEqual(encodeContent(decodeContent(bytes)), bytes);
      }),
    );
  });

  it("has one encoding, whatever the order of keys in the ABI", () => {
    const a = encodeContent({ abi: [{ type: "function", name: "f", inputs: [], outputs: [] }] });
    const b = encodeContent({ abi: [{ outputs: [], inputs: [], name: "f", type: "function" }] });
    assert.deepEqual(a, b);
  });

  it("tells an empty field from an absent one", () => {
    assert.notDeepEqual(encodeContent({ name: "" }), encodeContent({}));
    assert.deepEqual(decodeContent(encodeContent({ name: "" })), { name: "" });
    assert.deepEqual(decodeContent(encodeContent({})), {});
  });

  it("keeps a leading byte order mark, which is part of a name like any character", () => {
    assert.deepEqual(decodeContent(encodeContent({ name: "\uFEFFx" })), { name: "\uFEFFx" });
  });

  it("refuses an ABI text that is JSON but not canonical", () => {
    assert.deepEqual(decodeContent(withAbi('[{"a":1,"b":2}]')), { abi: [{ a: 1, b: 2 }] });
    for (const abi of [
      '[{"b":2,"a":1}]',
      '[{"a": 1}]',
      '[{"a":1,"a":1}]',
      '[{"a":1.0}]',
      '[{"a":-0}]',
      '[{"a":1e999}]',
      '["text"]',
      '{"a":1}',
      "[{]",
      "",
    ]) {
      assert.throws(() => decodeContent(withAbi(abi)), invalid, abi);
    }
  });

  it("keeps an own key named __proto__ a key", () => {
    const content = decodeContent(withAbi('[{"__proto__":{"type":"function"}}]'));
    assert.deepEqual(Object.keys(content.abi?.[0] ?? {}), ["__proto__"]);
  });

  it("refuses nesting that would exhaust the stack of whoever walks it", () => {
    const depth = 100_000;
    assert.throws(() => decodeContent(withAbi(`[{"a":${"[".repeat(depth)}${"]".repeat(depth)}}]`)), invalid);
  });

  it("refuses other versions, missing or further fields, and lists of two in an optional field", () => {
    const one = new Uint8Array([1]);
    for (const fields of [
      [new Uint8Array([2]), [], [], [], [], [], []],
      [one, [], [], [], [], []],
      [one, [], [], [], [], [], [], []],
      [one, [], [one, one], [], [], [], []],
      [one, [], one, [], [], [], []],
    ]) {
      assert.throws(() => decodeContent(encodeRlp(fields)), invalid);
    }
  });

  it("holds every field to its limit", () => {
    const beyond: ArtifactContent[] = [
      { contractType: "x".repeat(33) },
      { name: "ü".repeat(129) },
      { symbol: "x".repeat(65) },
      { name: "\ud800" },
      { decimals: 256 },
      { decimals: -1 },
      { decimals: 1.5 },
      { cap: "01" },
      { cap: "-1" },
      { cap: "1e3" },
      { cap: (1n << 256n).toString() },
      { abi: ["text"] },
      { abi: [{ a: "x".repeat(CONTENT_SIZE_MAX) }] },
      { abi: [{ a: Number.NaN }] },
    ];
    for (const content of beyond) assert.throws(() => encodeContent(content), invalid);
    assert.throws(() => decodeContent(new Uint8Array(CONTENT_SIZE_MAX + 1)), invalid);
  });
});
