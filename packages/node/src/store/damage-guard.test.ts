import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import type { Store, StoreReader } from "@counterpart/core/ports/store";
import { guardStore } from "./damage-guard.ts";
import { keyText } from "./key-text.ts";
import { createMemoryStore } from "./memory-store.ts";

const KEY = new Uint8Array([1]);
const VALUE = new Uint8Array([2]);
const corrupt = { code: "STORE_CORRUPT" };

/** A store whose accounts are damaged. */
function createDamagedStore(): Store {
  const inner = createMemoryStore();
  const damaged = (reader: StoreReader): StoreReader => ({
    get(table, key) {
      if (table === "accounts") throw new CodedError("STORE_CORRUPT", "damaged");
      return reader.get(table, key);
    },
    range(table, options) {
      if (table === "accounts") throw new CodedError("STORE_CORRUPT", "damaged");
      return reader.range(table, options);
    },
  });
  return {
    ...inner,
    ...damaged(inner),
    snapshot() {
      const snapshot = inner.snapshot();
      return { ...snapshot, ...damaged(snapshot) };
    },
  };
}

const reads: Readonly<Record<string, (store: Store) => unknown>> = {
  "a read": (store) => store.get("accounts", KEY),
  "a range": (store) => store.range("accounts", { limit: 1 }),
  "a read of a snapshot": (store) => store.snapshot().get("accounts", KEY),
  "a range of a snapshot": (store) => store.snapshot().range("accounts", { limit: 1 }),
};
for (const [name, read] of Object.entries(reads)) {
  test(`after ${name} came upon damage nothing is written, and the rest can be read`, () => {
    const told: CodedError[] = [];
    const store = guardStore(createDamagedStore(), (error) => told.push(error));
    store.write([{ table: "codes", key: KEY, value: VALUE }]);
    assert.equal(store.damage, undefined);
    assert.throws(() => read(store), corrupt);
    assert.throws(() => read(store), corrupt);
    assert.deepEqual(told, [store.damage]);
    assert.throws(() => store.write([{ table: "codes", key: KEY, value: null }]), corrupt);
    assert.deepEqual(store.get("codes", KEY), VALUE);
  });
}

test("a write that comes upon damage while it makes its rows is the last", () => {
  const store = guardStore(createDamagedStore(), () => {});
  const rows = function* () {
    yield { table: "codes" as const, key: KEY, value: store.get("accounts", KEY) ?? null };
  };
  assert.throws(() => store.write(rows()), corrupt);
  assert.throws(() => store.write([]), corrupt);
});

test("the text of a key is handed on", () => {
  const asked: (string | undefined)[] = [];
  const inner = createMemoryStore();
  const store = guardStore({ ...inner, get: (_table, _key, name) => void asked.push(name) }, () => {});
  store.get("codes", KEY, keyText(KEY));
  store.get("codes", KEY);
  assert.deepEqual(asked, [keyText(KEY), undefined]);
});

test("an error that is no damage stops nothing", () => {
  const inner = createMemoryStore();
  const failing: Store = {
    ...inner,
    get() {
      throw new CodedError("STORE_WRITE_FAILED", "something else");
    },
  };
  const store = guardStore(failing, () => assert.fail("it is no damage"));
  assert.throws(() => store.get("codes", KEY), { code: "STORE_WRITE_FAILED" });
  store.write([{ table: "codes", key: KEY, value: VALUE }]);
  assert.equal(store.damage, undefined);
});
