import assert from "node:assert/strict";
import { test } from "node:test";
import { bigIntToFixedBytes, bytesToHex, concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { encodeAccount } from "@counterpart/core/chain/account";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { StoreWrite } from "@counterpart/core/ports/store";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import { createMemoryStore } from "../store/memory-store.ts";
import { forgetMoments, removeStrays } from "./leftovers.ts";
import { createOverlay } from "./overlay.ts";
import { accountKey, decodeContract, encodeContract } from "./rows.ts";

const COUNT = 300;
const ADDRESSES = Array.from({ length: COUNT }, (_, n): Hex => bytesToHex(bigIntToFixedBytes(BigInt(n + 1), 20)));
const ACCOUNT = { nonce: 1n, balance: 0n, storageRoot: EMPTY_TRIE_ROOT, codeHash: EMPTY_CODE_HASH };
const BLOCKS: readonly Hex[] = [`0x${"0a".repeat(32)}`, `0x${"0b".repeat(32)}`];
/** Every third has no account. */
const STRAYS = ADDRESSES.filter((_, n) => n % 3 === 0);

/** Contracts with a slot each, changed in either block by turns. */
function storeOfContracts() {
  const store = createMemoryStore();
  const rows = ADDRESSES.flatMap((address, n): StoreWrite[] => {
    const updated = { number: 1, hash: BLOCKS[n % 2] as Hex, timestamp: 1 };
    const entry = { address, codeHash: EMPTY_CODE_HASH, updated, genesis: false };
    const key = accountKey(address);
    const account = STRAYS.includes(address)
      ? []
      : [{ table: "accounts", key, value: encodeAccount(ACCOUNT) } as const];
    return [
      ...account,
      { table: "contracts", key: hexToBytes(address), value: encodeContract(entry) },
      { table: "unnamed", key, value: new Uint8Array(1) },
      { table: "storage", key: concatBytes(key, new Uint8Array(32)), value: Uint8Array.of(1) },
    ];
  });
  store.write(rows);
  return store;
}

/** Counts the turns that others are offered. */
function countedPause() {
  let turns = 0;
  const pause = async (): Promise<void> => {
    turns++;
  };
  return { pause, turns: () => turns };
}

test("what is of no account goes, and others are offered a turn at each row that is looked at", async () => {
  const store = storeOfContracts();
  const overlay = createOverlay(store);
  const { pause, turns } = countedPause();
  const { touched, unnamed } = await removeStrays(store, overlay, pause);
  store.write(overlay.writes());
  assert.deepEqual([...touched].sort(), STRAYS);
  assert.equal(unnamed, -STRAYS.length);
  for (const table of ["contracts", "unnamed", "storage"] as const) {
    assert.equal(store.range(table, { limit: COUNT }).length, COUNT - STRAYS.length, table);
  }
  assert.ok(turns() >= 3 * COUNT, `${turns()} turns`);
});

test("moments of blocks that are on the chain no more are forgotten, with a turn for others at each contract", async () => {
  const store = storeOfContracts();
  const overlay = createOverlay(store);
  const { pause, turns } = countedPause();
  await forgetMoments(store, overlay, (block) => block === BLOCKS[0], pause);
  store.write(overlay.writes());
  const kept = store.range("contracts", { limit: COUNT }).map(({ value }) => decodeContract(value).updated?.hash);
  assert.deepEqual(
    kept,
    ADDRESSES.map((_, n) => (n % 2 === 0 ? BLOCKS[0] : undefined)),
  );
  assert.equal(turns(), COUNT);
});
