import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex } from "@counterpart/core/base/bytes";
import type { Store } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import fc from "fast-check";
import { createMemoryStore } from "../store/memory-store.ts";
import { createOverlay } from "./overlay.ts";
import { clearStaging, createStaging } from "./staging.ts";

const TABLES = ["accounts", "storage", "codes"] as const satisfies readonly TableName[];

const row = fc.record({
  table: fc.constantFrom(...TABLES),
  key: fc.uint8Array({ minLength: 1, maxLength: 2, max: 3 }),
  value: fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null }),
});

function rowsOf(store: Store): readonly string[] {
  return TABLES.flatMap((table) =>
    store.range(table, { limit: 1_000 }).map(({ key, value }) => `${table} ${bytesToHex(key)} ${bytesToHex(value)}`),
  );
}

test("reads and writes are the same whether rows wait in memory or in the store", () => {
  fc.assert(
    fc.property(fc.array(row), fc.array(row, { minLength: 1 }), fc.nat(3_000), (before, puts, bytesMax) => {
      const [roomy, narrow] = [createMemoryStore(), createMemoryStore()] as const;
      for (const store of [roomy, narrow]) store.write(before);
      const inMemory = createOverlay(roomy);
      const staged = createOverlay(narrow, createStaging(narrow), bytesMax);
      for (const { table, key, value } of puts) {
        inMemory.put(table, key, value);
        staged.put(table, key, value);
        for (const asked of puts)
          assert.deepEqual(staged.get(asked.table, asked.key), inMemory.get(asked.table, asked.key));
      }
      assert.deepEqual(rowsOf(narrow), rowsOf(createWith(before)), "nothing is visible before the write");
      roomy.write(inMemory.writes());
      narrow.write(staged.writes());
      assert.deepEqual(rowsOf(narrow), rowsOf(roomy));
      assert.deepEqual(narrow.range("staging", { limit: 1 }), []);
    }),
  );
});

function createWith(rows: Parameters<Store["write"]>[0]): Store {
  const store = createMemoryStore();
  store.write(rows);
  return store;
}

test("rows that are written, and values from before, have the keys they were put with", () => {
  const keys = [1, 64, 97, 300].map((size) => new Uint8Array(size).map((_, at) => 0x80 + ((at * 7) % 128)));
  const overlay = createOverlay(createWith(keys.map((key) => ({ table: "accounts", key, value: Uint8Array.of(1) }))));
  overlay.record();
  for (const key of keys) overlay.put("accounts", key.slice(), Uint8Array.of(2));
  const plain = (rows: Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array | null }>) =>
    [...rows].map(({ key, value }) => ({ key, value }));
  const withValue = (value: number) => keys.map((key) => ({ key, value: Uint8Array.of(value) }));
  assert.deepEqual(plain(overlay.recorded()), withValue(1));
  assert.deepEqual(plain(overlay.writes()), withValue(2));
});

test("an overlay holds no more in memory than it may", () => {
  const store = createMemoryStore();
  const overlay = createOverlay(store, createStaging(store), 10_000);
  for (let n = 0; n < 500; n++) {
    overlay.put("codes", new Uint8Array([n >> 8, n & 255]), new Uint8Array(100));
    assert.ok(overlay.bytes <= 10_000);
  }
  assert.ok(store.range("staging", { limit: 1_000 }).length > 400);
  clearStaging(store);
  assert.deepEqual(store.range("staging", { limit: 1 }), []);
});
