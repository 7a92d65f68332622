import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { encodeRlp, type RlpInput } from "./rlp.ts";
import { rlpItems } from "./rlp-stream.ts";

const items: fc.Arbitrary<RlpInput> = fc.letrec<{ item: RlpInput; list: RlpInput[] }>((tie) => ({
  item: fc.oneof({ maxDepth: 3 }, fc.uint8Array({ maxLength: 300 }), tie("list")),
  list: fc.array(tie("item"), { maxLength: 5 }),
})).item;

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Uint8Array, size = 7, max = 10_000): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const item of rlpItems(inPieces(bytes, size), max)) found.push(item.slice());
  return found;
}

const refused = (bytes: Uint8Array, words: RegExp, max?: number): Promise<void> =>
  assert.rejects(
    read(bytes, 7, max),
    (error) => error instanceof CodedError && error.code === "INVALID_RLP" && words.test(error.message),
  );

describe("a stream of RLP items", () => {
  it("gives each item whole, in whatever pieces it comes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(items, { maxLength: 8 }), fc.integer({ min: 1, max: 400 }), async (list, size) => {
        const encoded = list.map(encodeRlp);
        assert.deepEqual(await read(concatBytes(...encoded), size), encoded);
      }),
    );
  });

  it("is refused where it ends within an item", async () => {
    const whole = encodeRlp([new Uint8Array(100), new Uint8Array(300)]);
    for (const end of [1, 2, 3, 50, whole.length - 1]) await refused(whole.subarray(0, end), /ends after/);
    await refused(concatBytes(whole, whole.subarray(0, 9)), /an item of 408 bytes ends after 9/);
  });

  it("is refused before an item has come that is too long, or has a length in a longer form than needed", async () => {
    await refused(new Uint8Array([0xfb, 0xff, 0xff, 0xff, 0xff]), /above 1000/, 1_000);
    await refused(new Uint8Array([0xff, 255, 255, 255, 255, 255, 255, 255, 255]), /above 1000/, 1_000);
    await refused(new Uint8Array([0xf8, 55]), /long form/);
    await refused(new Uint8Array([0xf9, 0, 56]), /leading zero/);
  });
});
