import assert from "node:assert/strict";
import { it } from "node:test";
import { createKnownSet } from "./known-set.ts";

it("tells what is new, once", () => {
  const known = createKnownSet(4);
  assert.equal(known.has("a"), false);
  assert.equal(known.add("a"), true);
  assert.equal(known.add("a"), false);
  assert.equal(known.has("a"), true);
});

it("never holds more than its limit and forgets the least recently touched first", () => {
  const known = createKnownSet(3);
  for (const key of ["a", "b", "c"]) known.add(key);
  known.add("a");
  known.add("d");
  assert.equal(known.size, 3);
  assert.equal(known.has("b"), false);
  assert.deepEqual(
    ["a", "c", "d"].map((key) => known.has(key)),
    [true, true, true],
  );
});
