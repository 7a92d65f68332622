import assert from "node:assert/strict";
import { test } from "node:test";
import { compareBytes } from "@counterpart/core/base/bytes";
import fc from "fast-check";
import { keyBytes, keyText } from "./key-text.ts";

const key = fc.uint8Array({ maxLength: 600, size: "max" });

test("a key is the same after it was text, however long it is", () => {
  fc.assert(
    fc.property(key, key, (one, other) => {
      // Both as text before either is read: what one is made with, the other may be made with too.
      const texts = [keyText(one), keyText(other)] as const;
      assert.deepEqual(keyBytes(texts[0]), one);
      assert.deepEqual(keyBytes(texts[1]), other);
    }),
  );
});

test("text has the order of keys", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (one, other) => {
      const [a, b] = [keyText(one), keyText(other)];
      assert.equal(Math.sign(compareBytes(one, other)), a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});
