import assert from "node:assert/strict";
import { test } from "node:test";
import { bigIntToFixedBytes, bytesToHex } from "@counterpart/core/base/bytes";
import { createMemoryStore } from "../store/memory-store.ts";
import { readSide } from "./side-blocks.ts";

test("every side block is read, however many pages they take", () => {
  const store = createMemoryStore();
  const keys = Array.from({ length: 2_500 }, (_, i) => bigIntToFixedBytes(BigInt(i), 32));
  store.write(keys.map((key) => ({ table: "side", key, value: new Uint8Array(8) })));
  assert.deepEqual([...readSide(store)], keys.map(bytesToHex));
});
