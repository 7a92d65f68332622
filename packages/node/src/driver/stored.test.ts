import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryStore } from "../store/memory-store.ts";
import { createStoredCheckpoints, createStoredPeerBook } from "./stored.ts";

test("the peer book gives back what was saved last, in its order", () => {
  const store = createMemoryStore();
  createStoredPeerBook(store).save(["b:1", "a:1", "c:1"]);
  createStoredPeerBook(store).save(["c:1", "b:1"]);
  assert.deepEqual(createStoredPeerBook(store).load(), ["c:1", "b:1"]);
});

test("the peer book keeps at most 64 addresses", () => {
  const book = createStoredPeerBook(createMemoryStore());
  book.save(Array.from({ length: 100 }, (_, i) => `10.0.0.1:${i}`));
  assert.equal(book.load().length, 64);
});

test("checkpoints are kept by instance, and the oldest go beyond the limit", () => {
  const store = createMemoryStore();
  let now = 0;
  const checkpoints = createStoredCheckpoints(store, { now: () => now, setTimer: () => () => {} });
  for (let i = 0; i < 1_100; i++) {
    now++;
    checkpoints.set(`node-${i}`, i);
  }
  assert.equal(checkpoints.get("node-1099"), 1_099);
  assert.equal(checkpoints.get("node-0"), undefined);
  assert.ok(store.range("checkpoints", { limit: 5_000 }).length <= 1_025);
  assert.equal(checkpoints.get("unknown"), undefined);
});
