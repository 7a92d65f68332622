import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { bigIntToFixedBytes, bytesToHex, concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import type { Block, Transaction } from "@counterpart/core/chain/types";
import type { StateReader } from "@counterpart/core/execution/types";
import type { Store, StoreWrite } from "@counterpart/core/ports/store";
import fc from "fast-check";
import { createMemoryStore } from "../store/memory-store.ts";
import { accountOf, chainOf, creationOf, openTestEngine, transactionOf, writerCode } from "./engine.test-support.ts";
import { numberKey } from "./rows.ts";
import type { Engine } from "./types.ts";
import { checkHistory } from "./verify/history-checks.ts";

const WRITER = createAddress(accountOf(1), 0n);
const SLOTS = 4;
const word = (value: number): Uint8Array => bigIntToFixedBytes(BigInt(value), 32);

/** Something of everything that can change. */
function contentOf(state: StateReader) {
  const addresses: Hex[] = [...[1, 2, 3, 4].map(accountOf), WRITER, "0x00000000000000000000000000000000000000aa"];
  const accounts = addresses.map((address) => state.account(address));
  return {
    accounts,
    codes: accounts.map((account) => account && bytesToHex(state.code(account.codeHash))),
    slots: Array.from({ length: SLOTS }, (_, slot) => state.storage(WRITER, bytesToHex(word(slot)))),
  };
}

/** What nodes showed of a block when it was their head. */
type Shown = Map<Hex, ReturnType<typeof contentOf>>;

async function noteHead(engine: Engine, shown: Shown): Promise<void> {
  shown.set(engine.head().hash, await engine.read(contentOf));
}

/** A choice of transactions, by number. */
function transactionBy(engine: Engine, choice: number): Transaction {
  const from = 1 + (choice % 4);
  const nonce = Number(engine.pool.nextNonce(accountOf(from)));
  if (from === 1 && nonce === 0) return creationOf(1, 0, writerCode(choice % 3));
  if (choice % 7 === 0) return creationOf(from, nonce, writerCode(choice % 5));
  if (choice % 3 === 0) return transactionOf(from, nonce, { value: BigInt(choice) });
  const data = concatBytes(word(choice % SLOTS), word(choice % 5 === 0 ? 0 : choice));
  return transactionOf(from, nonce, { to: WRITER, value: 0n, data });
}

async function sealOne(engine: Engine, choices: readonly number[], shown: Shown): Promise<void> {
  for (const choice of choices) await engine.submit(transactionBy(engine, choice), "local");
  await engine.seal();
  await noteHead(engine, shown);
}

/** A branch that forks off so many blocks below the head and is longer by one, or by more. */
async function rivalOf(engine: Engine, depth: number, choices: readonly number[], shown: Shown): Promise<Block[]> {
  const rival = openTestEngine({ sealer: 101 });
  const common = Math.max(0, engine.head().number - depth);
  await rival.import(chainOf(engine).slice(0, common));
  while (rival.head().number <= engine.head().number) await sealOne(rival, choices, shown);
  await rival.stop();
  return chainOf(rival).slice(common);
}

/** Every block shows what it showed, or is refused where the history has not begun. */
async function checkStates(engine: Engine, shown: Shown): Promise<void> {
  for (const { header } of [{ header: engine.header(0) ?? assert.fail() }, ...chainOf(engine)]) {
    const isHeld = header.number >= engine.historyStart;
    const found = engine.readAt(header.hash, contentOf);
    if (isHeld) assert.deepEqual(await found, shown.get(header.hash), `block ${header.number}`);
    else await assert.rejects(found, { code: "PRUNED" });
  }
}

function checkRows(store: Store): void {
  const snapshot = store.snapshot();
  assert.deepEqual([...checkHistory(snapshot)].filter(Boolean), []);
  snapshot.done();
}

const wantedStart = (engine: Engine, blocks = Number.POSITIVE_INFINITY): number =>
  Math.max(engine.adopted, engine.head().number - blocks);

async function untilStart(engine: Engine, start: number): Promise<void> {
  while (engine.historyStart !== start) await setImmediate();
}

const step = fc.oneof(
  fc.record({ kind: fc.constant("seal" as const), choices: fc.array(fc.nat(50), { minLength: 1, maxLength: 3 }) }),
  fc.record({
    kind: fc.constant("rival" as const),
    depth: fc.nat(6),
    choices: fc.array(fc.nat(50), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constant("reopen" as const),
    blocks: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
  }),
);

test("whatever the chain went through, every state that is held is what it was when its block was the head", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 16 }), async (steps) => {
      const store = createMemoryStore();
      const shown: Shown = new Map();
      // So little that reorganisations go by way of staging.
      const overlayBytesMax = 20_000;
      let engine = openTestEngine({ store, overlayBytesMax });
      await noteHead(engine, shown);
      for (const taken of steps) {
        if (taken.kind === "seal") await sealOne(engine, taken.choices, shown);
        else if (taken.kind === "rival") await engine.import(await rivalOf(engine, taken.depth, taken.choices, shown));
        else {
          await engine.stop();
          engine = openTestEngine({
            store,
            overlayBytesMax,
            ...(taken.blocks === undefined ? {} : { historyBlocks: taken.blocks }),
          });
          // Half of the time the next step comes while the keeper is at it.
          if (steps.length % 2 === 0) await untilStart(engine, wantedStart(engine, taken.blocks));
        }
        await checkStates(engine, shown);
        checkRows(store);
      }
      await engine.stop();
    }),
    { numRuns: 15 },
  );
});

async function openLong(blocks: number) {
  const store = createMemoryStore();
  const shown: Shown = new Map();
  const engine = openTestEngine({ store });
  await noteHead(engine, shown);
  for (let number = 1; number <= blocks; number++) await sealOne(engine, [number * 4, number * 5 + 1], shown);
  return { store, shown, engine };
}

describe("how much is held", () => {
  test("a history that was kept short is made whole again when all of it is wanted, from what blocks keep anyway", async () => {
    const { store, shown, engine } = await openLong(20);
    await engine.stop();
    const short = openTestEngine({ store, historyBlocks: 3 });
    await untilStart(short, 17);
    await checkStates(short, shown);
    await short.stop();
    const whole = openTestEngine({ store });
    await untilStart(whole, 0);
    await checkStates(whole, shown);
    checkRows(store);
  });

  test("a branch that forks off before the history begins is followed, and its states are held from there on", async () => {
    const { store, shown, engine } = await openLong(12);
    await engine.stop();
    const short = openTestEngine({ store, historyBlocks: 2 });
    await untilStart(short, 10);
    await short.import(await rivalOf(short, 9, [8, 9], shown));
    assert.equal(short.head().number, 13);
    await untilStart(short, 11);
    await checkStates(short, shown);
    checkRows(store);
  });

  test("what is too far behind is forgotten in writes of bounded size", async () => {
    const inner = createMemoryStore();
    const engine = openTestEngine({ store: inner });
    for (let nonce = 0; nonce < 1_500; nonce++) {
      await engine.submit(
        transactionOf(1, nonce, { to: `0x${(nonce + 4_096).toString(16).padStart(40, "0")}` }),
        "local",
      );
      if (nonce % 50 === 49) await engine.seal();
    }
    await engine.stop();
    const sizes: number[] = [];
    const write = (writes: Iterable<StoreWrite>): void => {
      const rows = [...writes];
      sizes.push(rows.length);
      inner.write(rows);
    };
    const short = openTestEngine({ store: { ...inner, write }, historyBlocks: 2 });
    await untilStart(short, 28);
    assert.ok(sizes.length > 1, "one write took it all");
    for (const size of sizes) assert.ok(size <= 1_000 + 51 + 1, `${size} rows in one write`);
    checkRows(inner);
  });

  test("a write that fails leaves the history as it was, and the next start goes on", async () => {
    const { store: inner, shown, engine } = await openLong(20);
    await engine.stop();
    let isFull = true;
    const write = (writes: Iterable<StoreWrite>): void => {
      if (isFull) throw new Error("no room");
      inner.write(writes);
    };
    const refused = openTestEngine({ store: { ...inner, write }, historyBlocks: 3 });
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    assert.equal(refused.historyStart, 0);
    await checkStates(refused, shown);
    isFull = false;
    await refused.stop();
    await untilStart(openTestEngine({ store: inner, historyBlocks: 3 }), 17);
    checkRows(inner);
  });
});

test("a call runs on the state and in the block that is named", async () => {
  const { engine } = await openLong(6);
  const { hash, timestamp } = engine.header(3) ?? assert.fail();
  // TIMESTAMP, NUMBER and the hash of block 2, a word each.
  const data = hexToBytes("0x425f524360205260024060405260605ff3");
  const message = { from: accountOf(1), data, value: 0n, gasLimit: 1_000_000 };
  const { output } = await engine.call(message, {}, hash);
  const blockHash = engine.header(2)?.hash ?? assert.fail();
  assert.equal(bytesToHex(output), bytesToHex(concatBytes(word(timestamp), word(3), hexToBytes(blockHash))));
});

test("a block that was given up has no state any more, and an unknown one never had", async () => {
  const { engine, shown } = await openLong(3);
  const lost = engine.head().hash;
  await engine.import(await rivalOf(engine, 1, [11], shown));
  await assert.rejects(engine.readAt(lost, contentOf), { code: "BLOCK_NOT_FOUND" });
  await assert.rejects(engine.readAt(bytesToHex(word(7)), contentOf), { code: "BLOCK_NOT_FOUND" });
});

test("a value that is missing from the history is found by its check", async () => {
  const { store } = await openLong(4);
  const [row] = store.range("storageHistory", { limit: 1 });
  store.write([{ table: "storageHistory", key: row?.key ?? assert.fail(), value: null }]);
  assert.ok([...checkHistory(store)].some((fault) => fault?.table === "storageHistory"));
  store.write([{ table: "changes", key: numberKey(2), value: null }]);
  assert.ok([...checkHistory(store)].some((fault) => fault?.table === "changes"));
});
