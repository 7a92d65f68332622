import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesToBigInt, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { createAddress } from "../chain/address.ts";
import { BEACON_ROOTS_ADDRESS, HISTORY_ADDRESS, SYSTEM_ADDRESS } from "../chain/system-contracts.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { block, deploy, executor } from "./blocks.test-support.ts";
import {
  ALICE,
  assemble,
  blockContext,
  create2Address,
  DESTROY,
  ETHER,
  fundedState,
  initcode,
  LOGGER,
  STORE,
  slotOf,
  type TransactionParts,
  words,
} from "./fixtures.test-support.ts";

describe("storage", () => {
  it("that ends as it began is no change", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, STORE);
    const first = await block(state, [{ from: ALICE, nonce: 1n, to, data: words(1n, 5n, 0n) }]);
    assert.equal(first.changes.storage.get(to)?.get(slotOf(1n)), 5n);
    state.apply(first.changes);
    const second = await block(state, [
      { from: ALICE, nonce: 2n, to, data: words(1n, 6n, 0n) },
      { from: ALICE, nonce: 3n, to, data: words(1n, 5n, 0n) },
      { from: ALICE, nonce: 4n, to, data: words(2n, 7n, 0n) },
      { from: ALICE, nonce: 5n, to, data: words(2n, 0n, 0n) },
    ]);
    assert.equal(second.changes.storage.get(to), undefined);
    const third = await block(state, [{ from: ALICE, nonce: 2n, to, data: words(1n, 0n, 0n) }]);
    assert.deepEqual([...(third.changes.storage.get(to) ?? [])], [[slotOf(1n), 0n]]);
  });

  it("of one contract is not that of another with slots of the same numbers, whoever was asked last", async () => {
    const state = fundedState(ALICE);
    // Gives what is in slot 0, and stores its first word there unless the second one says to revert.
    const code = assemble(
      "PUSH0 SLOAD PUSH0 MSTORE PUSH0 CALLDATALOAD PUSH0 SSTORE PUSH1 0x20 PUSH0 PUSH1 0x20 CALLDATALOAD PUSH1 0x12 JUMPI RETURN JUMPDEST REVERT",
    );
    const a = await deploy(state, code);
    const b = await deploy(state, code, 1n);
    const calls: readonly [Hex, bigint, bigint][] = [
      [a, 5n, 0n],
      [b, 7n, 0n],
      [a, 9n, 1n],
      [b, 8n, 1n],
      [a, 6n, 0n],
      [b, 4n, 0n],
    ];
    const asked = calls.map(([to, value, reverts], at) => {
      return { from: ALICE, nonce: BigInt(2 + at), to, data: words(value, reverts) };
    });
    const { outcomes, changes } = await block(state, asked);
    assert.deepEqual(
      outcomes.map(({ output }) => bytesToBigInt(output)),
      [0n, 0n, 5n, 7n, 5n, 7n],
    );
    assert.deepEqual(
      [a, b].map((address) => [...(changes.storage.get(address)?.values() ?? [])]),
      [[6n], [4n]],
    );
  });

  it("is priced by its value at the beginning of each transaction, and clearing is refunded", async () => {
    const state = fundedState(ALICE);
    // Reads three cold balances as well, so that the calldata floor stays below what is charged.
    const cold = assemble("PUSH1 0xa1 BALANCE POP PUSH1 0xa2 BALANCE POP PUSH1 0xa3 BALANCE POP STOP");
    const to = await deploy(state, concatBytes(assemble("PUSH1 0x20 CALLDATALOAD PUSH0 CALLDATALOAD SSTORE"), cold));
    const write = (nonce: bigint, value: bigint): TransactionParts => ({
      from: ALICE,
      nonce,
      to,
      data: words(1n, value),
    });
    const { outcomes } = await block(state, [write(1n, 1n), write(2n, 2n), write(3n, 2n), write(4n, 0n)]);
    const [create, change, keep, clear] = outcomes.map(({ gasUsed }) => gasUsed) as [number, number, number, number];
    // EIP-2929 and EIP-2200: 22,100 for a new value, 5,000 for another, 2,200 for the same.
    assert.equal(create - change, 17_100);
    assert.equal(change - keep, 2_800);
    // EIP-3529: 4,800 back; the zero in calldata costs 12 less than a nonzero byte.
    assert.equal(change - clear, 4_800 + 12);
  });

  it("cleared cheaply is still charged the calldata floor (EIP-7623)", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, STORE);
    const { outcomes } = await block(state, [
      { from: ALICE, nonce: 1n, to, data: words(1n, 1n, 0n) },
      { from: ALICE, nonce: 2n, to, data: words(1n, 0n, 0n) },
    ]);
    assert.equal(outcomes[1]?.gasUsed, 21_000 + 10 * (95 + 4));
  });

  it("that is transient is gone in the next transaction", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, assemble("PUSH0 TLOAD PUSH0 SSTORE PUSH1 0x01 PUSH0 TSTORE STOP"));
    const { changes } = await block(state, [
      { from: ALICE, nonce: 1n, to },
      { from: ALICE, nonce: 2n, to },
    ]);
    assert.equal(changes.storage.get(to), undefined);
  });
});

describe("logs", () => {
  it("are given with address, topics and data", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, LOGGER);
    const { outcomes } = await block(state, [{ from: ALICE, nonce: 1n, to, data: words(7n, 8n, 9n) }]);
    assert.deepEqual(outcomes[0]?.logs, [{ address: to, topics: [slotOf(8n), slotOf(9n)], data: words(7n) }]);
  });
});

describe("self-destruction", () => {
  it("in the transaction of creation removes the contract (EIP-6780)", async () => {
    const state = fundedState(ALICE);
    const data = assemble("PUSH1 0x01 PUSH0 SSTORE CALLER SELFDESTRUCT");
    const { outcomes, changes } = await block(state, [{ from: ALICE, value: 3n, data }]);
    assert.equal(outcomes[0]?.status, "success");
    assert.deepEqual(outcomes[0]?.created, []);
    const address = createAddress(ALICE.address, 0n);
    assert.equal(changes.accounts.has(address), false);
    assert.equal(changes.storage.has(address), false);
    assert.equal(changes.accounts.get(ALICE.address)?.balance, 100n * ETHER);
  });

  it("by a child created and called in one transaction removes it, and its address can be used again", async () => {
    const state = fundedState(ALICE);
    // Creates a child from calldata with CREATE2 and calls it.
    const runtime = assemble(`
      CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY
      PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 CALLDATASIZE PUSH0 CALLVALUE CREATE2 GAS CALL STOP`);
    const to = await deploy(state, runtime);
    const child = initcode(DESTROY, assemble("PUSH1 0x09 PUSH1 0x01 SSTORE"));
    const address = create2Address(to, child);
    const { outcomes, changes } = await block(state, [
      { from: ALICE, nonce: 1n, to, data: child },
      { from: ALICE, nonce: 2n, to, data: child },
    ]);
    assert.deepEqual(
      outcomes.map(({ status, created }) => ({ status, created })),
      [
        { status: "success", created: [] },
        { status: "success", created: [] },
      ],
    );
    // Transaction, creation and a new slot: the child did come to be.
    assert.ok((outcomes[0]?.gasUsed ?? 0) > 21_000 + 32_000 + 22_100);
    assert.equal(outcomes[0]?.gasUsed, outcomes[1]?.gasUsed);
    assert.equal(changes.accounts.has(address), false);
    assert.equal(changes.storage.has(address), false);
    assert.equal(changes.codes.size, 0);
  });

  it("of an older contract only moves its balance", async () => {
    const state = fundedState(ALICE);
    const address = await deploy(state, DESTROY, 0n, 5n);
    const { changes } = await block(state, [{ from: ALICE, nonce: 1n, to: address }]);
    assert.deepEqual(changes.accounts.get(address), { nonce: 1n, balance: 0n, codeHash: keccak256Hex(DESTROY) });
    assert.equal(changes.accounts.get(ALICE.address)?.balance, 100n * ETHER);
  });
});

describe("a block's beginning", () => {
  it("stores the parent's hash and the beacon root (EIP-2935, EIP-4788)", async () => {
    const state = fundedState(ALICE);
    const beaconRoot = slotOf(0xbeac0n);
    const context = blockContext({ number: 8_192 + 5, parentBeaconBlockRoot: beaconRoot });
    const changes = (await executor.begin(context, state)).finish();
    const time = BigInt(context.timestamp);
    assert.deepEqual(
      [...(changes.storage.get(HISTORY_ADDRESS) ?? [])],
      [[slotOf(BigInt((8_192 + 4) % 8_191)), BigInt(context.parentHash)]],
    );
    assert.deepEqual(
      [...(changes.storage.get(BEACON_ROOTS_ADDRESS) ?? [])],
      [
        [slotOf(time % 8_191n), time],
        [slotOf((time % 8_191n) + 8_191n), 0xbeac0n],
      ],
    );
    assert.equal(changes.accounts.size, 0);
    state.apply(changes);
    const call = (to: Hex, data: Uint8Array) =>
      executor.call(
        { ...context, number: context.number + 1 },
        { from: ALICE.address, to, data, value: 0n, gasLimit: 100_000 },
        state,
      );
    assert.deepEqual((await call(HISTORY_ADDRESS, words(8_196n))).output, hexToBytes(context.parentHash));
    assert.deepEqual((await call(BEACON_ROOTS_ADDRESS, words(time))).output, hexToBytes(beaconRoot));
    assert.equal((await call(BEACON_ROOTS_ADDRESS, words(time + 1n))).status, "reverted");
  });

  it("touches nothing when those contracts are absent", async () => {
    const state = fundedState(ALICE);
    state.apply({
      accounts: new Map([
        [HISTORY_ADDRESS, null],
        [BEACON_ROOTS_ADDRESS, null],
      ]),
      storage: new Map(),
      codes: new Map(),
    });
    const changes = (await executor.begin(blockContext(), state)).finish();
    assert.deepEqual([changes.accounts.size, changes.storage.size, changes.codes.size], [0, 0, 0]);
    assert.equal(state.account(SYSTEM_ADDRESS), undefined);
  });
});

describe("an account", () => {
  it("has no balance that a word cannot hold, which only one set by hand could come to", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, assemble("SELFBALANCE PUSH0 MSTORE PUSH1 0x20 PUSH0 RETURN"));
    const max = 2n ** 256n - 1n;
    const before = state.account(to);
    assert.ok(before);
    state.apply({ accounts: new Map([[to, { ...before, balance: max - 1n }]]), storage: new Map(), codes: new Map() });
    const { outcomes, changes } = await block(state, [{ from: ALICE, nonce: 1n, to, value: 5n }]);
    assert.equal(outcomes[0]?.status, "success");
    assert.equal(changes.accounts.get(to)?.balance, max);
    const message = { from: ALICE.address, to, data: new Uint8Array(0), value: 5n, gasLimit: 100_000 };
    const { output } = await executor.call(blockContext(), message, state);
    assert.equal(bytesToBigInt(output), max);
  });
});
