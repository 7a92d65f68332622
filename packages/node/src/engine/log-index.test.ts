import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import {
  bigIntToFixedBytes,
  bytesToHex,
  concatBytes,
  type Hex,
  hexToBytes,
  viewOf,
} from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import type { Block, Transaction } from "@counterpart/core/chain/types";
import type { Store } from "@counterpart/core/ports/store";
import fc from "fast-check";
import { createMemoryStore } from "../store/memory-store.ts";
import { accountOf, chainOf, creationOf, openTestEngine, transactionOf } from "./engine.test-support.ts";
import { createLogIndex, type ItemGroups, logBoundsRow, logsFrom, readLogBounds } from "./log-index.ts";
import { ADDRESS_ITEM, encodeItems, hasItem, ITEM_BYTES, itemOf } from "./log-items.ts";
import type { SectionLimits } from "./log-keeper.ts";
import { numberKey } from "./rows.ts";
import type { Engine } from "./types.ts";
import { checkLogs } from "./verify/log-checks.ts";

const word = (value: number): Uint8Array => bigIntToFixedBytes(BigInt(value), 32);
/** Logs nothing, with the topics calldata[0] and calldata[32]. */
const LOGGER_CODE = hexToBytes("0x600b600c600039600b6000f3" + "6020356000355f5fa200" + "00");
const LOGGERS = [1, 2].map((n) => createAddress(accountOf(n), 0n));
const TOPICS = 4;

/** So small that short chains have several, some of which end because of their items. */
const SMALL: SectionLimits = { blocks: 4, items: 12, depth: 2 };

function transactionBy(engine: Engine, choice: number): Transaction {
  const from = 1 + (choice % 2);
  const nonce = Number(engine.pool.nextNonce(accountOf(from)));
  if (nonce === 0) return creationOf(from, 0, LOGGER_CODE);
  const data = concatBytes(word(choice % TOPICS), word((choice >> 2) % TOPICS));
  // A third of the transactions call nobody, so that there are blocks without logs.
  return choice % 3 === 0
    ? transactionOf(from, nonce)
    : transactionOf(from, nonce, { to: LOGGERS[choice % 2] as Hex, value: 0n, data });
}

async function sealOne(engine: Engine, choices: readonly number[]): Promise<void> {
  for (const choice of choices) await engine.submit(transactionBy(engine, choice), "local");
  await engine.seal();
}

/** A branch that forks off so many blocks below the head and is longer by one. */
async function rivalOf(engine: Engine, depth: number, choices: readonly number[]): Promise<Block[]> {
  const rival = openTestEngine({ sealer: 101 });
  const common = Math.max(0, engine.head().number - depth);
  await rival.import(chainOf(engine).slice(0, common));
  while (rival.head().number <= engine.head().number) await sealOne(rival, choices);
  await rival.stop();
  return chainOf(rival).slice(common);
}

const groupsOf = (address: Hex | undefined, ...topics: readonly (number | undefined)[]): ItemGroups => [
  ...(address === undefined ? [] : [[itemOf(ADDRESS_ITEM, address)]]),
  ...topics.flatMap((topic, at) => (topic === undefined ? [] : [[itemOf(at, bytesToHex(word(topic)))]])),
];

const QUERIES: readonly ItemGroups[] = [
  [],
  groupsOf(LOGGERS[0]),
  groupsOf(LOGGERS[1], 1),
  groupsOf(undefined, 2, 3),
  groupsOf(undefined, undefined, 0),
  [[0, 1, 2, 3].map((topic) => itemOf(0, bytesToHex(word(topic))))],
  groupsOf("0x00000000000000000000000000000000000000ff"),
];

function ask({ logs }: Pick<Engine, "logs">, groups: ItemGroups, from: number, to: number): number[] {
  const found: number[] = [];
  for (let at = from; at <= to; ) {
    const { candidates, last } = logs.next(groups, at, to);
    assert.ok(last >= at && last <= to, "a step goes on, and not beyond what was asked");
    found.push(...candidates);
    at = last + 1;
  }
  return found;
}

/** The same from the receipts of each block. */
function lookUp(engine: Engine, groups: ItemGroups, from: number, to: number): number[] {
  const found: number[] = [];
  for (let number = from; number <= to; number++) {
    const items = viewOf(encodeItems(engine.receipts(engine.header(number)?.hash as Hex) ?? assert.fail()));
    const matches = items.byteLength > 0 && groups.every((group) => group.some((item) => hasItem(items, item)));
    if (matches) found.push(number);
  }
  return found;
}

/** From the first block that is indexed on. */
function checkQueries(engine: Engine, store: Store): void {
  const first = readLogBounds(store).start + 1;
  const head = engine.head().number;
  for (const groups of QUERIES) {
    for (const [from, to] of [
      [first, head],
      [first + 2, head - 1],
      [Math.max(first, head), head],
    ] as const) {
      if (from <= to) assert.deepEqual(ask(engine, groups, from, to), lookUp(engine, groups, from, to));
    }
  }
}

function checkRows(store: Store): void {
  assert.deepEqual([...checkLogs(store)].filter(Boolean), []);
}

async function untilGathered(engine: Engine, store: Store): Promise<void> {
  const isDone = (): boolean => {
    const { start, gathered } = readLogBounds(store);
    return start <= engine.adopted && engine.head().number - SMALL.depth - gathered < SMALL.blocks;
  };
  while (!isDone()) await setImmediate();
}

const step = fc.oneof(
  fc.record({ kind: fc.constant("seal" as const), choices: fc.array(fc.nat(50), { minLength: 1, maxLength: 3 }) }),
  fc.record({
    kind: fc.constant("rival" as const),
    depth: fc.nat(9),
    choices: fc.array(fc.nat(50), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ kind: fc.constant("forget" as const) }),
);

test("whatever the chain went through, the index leads to the blocks that the receipts have, and no check fails", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 20 }), async (steps) => {
      const store = createMemoryStore();
      const options = { store, logSections: SMALL, overlayBytesMax: 20_000 };
      let engine = openTestEngine(options);
      for (const taken of steps) {
        if (taken.kind === "seal") await sealOne(engine, taken.choices);
        else if (taken.kind === "rival") await engine.import(await rivalOf(engine, taken.depth, taken.choices));
        else {
          // As after a migration: the index begins at the head, with whatever rows there are.
          await engine.stop();
          store.write([logsFrom(engine.head().number)]);
          engine = openTestEngine(options);
        }
        checkRows(store);
        checkQueries(engine, store);
      }
      await untilGathered(engine, store);
      checkRows(store);
      checkQueries(engine, store);
      await engine.stop();
    }),
    { numRuns: 25 },
  );
});

test("of many blocks each is looked at once, in steps that are bounded, whether they have an index or not", () => {
  const store = createMemoryStore();
  const log = { address: LOGGERS[0] as Hex, topics: [], data: new Uint8Array(0) };
  const items = encodeItems([{ logs: [log] }]);
  const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);
  const indexed = numbers(601, 1_200).filter((number) => number % 10 !== 0);
  store.write([
    logsFrom(600),
    ...indexed.map((n) => ({ table: "logItems" as const, key: numberKey(n), value: items })),
  ]);
  const logs = createLogIndex(store);
  assert.deepEqual(ask({ logs }, groupsOf(LOGGERS[0]), 1, 1_200), [...numbers(1, 600), ...indexed]);
  assert.deepEqual(ask({ logs }, groupsOf(LOGGERS[1]), 601, 1_200), []);
  for (const from of [1, 601]) assert.equal(logs.next(groupsOf(LOGGERS[0]), from, 1_200).candidates.length, 256);
});

describe("items", () => {
  test("are those of addresses and of topics at their positions, each once, in order", () => {
    const [a, b] = ["0x00000000000000000000000000000000000000aa", `0x${"00".repeat(31)}aa`] as const;
    const log = { address: a, topics: [b, b] as Hex[], data: new Uint8Array(0) } as const;
    const view = viewOf(encodeItems([{ logs: [log, log] }, { logs: [log] }]));
    const items = Array.from({ length: view.byteLength / ITEM_BYTES }, (_, at) => view.getUint32(at * ITEM_BYTES));
    const wanted = [itemOf(ADDRESS_ITEM, a), itemOf(0, b), itemOf(1, b)];
    assert.deepEqual(
      items,
      wanted.toSorted((x, y) => x - y),
    );
    assert.ok(!hasItem(view, itemOf(2, b)));
  });

  test("of so many addresses differ but for a few", () => {
    const items = Array.from({ length: 50_000 }, (_, n) => itemOf(1, bytesToHex(word(n))));
    // Of 50,000 random numbers of 32 bits 0.3 are expected to be there twice.
    assert.ok(new Set(items).size > 49_990);
    for (const bit of [0, 7, 16, 31]) {
      const set = items.filter((item) => (item >>> bit) % 2 === 1).length;
      assert.ok(Math.abs(set - 25_000) < 1_000, `bit ${bit} is set in ${set}`);
    }
  });
});

describe("damage is found", () => {
  async function gathered() {
    const store = createMemoryStore();
    const engine = openTestEngine({ store, logSections: SMALL });
    for (let n = 0; n < 12; n++) await sealOne(engine, [1, 2]);
    await untilGathered(engine, store);
    await engine.stop();
    checkRows(store);
    return { store, head: engine.head().number };
  }
  const faults = (store: Store) => [...checkLogs(store)].filter((fault) => fault !== undefined);

  test("a block's items are missing", async () => {
    const { store, head } = await gathered();
    store.write([{ table: "logItems", key: numberKey(head), value: null }]);
    assert.deepEqual(
      faults(store).map(({ table, key }) => [table, key]),
      [["logItems", bytesToHex(numberKey(head))]],
    );
  });

  test("entries are missing", async () => {
    const { store } = await gathered();
    const [row] = store.range("logEntries", { limit: 1 });
    store.write([{ table: "logEntries", key: row?.key ?? assert.fail(), value: null }]);
    assert.ok(faults(store).every(({ table }) => table === "logEntries") && faults(store).length > 0);
  });

  test("a section is missing", async () => {
    const { store } = await gathered();
    const [row] = store.range("logSections", { limit: 1 });
    store.write([{ table: "logSections", key: row?.key ?? assert.fail(), value: null }]);
    assert.deepEqual(
      faults(store).map(({ table }) => table),
      ["logSections"],
    );
  });

  test("the index is said to begin after the head, or to be gathered beyond it", async () => {
    const { store, head } = await gathered();
    for (const bounds of [
      { start: head + 1, gathered: head + 1 },
      { start: 0, gathered: head + 1 },
      { start: 5, gathered: 4 },
    ]) {
      store.write([logBoundsRow(bounds)]);
      assert.deepEqual(
        faults(store).map(({ table }) => table),
        ["meta"],
      );
    }
  });
});
