import assert from "node:assert/strict";
import { test } from "node:test";
import { bigIntToFixedBytes, bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { decodeAccount } from "@counterpart/core/chain/account";
import { encodeRlp } from "@counterpart/core/codec/rlp";
import { keccak256, keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { AccountChange, StateChanges } from "@counterpart/core/execution/types";
import type { Store } from "@counterpart/core/ports/store";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import { createMPT } from "@ethereumjs/mpt";
import fc from "fast-check";
import { createMemoryStore } from "../store/memory-store.ts";
import { createOverlay } from "./overlay.ts";
import { decodePrevious, encodePrevious } from "./rows.ts";
import { applyChanges, applyingChanges, createStateReader, unwindChanges } from "./state.ts";

const address = (n: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(n + 1), 20));
const slot = (n: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(n), 32));
const code = new Uint8Array([0x60, 0x00]);
const CODE_HASH = keccak256Hex(code);

const accountChange = fc.record({
  nonce: fc.bigInt({ min: 0n, max: 300n }),
  balance: fc.bigInt({ min: 0n, max: 10n ** 30n }),
  codeHash: fc.constant(keccak256Hex(code)),
});

/** Blocks over a few accounts and slots, so that they overwrite each other. */
const blockChanges = fc
  .array(
    fc.record({
      account: fc.nat(7),
      change: accountChange,
      slots: fc.array(fc.tuple(fc.nat(12), fc.oneof(fc.constant(0n), fc.bigInt({ min: 1n, max: 2n ** 255n }))), {
        maxLength: 6,
      }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((rows): StateChanges => {
    const accounts = new Map<Hex, AccountChange | null>();
    const storage = new Map<Hex, Map<Hex, bigint>>();
    for (const { account, change, slots } of rows) {
      accounts.set(address(account), change);
      const values = storage.get(address(account)) ?? new Map<Hex, bigint>();
      for (const [at, value] of slots) values.set(slot(at), value);
      if (values.size > 0) storage.set(address(account), values);
    }
    return { accounts, storage, codes: new Map([[keccak256Hex(code), code]]) };
  });

function dump(store: Store): Record<string, string[][]> {
  const tables = ["accounts", "storage", "accountNodes", "storageNodes"] as const;
  return Object.fromEntries(
    tables.map((table) => [
      table,
      store.range(table, { limit: 100_000 }).map(({ key, value }) => [bytesToHex(key), bytesToHex(value)]),
    ]),
  );
}

/** The root that another implementation computes from the flat rows. */
async function rootByAnotherTrie(store: Store): Promise<Hex> {
  const trie = await createMPT();
  for (const { key, value } of store.range("accounts", { limit: 1_000 })) {
    const slots = await createMPT();
    const rows = store
      .range("storage", { limit: 10_000 })
      .filter((row) => bytesToHex(row.key.subarray(0, 32)) === bytesToHex(key));
    for (const row of rows) await slots.put(row.key.subarray(32), encodeRlp(row.value));
    assert.equal(decodeAccount(value).storageRoot, bytesToHex(slots.root()));
    await trie.put(key, value);
  }
  return bytesToHex(trie.root());
}

function inSteps(applying: Generator<void, Hex>): { readonly root: Hex; readonly steps: number } {
  for (let steps = 0; ; steps++) {
    const step = applying.next();
    if (step.done === true) return { root: step.value, steps };
  }
}

test("flat rows and tries agree after every block, and another trie computes the same root", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(blockChanges, { minLength: 1, maxLength: 5 }), async (blocks) => {
      const store = createMemoryStore();
      let root: Hex = EMPTY_TRIE_ROOT;
      for (const changes of blocks) {
        const overlay = createOverlay(store);
        root = applyChanges(overlay, root, changes);
        store.write(overlay.writes());
        assert.equal(root, await rootByAnotherTrie(store));
        const reader = createStateReader(store);
        for (const [at, slots] of changes.storage) {
          for (const [name, value] of slots) assert.equal(reader.storage(at, name), value);
        }
      }
    }),
    { numRuns: 40 },
  );
});

test("unwinding block after block restores every row and node exactly", () => {
  fc.assert(
    fc.property(fc.array(blockChanges, { minLength: 1, maxLength: 6 }), (blocks) => {
      const store = createMemoryStore();
      const history: { root: Hex; rows: ReturnType<typeof dump>; previous: Uint8Array }[] = [];
      let root: Hex = EMPTY_TRIE_ROOT;
      for (const changes of blocks) {
        const before = { root, rows: dump(store) };
        const overlay = createOverlay(store);
        overlay.record();
        root = applyChanges(overlay, root, changes);
        history.push({ ...before, previous: encodePrevious(overlay.recorded()) });
        store.write(overlay.writes());
      }
      for (const { root: expected, rows, previous } of history.reverse()) {
        const overlay = createOverlay(store);
        root = unwindChanges(overlay, root, decodePrevious(previous));
        store.write(overlay.writes());
        assert.equal(root, expected);
        assert.deepEqual(dump(store), rows);
      }
    }),
    { numRuns: 60 },
  );
});

test("a block that changes many leaves is applied in steps, to the same rows and roots, and can be taken back", async () => {
  const store = createMemoryStore();
  const roots: Hex[] = [EMPTY_TRIE_ROOT];
  const undone: Uint8Array[] = [];
  // The second block removes a part of what the first one stored.
  for (const block of [1, 2]) {
    const accounts = new Map<Hex, AccountChange | null>();
    const storage = new Map<Hex, Map<Hex, bigint>>([[address(0), new Map()]]);
    for (let n = 0; n < 300; n++) accounts.set(address(n), { nonce: BigInt(block), balance: 1n, codeHash: CODE_HASH });
    for (let n = 0; n < 700; n++) storage.get(address(0))?.set(slot(n * block), n % 3 < block ? BigInt(n + 1) : 0n);
    const overlay = createOverlay(store);
    overlay.record();
    const before = roots.at(-1) as Hex;
    const { root, steps } = inSteps(applyingChanges(overlay, before, { accounts, storage, codes: new Map() }));
    roots.push(root);
    undone.push(encodePrevious(overlay.recorded()));
    store.write(overlay.writes());
    assert.equal(root, await rootByAnotherTrie(store));
    assert.equal(steps, 3 + 2);
  }
  for (const previous of undone.reverse()) {
    const overlay = createOverlay(store);
    const root = unwindChanges(overlay, roots.pop() as Hex, decodePrevious(previous));
    store.write(overlay.writes());
    assert.equal(root, roots.at(-1));
  }
  assert.deepEqual(Object.values(dump(store)).flat(), []);
});

test("an overlay hides the store's rows without touching them", () => {
  const store = createMemoryStore();
  const key = keccak256(hexToBytes("0x01"));
  store.write([{ table: "accounts", key, value: key }]);
  const overlay = createOverlay(store);
  overlay.put("accounts", key, null);
  assert.equal(overlay.get("accounts", key), undefined);
  assert.deepEqual(store.get("accounts", key), key);
});
