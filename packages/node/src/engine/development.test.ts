import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, bytesToUtf8, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { createAddress } from "@counterpart/core/chain/address";
import { impersonate } from "@counterpart/core/chain/transaction";
import { createExecutor } from "@counterpart/core/execution/executor";
import type { Store } from "@counterpart/core/ports/store";
import { verifyStore } from "../contracts/verify-store.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import type { EngineDevelopment } from "./development.ts";
import {
  accountOf,
  createManualClock,
  creationOf,
  openTestEngine,
  START_MS,
  TEST_GENESIS,
  transactionOf,
  writerCode,
} from "./engine.test-support.ts";
import { readDetached } from "./irregular.ts";
import type { Engine } from "./types.ts";

const NOBODY: Hex = `0x${"77".repeat(20)}`;
const SLOT: Hex = `0x${"0".repeat(63)}3`;
/** Answers with slot 3. */
const READER = hexToBytes("0x60035460005260206000f3");

interface Opened {
  readonly engine: Engine;
  readonly dev: EngineDevelopment;
  readonly store: Store;
  readonly clock: ReturnType<typeof createManualClock>;
}

function open(store = createMemoryStore(), clock = createManualClock()): Opened {
  const executor = createExecutor({ chainId: TEST_GENESIS.chainId, contractsMaySend: true });
  const engine = openTestEngine({ store, clock, executor, development: true });
  assert.ok(engine.development);
  return { engine, dev: engine.development, store, clock };
}

const balanceOf = (engine: Engine, address: Hex): Promise<bigint> =>
  engine.read((state) => state.account(address)?.balance ?? 0n);
const slotOf = (engine: Engine, address: Hex, block?: Hex): Promise<bigint> =>
  block === undefined
    ? engine.read((state) => state.storage(address, SLOT))
    : engine.readAt(block, (state) => state.storage(address, SLOT));

function assertWhole({ store, engine }: Opened): void {
  const facts = { chainId: engine.chainId, genesisHash: engine.genesisHash, signers: [] };
  for (const { name, faults } of verifyStore(store, facts)) assert.deepEqual(faults, [], name);
}

test("an engine has no development methods unless it is opened with them", () => {
  assert.equal(openTestEngine().development, undefined);
});

test("what is set is read at once, and is part of the next block for good", async () => {
  const opened = open();
  const { engine, dev } = opened;
  dev.detach("test");
  await engine.submit(creationOf(1, 0, writerCode(1)), "local");
  await engine.seal();
  const writer = createAddress(accountOf(1), 0n);
  const before = engine.head();
  await dev.setAccount(NOBODY, { balance: 5n, nonce: 7n, code: READER });
  await dev.setSlot(NOBODY, SLOT, 9n);
  await dev.setSlot(writer, SLOT, 8n);
  assert.equal(engine.head().hash, before.hash, "no block is made");
  assert.equal(await balanceOf(engine, NOBODY), 5n);
  assert.equal(await slotOf(engine, writer), 8n);
  const call = await engine.call({ from: NOBODY, to: NOBODY, data: new Uint8Array(0), value: 0n, gasLimit: 100_000 });
  assert.equal(BigInt(bytesToHex(call.output)), 9n);
  assertWhole(opened);

  await engine.submit(transactionOf(1, 1, { to: NOBODY, value: 3n }), "local");
  await engine.seal();
  assert.equal(await balanceOf(engine, NOBODY), 8n);
  assert.equal(await slotOf(engine, NOBODY), 9n);
  assert.equal(await engine.read((state) => state.account(NOBODY)?.nonce), 7n);
  assert.notEqual(engine.head().stateRoot, before.stateRoot);
  assert.equal(await slotOf(engine, writer, before.hash), 0n, "the block before does not have it");
  assert.equal(engine.snapshot().contract(NOBODY)?.owner, undefined);
  assertWhole(opened);

  // Nothing is set any more: the next block changes what its transactions change.
  await dev.mine();
  assert.equal(engine.header(2)?.stateRoot === engine.header(3)?.stateRoot, false, "EIP-2935 writes in every block");
  assert.equal(await balanceOf(engine, NOBODY), 8n);
  assertWhole(opened);
});

test("code and storage that are taken away are gone after the next block", async () => {
  const opened = open();
  const { engine, dev } = opened;
  dev.detach("test");
  await dev.setAccount(NOBODY, { code: READER, balance: 1n });
  await dev.setSlot(NOBODY, SLOT, 9n);
  await dev.mine();
  assert.equal(engine.contractCount(), 1);
  await dev.setAccount(NOBODY, { code: new Uint8Array(0), balance: 0n });
  await dev.setSlot(NOBODY, SLOT, 0n);
  await dev.mine();
  assert.equal(engine.contractCount(), 0);
  assert.equal(await slotOf(engine, NOBODY), 0n);
  assertWhole(opened);
});

test("what is set lasts over a restart, before a block has it and after", async () => {
  const store = createMemoryStore();
  const first = open(store);
  first.dev.detach("hardhat_setBalance");
  await first.dev.setAccount(NOBODY, { balance: 5n });
  await first.engine.stop();
  const second = open(store);
  assert.equal(second.dev.detachedBy, "hardhat_setBalance");
  assert.equal(await balanceOf(second.engine, NOBODY), 5n);
  await second.dev.mine();
  await second.engine.stop();
  const third = open(store);
  assert.equal(await balanceOf(third.engine, NOBODY), 5n);
  assertWhole(third);
});

test("what is set is written by itself, however much was set before, and only what holds is read again", async () => {
  const memory = createMemoryStore();
  const written: number[] = [];
  const store: Store = {
    ...memory,
    write(rows) {
      const all = [...rows];
      written.push(all.length);
      memory.write(all);
    },
  };
  const first = open(store);
  const slotAt = (n: number): Hex => `0x${n.toString(16).padStart(64, "0")}`;
  await first.dev.mine();
  await first.dev.setAccount(accountOf(9), { balance: 6n });
  await first.dev.mine();
  for (let n = 0; n < 40; n++) await first.dev.setSlot(NOBODY, slotAt(n), BigInt(n + 1));
  written.length = 0;
  await first.dev.setSlot(NOBODY, slotAt(7), 70n);
  await first.dev.setAccount(NOBODY, { balance: 1n, code: READER });
  await first.dev.setAccount(NOBODY, { balance: 2n });
  assert.deepEqual(written, [2, 1, 1]);
  await first.engine.stop();

  const second = open(store);
  const read = (slots: readonly number[]) =>
    second.engine.read((state) => slots.map((n) => state.storage(NOBODY, slotAt(n))));
  assert.deepEqual(await read([0, 7, 39, 40]), [1n, 70n, 40n, 0n]);
  assert.equal(await balanceOf(second.engine, NOBODY), 2n);
  assert.equal(
    await second.engine.read((state) => bytesToHex(state.code(state.account(NOBODY)?.codeHash ?? "0x"))),
    bytesToHex(READER),
  );
  const id = await second.dev.snapshot();
  await second.dev.setSlot(NOBODY, slotAt(50), 5n);
  await second.dev.revert(id);
  await second.engine.stop();
  const third = open(store);
  assert.equal(await third.engine.read((state) => state.storage(NOBODY, slotAt(50))), 0n);
  assert.equal(await third.engine.read((state) => state.storage(NOBODY, slotAt(39))), 40n);
  await third.dev.reset();
  assert.deepEqual(
    memory.range("meta", { limit: 100 }).filter(({ key }) => bytesToUtf8(key).startsWith("set:")),
    [],
  );
  assertWhole(third);
});

test("an impersonated sender, a contract too, needs no signature, pending and in a block, over restarts", async () => {
  const store = createMemoryStore();
  const first = open(store);
  first.dev.detach("hardhat_impersonateAccount");
  await first.dev.setAccount(NOBODY, { balance: 5n, code: READER });
  const transaction = impersonate(
    {
      type: 2,
      chainId: BigInt(first.engine.chainId),
      nonce: 0n,
      gasLimit: 21_000n,
      maxFeePerGas: 0n,
      maxPriorityFeePerGas: 0n,
      to: accountOf(20),
      value: 2n,
      data: new Uint8Array(0),
    },
    NOBODY,
  );
  await first.engine.submit(transaction, "local");
  await first.engine.stop();
  const second = open(store);
  assert.equal(second.engine.transaction(transaction.hash)?.status, "pending");
  await second.engine.seal();
  const status = second.engine.transaction(transaction.hash);
  assert.equal(status?.status, "included");
  assert.equal(status?.transaction.sender, NOBODY);
  assert.equal(await balanceOf(second.engine, accountOf(20)), 2n);
  assertWhole(second);
});

test("a snapshot brings chain, state, pool and time back, and the same transaction can be sent again", async () => {
  const opened = open();
  const { engine, dev, clock } = opened;
  dev.detach("test");
  await engine.submit(transactionOf(1, 0), "local");
  await engine.seal();
  await dev.setAccount(NOBODY, { balance: 5n });
  await engine.submit(transactionOf(2, 0), "local");
  dev.setOffset(100);
  const head = engine.head();
  const id = await dev.snapshot();
  clock.advance(10_000);
  await engine.seal();
  await dev.setAccount(NOBODY, { balance: 6n });
  await engine.submit(transactionOf(1, 1), "local");
  await dev.mine();
  dev.setOffset(1_000);
  const heads: number[] = [];
  engine.on("head", ({ head: { number }, reverted }) => heads.push(number, reverted.length));
  assert.equal(await dev.revert(id), true);
  assert.deepEqual(heads, [1, 2]);
  assert.equal(engine.head().hash, head.hash);
  assert.equal(await balanceOf(engine, NOBODY), 5n);
  assert.deepEqual(
    engine.pool.transactions().map(({ hash }) => hash),
    [transactionOf(2, 0).hash],
  );
  assert.equal(engine.transaction(transactionOf(1, 1).hash), undefined);
  assert.equal(dev.offsetS, 90, "time goes on from the snapshot");
  assertWhole(opened);
  assert.equal(await dev.revert(id), false, "a snapshot serves once");
  await engine.submit(transactionOf(1, 1), "local");
  await engine.seal();
  assert.equal(engine.transaction(transactionOf(1, 1).hash)?.status, "included");
  assert.equal(await balanceOf(engine, NOBODY), 5n);
  assertWhole(opened);
});

test("what was set under a block is known as long as the block is", async () => {
  const { engine, dev, store } = open();
  dev.detach("test");
  const id = await dev.snapshot();
  const parent = engine.head().hash;
  await dev.setAccount(NOBODY, { balance: 5n });
  await dev.mine();
  const { hash } = engine.head();
  const rows = () =>
    [...store.range("meta", { limit: 100 })].filter(({ key }) => bytesToUtf8(key).startsWith("irregular:"));
  const under = () =>
    engine.execute(parent, async (site) => [
      site.state.account(NOBODY)?.balance,
      site.stateUnder(hash).account(NOBODY)?.balance,
    ]);
  assert.deepEqual([await under(), rows().length], [[undefined, 5n], 1]);
  await dev.mine();
  assert.equal(rows().length, 1, "nothing was set under this one");
  await dev.revert(id);
  assert.deepEqual([await under(), rows().length], [[undefined, undefined], 0]);
});

test("a snapshot before another forgets that one", async () => {
  const { dev } = open();
  const first = await dev.snapshot();
  await dev.mine();
  const second = await dev.snapshot();
  assert.equal(await dev.revert(first), true);
  assert.equal(await dev.revert(second), false);
  assert.notEqual(await dev.snapshot(), second);
});

test("a reset gives the genesis, with nothing pending, set or detached", async () => {
  const store = createMemoryStore();
  const opened = open(store);
  const { engine, dev } = opened;
  dev.detach("test");
  dev.setOffset(9);
  await engine.submit(creationOf(1, 0, writerCode(1)), "local");
  await engine.seal();
  await dev.setAccount(NOBODY, { balance: 5n });
  await engine.submit(transactionOf(2, 0), "local");
  await dev.reset();
  assert.equal(engine.head().hash, engine.genesisHash);
  assert.deepEqual([engine.pool.pending, engine.contractCount(), dev.offsetS], [0, 0, 0]);
  assert.equal(await balanceOf(engine, NOBODY), 0n);
  assert.deepEqual([dev.detachedBy, readDetached(store)], [undefined, undefined]);
  assertWhole(opened);
  const other = openTestEngine({ sealer: 101 });
  await other.submit(transactionOf(3, 0), "local");
  const block = await other.seal();
  assert.ok(block);
  assert.equal((await engine.import([block])).added, 1, "the chain of other nodes is taken again");
});

test("blocks are dated, priced and named as they were told to be, once", async () => {
  const opened = open();
  const { engine, dev } = opened;
  dev.detach("test");
  const now = START_MS / 1000;
  dev.setNext({ timestamp: now + 500, baseFeePerGas: 7n, prevRandao: `0x${"ab".repeat(32)}` });
  dev.setCoinbase(NOBODY);
  assert.equal(engine.nextContext().timestamp, now + 500);
  await dev.mine();
  const { timestamp, baseFeePerGas, coinbase, mixHash } = engine.head();
  assert.deepEqual([timestamp, baseFeePerGas, coinbase, mixHash], [now + 500, 7n, NOBODY, `0x${"ab".repeat(32)}`]);
  opened.clock.advance(3_000);
  await dev.mine();
  const next = engine.head();
  assert.deepEqual([next.timestamp, next.baseFeePerGas, next.coinbase], [now + 503, 0n, NOBODY]);
  assertWhole(opened);
});

test("blocks follow at an interval that was chosen, whatever the clock says, until it is taken away", async () => {
  const { engine, dev, clock } = open();
  const mined = async (): Promise<number> => {
    await dev.mine();
    return engine.head().timestamp;
  };
  const first = await mined();
  dev.setBlockIntervalS(600);
  clock.advance(5_000);
  assert.deepEqual([await mined(), await mined()], [first + 600, first + 1_200]);
  dev.setNext({ timestamp: first + 1_201 });
  assert.deepEqual([await mined(), await mined()], [first + 1_201, first + 1_801], "a time for one block comes first");
  const id = await dev.snapshot();
  assert.deepEqual([dev.setBlockIntervalS(undefined), dev.setBlockIntervalS(undefined)], [true, false]);
  assert.equal(await mined(), first + 1_801, "the clock is behind: as of its parent");
  await dev.revert(id);
  assert.equal(await mined(), first + 2_401, "a snapshot has the interval");
  await dev.reset();
  assert.equal(dev.setBlockIntervalS(undefined), false);
});

test("a block is never dated before its parent, also where the parent came after its time was chosen", async () => {
  const opened = open();
  const { engine, dev, clock } = opened;
  const other = openTestEngine({ sealer: 101, clock });
  await other.submit(transactionOf(3, 0), "local");
  clock.advance(30_000);
  const block = await other.seal();
  assert.ok(block);
  dev.setNext({ timestamp: START_MS / 1000 + 20 });
  assert.equal((await engine.import([block])).added, 1);
  await dev.mine();
  const sealed = engine.block(engine.head().hash);
  assert.ok(sealed);
  assert.equal(sealed.header.timestamp, block.header.timestamp);
  assert.deepEqual((await other.import([sealed])).invalid, [], "other nodes take it");
  assert.equal(other.head().hash, sealed.header.hash);
});

test("many blocks are sealed with few writes, with what is pending, and other writers have their turns", async () => {
  const memory = createMemoryStore();
  let writes = 0;
  const store: Store = {
    ...memory,
    write(rows) {
      writes++;
      memory.write(rows);
    },
  };
  const opened = open(store);
  const { engine, dev } = opened;
  dev.detach("test");
  const before = engine.head();
  await engine.submit(transactionOf(1, 0, { to: NOBODY, value: 3n }), "local");
  await engine.submit(transactionOf(1, 1, { to: NOBODY, value: 4n }), "local");
  await dev.setAccount(NOBODY, { balance: 5n });
  const heads: number[] = [];
  engine.on("head", ({ head, applied }) => heads.push(head.number, applied.length));
  writes = 0;
  const mining = dev.mine(200, 60);
  const other = dev.setAccount(accountOf(20), { balance: 1n });
  await Promise.all([mining, other]);
  assert.deepEqual(heads, [64, 64, 128, 64, 192, 64, 200, 8]);
  assert.equal(writes, 5, "four for the blocks, one for what was set between");
  const [first, second] = [engine.header(1), engine.header(2)];
  assert.ok(first && second);
  assert.equal(second.timestamp, first.timestamp + 60);
  assert.equal(engine.head().timestamp, first.timestamp + 199 * 60);
  assert.equal(first.parentHash, before.hash);
  assert.deepEqual([await balanceOf(engine, NOBODY), await balanceOf(engine, accountOf(20))], [12n, 1n]);
  assert.equal(engine.pool.pending, 0);
  assert.equal(await engine.readAt(engine.header(64)?.hash ?? before.hash, (s) => s.account(accountOf(20))), undefined);
  assertWhole(opened);
});

test("what was set for the next block is there for it after a write that failed", async () => {
  const memory = createMemoryStore();
  let isFull = false;
  const store: Store = {
    ...memory,
    write(rows) {
      if (isFull) throw new CodedError("STORE_WRITE_FAILED", "the disk is full");
      memory.write(rows);
    },
  };
  const { engine, dev } = open(store);
  dev.detach("test");
  const timestamp = engine.head().timestamp + 1_000;
  dev.setNext({ timestamp, baseFeePerGas: 7n });
  isFull = true;
  await assert.rejects(dev.mine(3), { code: "STORE_WRITE_FAILED" });
  isFull = false;
  await dev.mine();
  const { number, baseFeePerGas, ...head } = engine.head();
  assert.deepEqual([number, baseFeePerGas, head.timestamp], [1, 7n, timestamp]);
});

test("a transaction is dropped from the pool, durably", async () => {
  const store = createMemoryStore();
  const { engine, dev } = open(store);
  await engine.submit(transactionOf(1, 0), "local");
  assert.equal(await dev.drop(transactionOf(2, 0).hash), false);
  assert.equal(await dev.drop(transactionOf(1, 0).hash), true);
  await engine.stop();
  assert.equal(open(store).engine.pool.pending, 0);
});

test("a transaction that needs more gas than was set for the next block is refused at once", async () => {
  const { engine, dev } = open();
  dev.setNext({ gasLimit: 30_000 });
  const refused = engine.submit(transactionOf(1, 0, { gasLimit: 30_001n }), "local");
  await assert.rejects(refused, { code: "GAS_LIMIT_EXCEEDED", message: /30001 is above 30000/ });
  await engine.submit(transactionOf(1, 0, { gasLimit: 30_000n }), "local");
  await engine.seal();
  assert.deepEqual([engine.head().number, engine.head().gasLimit], [1, 30_000]);
});

test("a transaction that offers less than the base fee that was set for the next block is refused at once", async () => {
  const { engine, dev } = open();
  dev.setNext({ baseFeePerGas: 7n });
  const refused = engine.submit(transactionOf(1, 0, { maxFeePerGas: 6n }), "local");
  const message = /^max fee per gas less than block base fee: address 0x\w+, maxFeePerGas: 6, baseFee: 7$/;
  await assert.rejects(refused, { code: "UNDERPRICED", message });
  await engine.submit(transactionOf(1, 0, { maxFeePerGas: 7n }), "local");
  await engine.seal();
  assert.deepEqual([engine.head().number, engine.head().baseFeePerGas], [1, 7n]);
  await engine.submit(transactionOf(1, 1), "local");
});

test("what is pending below a nonce that is set leaves the pool, durably, and what is above it stays", async () => {
  const store = createMemoryStore();
  const { engine, dev } = open(store);
  const hashes = [0, 1, 2].map((nonce) => transactionOf(1, nonce).hash);
  for (const nonce of [0, 1, 2]) await engine.submit(transactionOf(1, nonce), "local");
  await engine.submit(transactionOf(2, 0), "local");
  let forgotten = 0;
  engine.on("forgotten", () => void forgotten++);
  await dev.setAccount(accountOf(1), { balance: 10n ** 20n });
  assert.deepEqual([forgotten, engine.pool.pending], [0, 4]);
  await dev.setAccount(accountOf(1), { nonce: 2n });
  assert.deepEqual(
    hashes.map((hash) => engine.transaction(hash)?.status),
    [undefined, undefined, "pending"],
  );
  assert.equal(forgotten, 1);
  await engine.stop();
  const again = open(store);
  assert.equal(again.engine.pool.pending, 2);
  await again.engine.seal();
  assert.equal(again.engine.transaction(hashes[2] ?? "0x")?.status, "included");
  assert.equal(await again.engine.read((state) => state.account(accountOf(1))?.nonce), 3n);
});

test("what is pending below a nonce that is loaded leaves the pool", async () => {
  const { engine, dev } = open();
  await engine.submit(transactionOf(1, 0), "local");
  await dev.load(new Map([[accountOf(1), { nonce: 5n }]]));
  assert.deepEqual([engine.pool.pending, engine.pool.nextNonce(accountOf(1))], [0, 5n]);
});
