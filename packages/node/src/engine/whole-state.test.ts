import assert from "node:assert/strict";
import { test } from "node:test";
import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { createAddress } from "@counterpart/core/chain/address";
import { impersonate } from "@counterpart/core/chain/transaction";
import { createExecutor } from "@counterpart/core/execution/executor";
import type { AccountEdit, IrregularState } from "@counterpart/core/execution/irregular-state";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/types";
import type { EngineCore } from "./core.ts";
import type { EngineDevelopment } from "./development.ts";
import {
  accountOf,
  creationOf,
  openTestEngine,
  TEST_GENESIS,
  transactionOf,
  writerCode,
} from "./engine.test-support.ts";
import { createOverlay } from "./overlay.ts";
import { applyChanges } from "./state.ts";
import type { Engine } from "./types.ts";
import { readWholeState } from "./whole-state.ts";

const NOBODY: Hex = `0x${"77".repeat(20)}`;
const slot = (n: number): Hex => `0x${n.toString(16).padStart(64, "0")}`;
const WITHOUT_PAUSES = async (): Promise<void> => {};
/** Writes the second word of its input into the slot that the first one names. */
const STORE = hexToBytes("0x6020356000355500");
/** Sends what it has to 0x77… and is gone. */
const GONE = hexToBytes(`0x73${"77".repeat(20)}ff`);

function open(): { readonly engine: Engine; readonly dev: EngineDevelopment } {
  const executor = createExecutor({ chainId: TEST_GENESIS.chainId, contractsMaySend: true });
  const engine = openTestEngine({ executor, development: true });
  assert.ok(engine.development);
  engine.development.detach("test");
  return { engine, dev: engine.development };
}

const rootOf = (state: IrregularState): Hex => {
  const accounts = new Map([...state.accounts].filter(([, account]) => account !== null));
  return applyChanges(createOverlay({ get: () => undefined }), EMPTY_TRIE_ROOT, { ...state, accounts });
};

test("the whole state has the root of the head, whatever transactions and hands have done", async () => {
  const { engine, dev } = open();
  assert.equal(rootOf(await dev.wholeState(WITHOUT_PAUSES)), engine.head().stateRoot, "of the genesis");

  await dev.setAccount(NOBODY, { balance: 500n, nonce: 3n, code: STORE });
  await dev.setSlot(NOBODY, slot(1), 9n);
  await dev.setSlot(NOBODY, slot(2), 9n);
  await engine.submit(creationOf(1, 0, writerCode(1)), "local");
  await engine.submit(creationOf(2, 0, GONE), "local");
  await engine.seal();
  const clear = hexToBytes(`${slot(1)}${"0".repeat(64)}`);
  await engine.submit(transactionOf(1, 1, { to: NOBODY, data: clear, gasLimit: 100_000n }), "local");
  const writer = createAddress(accountOf(1), 0n);
  const write = hexToBytes(`${slot(5)}${"1".repeat(64)}`);
  await engine.submit(transactionOf(4, 0, { to: writer, data: write, gasLimit: 100_000n }), "local");
  await engine.submit(impersonate(transactionOf(3, 3, { to: accountOf(9), value: 7n }), NOBODY), "local");
  await engine.seal();
  await dev.mine(3);
  await dev.setAccount(NOBODY, { code: new Uint8Array(0) });
  await engine.seal();
  await dev.mine(1);

  const whole = await dev.wholeState(WITHOUT_PAUSES);
  assert.equal(rootOf(whole), engine.head().stateRoot);
  assert.deepEqual([...(whole.storage.get(NOBODY) ?? [])], [[slot(2), 9n]], "the slot that was cleared is not there");
  assert.deepEqual([...(whole.storage.get(writer)?.keys() ?? [])], [slot(5)]);
  assert.equal(whole.accounts.has(createAddress(accountOf(2), 0n)), false);
});

test("what was set on the head is part of it at once", async () => {
  const { engine, dev } = open();
  await dev.setAccount(NOBODY, { balance: 5n });
  await dev.setAccount(accountOf(1), { balance: 0n });
  const { accounts } = await dev.wholeState(WITHOUT_PAUSES);
  assert.equal(accounts.get(NOBODY)?.balance, 5n);
  assert.equal(accounts.has(accountOf(1)), false, "an account without anything is none");
  assert.equal(await engine.read((state) => state.account(accountOf(1))), undefined);
});

test("what is sealed or set while the chain is executed again is not part of it", async () => {
  const { engine, dev } = open();
  await dev.mine(3);
  const root = engine.head().stateRoot;
  let pauses = 0;
  const whole = await dev.wholeState(async () => {
    if (++pauses !== 2) return;
    await engine.submit(transactionOf(1, 0, { to: NOBODY, value: 1n }), "local");
    await engine.seal();
    await dev.setAccount(accountOf(2), { balance: 3n });
  });
  assert.equal(pauses, 3);
  assert.equal(rootOf(whole), root);
});

test("a state is not read any further once whoever asks gives up", async () => {
  const { dev } = open();
  await dev.mine(3);
  let pauses = 0;
  const givingUp = async (): Promise<void> => {
    if (++pauses === 2) throw new RangeError("enough");
  };
  await assert.rejects(dev.wholeState(givingUp), { name: "RangeError" });
  assert.equal(pauses, 2);
});

test("what is loaded is set whole, over what was set before, and does not lower nonces", async () => {
  const { engine, dev } = open();
  await engine.submit(transactionOf(1, 0, { to: NOBODY, value: 1n }), "local");
  await engine.seal();
  await dev.setSlot(NOBODY, slot(1), 4n);
  const first: AccountEdit = { balance: 2n, nonce: 0n, code: new Uint8Array(0), slots: new Map() };
  const nobody: AccountEdit = { balance: 8n, nonce: 6n, code: STORE, slots: new Map([[slot(2), 5n]]) };
  await dev.load(
    new Map([
      [accountOf(1), first],
      [NOBODY, nobody],
    ]),
  );
  await dev.mine(1);
  const { accounts, storage } = await dev.wholeState(WITHOUT_PAUSES);
  assert.deepEqual([accounts.get(accountOf(1))?.balance, accounts.get(accountOf(1))?.nonce], [2n, 1n]);
  assert.deepEqual([accounts.get(NOBODY)?.balance, accounts.get(NOBODY)?.nonce], [8n, 6n]);
  assert.deepEqual(
    storage.get(NOBODY),
    new Map([
      [slot(1), 4n],
      [slot(2), 5n],
    ]),
  );
});

test("more than a block may take is not loaded, and nothing of it", async () => {
  const { engine, dev } = open();
  const slots = new Map(Array.from({ length: 16_384 }, (_, n) => [slot(n), 1n]));
  const edits = new Map([[NOBODY, { balance: 1n, nonce: 0n, code: STORE, slots }]]);
  await assert.rejects(dev.load(edits), { code: "INVALID_REQUEST", message: /at most 16384 accounts and slots/ });
  assert.equal(await engine.read((state) => state.account(NOBODY)), undefined);
});

test("a state that was taken over cannot be told whole, as no block says how it came about", async () => {
  const core = { adopted: 7 } as EngineCore;
  await assert.rejects(readWholeState(core, TEST_GENESIS, WITHOUT_PAUSES), (error) => isCodedError(error, "PRUNED"));
});
