/** What every store must do, run on the one in memory and on LMDB. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { bytesToHex } from "@counterpart/core/base/bytes";
import type { Store, StoreWrite } from "@counterpart/core/ports/store";
import fc from "fast-check";
import { openLmdbStore } from "../packages/node/src/store/lmdb-store.ts";
import { createMemoryStore } from "../packages/node/src/store/memory-store.ts";

const key = (...bytes: number[]): Uint8Array => new Uint8Array(bytes);
const put = (at: Uint8Array, value: Uint8Array): StoreWrite => ({ table: "headers", key: at, value });
const keysOf = (entries: readonly { readonly key: Uint8Array }[]): number[] =>
  entries.map((entry) => entry.key[0] ?? -1);

interface Opened {
  readonly store: Store;
  /** Closes, opens what was written, where the store keeps anything. */
  readonly reopen?: () => Promise<Store>;
  readonly end: () => Promise<void>;
}

function openTemporaryLmdb(): Opened {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-store-"));
  const path = join(folder, "db.mdb");
  let store = openLmdbStore(path);
  return {
    store,
    async reopen() {
      await store.close();
      store = openLmdbStore(path);
      return store;
    },
    async end() {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const adapters: Record<string, () => Opened> = {
  memory: () => {
    const store = createMemoryStore();
    return { store, end: () => store.close() };
  },
  lmdb: openTemporaryLmdb,
};

for (const [name, open] of Object.entries(adapters)) {
  describe(`store on ${name}`, () => {
    test("reads what was written and nothing else", async () => {
      const { store, end } = open();
      store.write([put(key(1), key(7, 8)), { table: "codes", key: key(1), value: key(9) }]);
      assert.deepEqual(store.get("headers", key(1)), key(7, 8));
      assert.deepEqual(store.get("codes", key(1)), key(9));
      assert.equal(store.get("headers", key(2)), undefined);
      await end();
    });

    test("an empty value is a value, and removing what is absent is no error", async () => {
      const { store, end } = open();
      store.write([put(key(1), key()), { table: "headers", key: key(5), value: null }]);
      assert.deepEqual(store.get("headers", key(1)), key());
      await end();
    });

    test("ranges are in order of unsigned bytes, with the start and without the end", async () => {
      const { store, end } = open();
      store.write([200, 3, 1, 2, 255].map((n) => put(key(n), key(n))));
      const range = (options: object): number[] => keysOf(store.range("headers", { limit: 10, ...options }));
      assert.deepEqual(range({}), [1, 2, 3, 200, 255]);
      assert.deepEqual(range({ start: key(2), end: key(200) }), [2, 3]);
      assert.deepEqual(range({ start: key(2), end: key(200), reverse: true }), [3, 2]);
      assert.deepEqual(range({ start: key(4), reverse: true }), [255, 200]);
      assert.deepEqual(range({ end: key(100), reverse: true, limit: 2 }), [3, 2]);
      assert.deepEqual(range({ limit: 2 }), [1, 2]);
      await end();
    });

    test("rows that are made while they are written may follow from what was written before", async () => {
      const { store, end } = open();
      store.write([1, 2, 3].map((n) => ({ table: "staging" as const, key: key(n), value: key(n) })));
      const moves = function* (): Iterable<StoreWrite> {
        for (let page = store.range("staging", { limit: 2 }); page.length > 0; ) {
          for (const entry of page) {
            yield put(entry.key, entry.value);
            yield { table: "staging", key: entry.key, value: null };
          }
          page = store.range("staging", { limit: 2 });
        }
      };
      store.write(moves());
      assert.deepEqual(keysOf(store.range("headers", { limit: 9 })), [1, 2, 3]);
      assert.deepEqual(store.range("staging", { limit: 9 }), []);
      await end();
    });

    test("a snapshot does not move while the store does", async () => {
      const { store, end } = open();
      store.write([put(key(1), key(1))]);
      const snapshot = store.snapshot();
      store.write([put(key(1), key(2)), put(key(2), key(2))]);
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(snapshot.get("headers", key(1)), key(1));
      assert.deepEqual(keysOf(snapshot.range("headers", { limit: 9 })), [1]);
      snapshot.done();
      assert.deepEqual(store.get("headers", key(1)), key(2));
      await end();
    });

    test("what is read belongs to the reader", async () => {
      const { store, end } = open();
      store.write([put(key(1), key(1))]);
      store.get("headers", key(1))?.fill(99);
      store.range("headers", { limit: 1 })[0]?.value.fill(99);
      assert.deepEqual(store.get("headers", key(1)), key(1));
      await end();
    });

    test("agrees with a plain map over random writes", async () => {
      const writes = fc.array(
        fc.record({
          key: fc.uint8Array({ minLength: 1, maxLength: 3 }),
          value: fc.option(fc.uint8Array({ maxLength: 5 }), { nil: null }),
        }),
        { maxLength: 40 },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(writes, { maxLength: 5 }), async (batches) => {
          const { store, end } = open();
          const model = new Map<string, string>();
          for (const batch of batches) {
            store.write(batch.map((write) => ({ table: "headers" as const, ...write })));
            for (const write of batch) {
              if (write.value === null) model.delete(bytesToHex(write.key));
              else model.set(bytesToHex(write.key), bytesToHex(write.value));
            }
          }
          const held = store
            .range("headers", { limit: 1_000 })
            .map((entry) => [bytesToHex(entry.key), bytesToHex(entry.value)]);
          assert.deepEqual(
            held,
            [...model].sort(([a], [b]) => (a < b ? -1 : 1)),
          );
          await end();
        }),
        { numRuns: 20 },
      );
    });
  });
}

test("a write that LMDB refuses half-way leaves nothing behind", async () => {
  const { store, end } = openTemporaryLmdb();
  assert.throws(() => store.write([put(key(1), key(1)), put(key(), key(2))]), { code: "STORE_WRITE_FAILED" });
  assert.equal(store.get("headers", key(1)), undefined);
  await end();
});

test("LMDB keeps what was written across closing and opening", async () => {
  const opened = openTemporaryLmdb();
  opened.store.write([put(key(1), key(1))]);
  const again = await opened.reopen?.();
  assert.deepEqual(again?.get("headers", key(1)), key(1));
  await opened.end();
});
