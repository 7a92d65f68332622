import assert from "node:assert/strict";
import { test } from "node:test";
import { dropOldest } from "./drop-oldest.ts";

test("drops what came first, down to the bound", () => {
  const set = new Set(["a", "b", "c"]);
  assert.equal(dropOldest(set, 3), 0);
  assert.equal(dropOldest(set, 1), 2);
  assert.deepEqual([...set], ["c"]);
  const map = new Map([
    ["a", 1],
    ["b", 2],
  ]);
  map.delete("a");
  map.set("a", 3);
  assert.equal(dropOldest(map, 1), 1);
  assert.deepEqual([...map], [["a", 3]]);
  assert.equal(dropOldest(map, 0), 1);
});
