import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { bigIntToFixedBytes, bytesToHex, hexToBytes, utf8ToBytes } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import type { Entry, Store, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { accountOf, chainOf, creationOf, sealAll, TEST_GENESIS, transactionOf } from "../engine/engine.test-support.ts";
import type { ChainFacts } from "../engine/verify/check.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { compile, LAB_SOURCE, openTestNode } from "./contracts.test-support.ts";
import { CHECKS, type CheckResult, expectedCount, runCheck, verifyStore } from "./verify-store.ts";

const COUNTER = hexToBytes("0x675f546001015f55005f5260086018f3");
const TABLES = [
  ...["meta", "headers", "bodies", "receipts", "canonical", "side", "transactions", "accounts", "storage", "codes"],
  ...[
    "accountNodes",
    "storageNodes",
    "changes",
    "accountHistory",
    "storageHistory",
    "logItems",
    "contracts",
    "preimages",
    "pool",
    "conflicts",
    "artifacts",
  ],
  ...["artifactFeed"],
] as readonly TableName[];

let original: readonly StoreWrite[];
let chain: ChainFacts;

/** A node's rows after it merged with another: side blocks, conflicts, pending transactions, artifacts, a factory. */
async function makeRows(): Promise<readonly StoreWrite[]> {
  const store = createMemoryStore();
  const { engine, service } = openTestNode({ store });
  const other = openTestNode({ own: 2 });
  const lab = compile(LAB_SOURCE);
  for (const name of ["Lab", "Factory"]) {
    const { abi, bytecode } = lab(name);
    await service.deploy({ contractType: "custom", name, bytecode, abi, args: name === "Lab" ? ["5"] : [] });
  }
  await service.execute(createAddress(accountOf(1), 1n), { function: "make" });
  await sealAll(engine, [transactionOf(3, 0, { value: 1n }), creationOf(4, 0, COUNTER)]);
  await sealAll(engine, [transactionOf(4, 1, { to: createAddress(accountOf(4), 0n), value: 0n })]);
  await sealAll(other.engine, [transactionOf(3, 0, { value: 2n })]);
  for (let nonce = 0; nonce < 7; nonce++) await sealAll(other.engine, [transactionOf(5, nonce)]);
  await engine.import(chainOf(other.engine));
  while ((await engine.seal()) !== undefined);
  await engine.submit(transactionOf(6, 3), "local");
  chain = { chainId: engine.chainId, genesisHash: engine.genesisHash, signers: TEST_GENESIS.signers };
  return TABLES.flatMap((table) => store.range(table, { limit: 10_000 }).map((entry) => ({ table, ...entry })));
}

function storeWith(...changes: readonly StoreWrite[]): Store {
  const store = createMemoryStore();
  store.write([...original, ...changes]);
  return store;
}

const faulty = (results: readonly CheckResult[]): readonly string[] =>
  results.filter(({ faultCount }) => faultCount > 0).map(({ name }) => name);

/** What may complain of a row in this table. */
const checksOf = (table: TableName, store: Store): readonly CheckResult[] =>
  table.endsWith("History") ? [runCheck("history", store, chain)] : verifyStore(store, chain);

const rowsIn = (table: TableName): readonly (StoreWrite & { readonly value: Uint8Array })[] =>
  original.filter((row) => row.table === table) as never;

function firstRow(table: TableName, at = 0): Entry {
  const row = rowsIn(table)[at];
  assert.ok(row !== undefined, `there is no row in ${table}`);
  return row;
}

describe("a store that is whole", () => {
  before(async () => {
    original = await makeRows();
  });

  test("has no faults, and every check looked at something", () => {
    const results = verifyStore(storeWith(), chain);
    assert.deepEqual(
      results.flatMap(({ faults }) => faults),
      [],
    );
    for (const { name, examined } of results) assert.ok(examined > 0, `${name} looked at nothing`);
  });

  test("is known beforehand, about, how much each check will look at", () => {
    const store = storeWith();
    const rowsIn = (table: TableName): number => store.range(table, { limit: 10_000 }).length;
    for (const { name, examined } of verifyStore(store, chain)) {
      const expected = expectedCount(name, rowsIn);
      const apart = Math.abs(examined - expected);
      assert.ok(apart <= 10 || apart < examined / 10, `${name}: ${examined} looked at, ${expected} expected`);
    }
  });

  test("is not whole without any one of its rows", () => {
    const dispensable = new Set<TableName>(["pool", "conflicts", "side"]);
    const roleKey = bytesToHex(utf8ToBytes("role"));
    for (const { table, key } of original) {
      // A store that names no role is one of before there were any, when every node executed.
      if (dispensable.has(table) || bytesToHex(key) === roleKey) continue;
      const results = checksOf(table, storeWith({ table, key, value: null }));
      assert.notDeepEqual(faulty(results), [], `${table} ${bytesToHex(key)}`);
    }
  });

  test("is not whole with a row that follows from others and says something else", () => {
    const derived = TABLES.filter((table) => !["meta", "changes", "contracts", "conflicts", "side"].includes(table));
    for (const table of derived) {
      for (const { key, value } of rowsIn(table).filter((_, at) => at % 4 === 0)) {
        const garbled = value.length === 0 ? new Uint8Array(1) : value.slice();
        garbled[value.length >> 1] = (garbled[value.length >> 1] ?? 0) ^ 0x21;
        const results = checksOf(table, storeWith({ table, key, value: garbled }));
        assert.notDeepEqual(faulty(results), [], `${table} ${bytesToHex(key)}`);
      }
    }
  });
});

/** What is done to the rows, the check that must complain, and the table that it must name. */
const DAMAGE: readonly (readonly [string, () => readonly StoreWrite[], keyof typeof CHECKS, TableName])[] = [
  [
    "another genesis",
    () => [{ table: "meta", key: utf8ToBytes("genesis"), value: new Uint8Array(32) }],
    "names and genesis",
    "meta",
  ],
  [
    "a head that is not the last block",
    () => [{ table: "meta", key: utf8ToBytes("head"), value: firstRow("canonical", 2).value }],
    "canonical blocks",
    "meta",
  ],
  ["two blocks in each other's place", () => swapped("canonical", 1, 2), "canonical blocks", "canonical"],
  ["receipts of another block", () => swapped("receipts", 1, 3), "canonical blocks", "canonical"],
  [
    "a side block without its body",
    () => [{ table: "bodies", key: firstRow("side").key, value: null }],
    "side blocks",
    "side",
  ],
  [
    "a canonical block also kept as a side block",
    () => [{ table: "side", key: firstRow("canonical", 1).value, value: firstRow("canonical", 1).key }],
    "side blocks",
    "side",
  ],
  [
    "a header that belongs to no block",
    () => [{ table: "side", key: firstRow("side").key, value: null }],
    "rows of blocks",
    "headers",
  ],
  [
    "previous values above the head",
    () => [{ table: "changes", key: new Uint8Array(8).fill(9), value: firstRow("changes").value }],
    "indexes",
    "changes",
  ],
  ["a value of another state", () => swapped("accountHistory", 0, 1), "history", "accountHistory"],
  [
    "a slot's value before a block that did not change it",
    () => [{ table: "storageHistory", key: extended(firstRow("storageHistory").key), value: new Uint8Array([1]) }],
    "history",
    "accountHistory",
  ],
  [
    "a value from before the history begins",
    () => [{ table: "meta", key: utf8ToBytes("history"), value: bigIntToFixedBytes(2n, 8) }],
    "history",
    "accountHistory",
  ],
  [
    "a history that begins after the head",
    () => [{ table: "meta", key: utf8ToBytes("history"), value: bigIntToFixedBytes(999n, 8) }],
    "history",
    "meta",
  ],
  [
    "logs of another block",
    () => [{ ...firstRow("logItems"), table: "logItems", value: new Uint8Array(8) }],
    "index of logs",
    "logItems",
  ],
  [
    "logs of a block that is not on the chain",
    () => [{ table: "logItems", key: new Uint8Array(8).fill(9), value: firstRow("logItems").value }],
    "index of logs",
    "logItems",
  ],
  [
    "an indexed transaction that is on no block",
    () => [{ table: "transactions", key: new Uint8Array(32), value: firstRow("transactions").value }],
    "indexes",
    "transactions",
  ],
  [
    "an account that is not in the trie",
    () => [{ table: "accounts", key: new Uint8Array(32).fill(0x55), value: firstRow("accounts").value }],
    "accounts",
    "accounts",
  ],
  [
    "a node that is not part of the trie",
    () => [{ table: "accountNodes", key: new Uint8Array([0, 1, 1, 1, 1, 1, 1]), value: new Uint8Array(40) }],
    "accounts",
    "accountNodes",
  ],
  [
    "a slot that is not in the trie",
    () => [{ table: "storage", key: extended(firstRow("storage").key), value: new Uint8Array([1]) }],
    "storage",
    "storage",
  ],
  [
    "storage of nobody",
    () => [{ table: "storage", key: new Uint8Array(64).fill(0xfe), value: new Uint8Array([1]) }],
    "storage",
    "storage",
  ],
  ["code under another hash", () => swapped("codes", 0, 1), "code", "codes"],
  ["an index entry of an account without code", () => swapped("contracts", 0, 1), "contracts", "contracts"],
  ["an address under another's hash", () => swapped("preimages", 0, 1), "contracts", "preimages"],
  [
    "a contract whose address is not found by its hash",
    () => [{ table: "preimages", key: firstRow("preimages").key, value: null }],
    "contracts",
    "contracts",
  ],
  [
    "a wrong count of contracts",
    () => [{ table: "meta", key: utf8ToBytes("contracts"), value: new Uint8Array([7]) }],
    "contracts",
    "meta",
  ],
  [
    "a pending transaction under another hash",
    () => [{ table: "pool", key: new Uint8Array(32), value: firstRow("pool").value }],
    "pending transactions",
    "pool",
  ],
  [
    "a conflicted transaction under another hash",
    () => [{ table: "conflicts", key: new Uint8Array(32), value: firstRow("conflicts").value }],
    "conflicted transactions",
    "conflicts",
  ],
  ["an artifact of another contract", () => swapped("artifacts", 0, 1), "artifacts", "artifacts"],
  [
    "a place in the feed that leads nowhere",
    () => [{ table: "artifactFeed", key: new Uint8Array(8).fill(1), value: new Uint8Array(72) }],
    "artifacts",
    "artifactFeed",
  ],
];

function swapped(table: TableName, a: number, b: number): readonly StoreWrite[] {
  const [one, two] = [firstRow(table, a), firstRow(table, b)];
  return [
    { table, key: one.key, value: two.value },
    { table, key: two.key, value: one.value },
  ];
}

/** The same account's storage, another slot. */
function extended(key: Uint8Array): Uint8Array {
  const other = key.slice();
  other[63] = (other[63] ?? 0) ^ 1;
  return other;
}

describe("damage is found by the check that is there for it", () => {
  for (const [what, damage, check, table] of DAMAGE) {
    test(what, () => {
      const found = verifyStore(storeWith(...damage()), chain).find(({ name }) => name === check);
      assert.ok(
        found?.faults.some((fault) => fault.table === table),
        JSON.stringify(found),
      );
    });
  }

  test("every check finds something", () => {
    assert.deepEqual(new Set(DAMAGE.map(([, , check]) => check)), new Set(Object.keys(CHECKS)));
  });
});
