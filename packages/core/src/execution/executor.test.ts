import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesToHex, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { createAddress } from "../chain/address.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { TX_GAS_MAX } from "../chain/rules.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { block, deploy, executor } from "./blocks.test-support.ts";
import {
  ALICE,
  assemble,
  blockContext,
  COINBASE,
  create2Address,
  ETHER,
  FACTORY,
  FACTORY2,
  FORWARD,
  fundedState,
  initcode,
  STORE,
  slotOf,
  words,
} from "./fixtures.test-support.ts";
import type { TransactionOutcome } from "./types.ts";

const TARGET: Hex = `0x${"77".repeat(20)}`;

describe("a transfer", () => {
  it("moves value, pays the sealer and counts the nonce", async () => {
    const state = fundedState(ALICE);
    const fees = { maxFeePerGas: 10n, maxPriorityFeePerGas: 3n };
    const { outcomes, changes } = await block(state, [{ from: ALICE, to: TARGET, value: 5n, ...fees }]);
    const { output, ...outcome } = outcomes[0] as TransactionOutcome;
    assert.deepEqual(outcome, {
      valid: true,
      status: "success",
      gasUsed: 21_000,
      logs: [],
      created: [],
      effectiveGasPrice: 3n,
    });
    assert.equal(output.length, 0);
    const codeHash = EMPTY_CODE_HASH;
    assert.deepEqual(changes.accounts.get(ALICE.address), {
      nonce: 1n,
      balance: 100n * ETHER - 5n - 63_000n,
      codeHash,
    });
    assert.deepEqual(changes.accounts.get(TARGET), { nonce: 0n, balance: 5n, codeHash });
    assert.deepEqual(changes.accounts.get(COINBASE), { nonce: 0n, balance: 63_000n, codeHash });
    assert.equal(changes.accounts.size, 3);
    assert.equal(changes.codes.size, 0);
  });

  it("pays the tip above a base fee, and burns the base fee", async () => {
    const state = fundedState(ALICE);
    const fees = { maxFeePerGas: 10n, maxPriorityFeePerGas: 5n };
    const context = blockContext({ baseFeePerGas: 7n });
    const { outcomes, changes } = await block(state, [{ from: ALICE, to: TARGET, ...fees }], context);
    assert.equal(outcomes[0]?.effectiveGasPrice, 10n);
    assert.equal(changes.accounts.get(COINBASE)?.balance, 3n * 21_000n);
    assert.equal(changes.accounts.get(ALICE.address)?.balance, 100n * ETHER - 210_000n);
  });

  it("without a price touches only those who differ afterwards", async () => {
    const state = fundedState(ALICE);
    const { changes } = await block(state, [{ from: ALICE, to: TARGET }]);
    assert.deepEqual([...changes.accounts.keys()], [ALICE.address]);
    assert.equal(changes.accounts.get(ALICE.address)?.balance, 100n * ETHER);
  });

  it("costs the same in every transaction type", async () => {
    const state = fundedState(ALICE);
    const types = [0, 1, 2] as const;
    const list = types.map((type, index) => ({
      from: ALICE,
      to: TARGET,
      type,
      nonce: BigInt(index),
      maxFeePerGas: 2n,
      maxPriorityFeePerGas: 2n,
    }));
    const { outcomes, changes } = await block(state, list);
    for (const outcome of outcomes) assert.deepEqual([outcome.gasUsed, outcome.effectiveGasPrice], [21_000, 2n]);
    assert.equal(changes.accounts.get(COINBASE)?.balance, 126_000n);
  });
});

describe("a creation", () => {
  it("stores the code at the address of sender and nonce", async () => {
    const state = fundedState(ALICE);
    const { outcomes, changes } = await block(state, [{ from: ALICE, value: 9n, data: initcode(STORE) }]);
    const address = createAddress(ALICE.address, 0n);
    assert.equal(outcomes[0]?.contractAddress, address);
    assert.deepEqual(outcomes[0]?.created, [address]);
    const codeHash = keccak256Hex(STORE);
    assert.deepEqual(changes.accounts.get(address), { nonce: 1n, balance: 9n, codeHash });
    assert.deepEqual([...changes.codes], [[codeHash, STORE]]);
  });

  it("without code has an address but is not listed as a contract", async () => {
    const { outcomes, changes } = await block(fundedState(ALICE), [{ from: ALICE }]);
    assert.equal(outcomes[0]?.contractAddress, createAddress(ALICE.address, 0n));
    assert.deepEqual(outcomes[0]?.created, []);
    assert.equal(changes.codes.size, 0);
  });

  it("that fails leaves no contract", async () => {
    const state = fundedState(ALICE);
    const reverts = assemble("PUSH0 PUSH0 REVERT");
    const eof = initcode(hexToBytes("0xef00"));
    const { outcomes, changes } = await block(state, [
      { from: ALICE, nonce: 0n, data: reverts },
      { from: ALICE, nonce: 1n, data: eof },
    ]);
    assert.deepEqual(
      outcomes.map(({ status, contractAddress, created }) => ({ status, contractAddress, created })),
      [
        { status: "reverted", contractAddress: undefined, created: [] },
        { status: "halted", contractAddress: undefined, created: [] },
      ],
    );
    assert.deepEqual([...changes.accounts.keys()], [ALICE.address]);
    assert.equal(changes.codes.size, 0);
  });

  it("that reverts with data like the code that may not be deployed keeps what gas it has left (EIP-3541)", async () => {
    // PUSH1 0xef PUSH0 MSTORE8 PUSH1 1 PUSH0 REVERT
    const reverts = hexToBytes("0x60ef5f5360015ffd");
    const { outcomes } = await block(fundedState(ALICE), [{ from: ALICE, nonce: 0n, data: reverts }]);
    const [outcome] = outcomes;
    // As of Anvil 1.7.1.
    assert.deepEqual([outcome?.status, outcome?.gasUsed, outcome?.output], ["reverted", 53_146, hexToBytes("0xef")]);
  });

  it("by a factory lists every child, and none that was reverted", async () => {
    const state = fundedState(ALICE);
    const factory = await deploy(state, FACTORY, 0n);
    const factory2 = await deploy(state, FACTORY2, 1n);
    const failing = await deploy(state, concatBytes(FACTORY.subarray(0, -1), assemble("PUSH0 PUSH0 REVERT")), 2n);
    const child = initcode(STORE);
    const grandparent = initcode(
      STORE,
      // Its own initcode, from the tail of this one, would recurse: the constructor creates a codeless child instead.
      assemble("PUSH0 PUSH0 PUSH0 CREATE POP"),
    );
    const { outcomes, changes } = await block(state, [
      { from: ALICE, nonce: 3n, to: factory, data: child },
      { from: ALICE, nonce: 4n, to: factory2, data: child },
      { from: ALICE, nonce: 5n, to: failing, data: child },
      { from: ALICE, nonce: 6n, data: grandparent },
    ]);
    assert.deepEqual(
      outcomes.map(({ created }) => created),
      [[createAddress(factory, 1n)], [create2Address(factory2, child)], [], [createAddress(ALICE.address, 6n)]],
    );
    assert.equal(outcomes[0]?.contractAddress, undefined);
    assert.equal(outcomes[2]?.status, "reverted");
    assert.equal(changes.storage.get(factory)?.get(slotOf(0n)), BigInt(createAddress(factory, 1n)));
    assert.deepEqual([...changes.codes.keys()], [keccak256Hex(STORE)]);
  });

  it("where a contract is already fails", async () => {
    const state = fundedState(ALICE);
    const factory2 = await deploy(state, FACTORY2, 0n);
    const child = initcode(STORE);
    const { outcomes, changes } = await block(state, [
      { from: ALICE, nonce: 1n, to: factory2, data: child },
      { from: ALICE, nonce: 2n, to: factory2, data: child },
    ]);
    assert.equal(outcomes[0]?.created.length, 1);
    assert.deepEqual(outcomes[1]?.created, []);
    // The slot was written twice: with the address, then with zero. It ends as it began.
    assert.equal(changes.storage.get(factory2), undefined);
  });
});

describe("an execution that fails", () => {
  it("by revert gives its data, and keeps only fee and nonce", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, STORE);
    const data = words(1n, 2n, 0xdeadn);
    const { outcomes, changes } = await block(state, [{ from: ALICE, nonce: 1n, to, data, gasLimit: 100_000n }]);
    assert.equal(outcomes[0]?.status, "reverted");
    assert.deepEqual(outcomes[0]?.output, words(0xdeadn));
    assert.equal(outcomes[0]?.halt, undefined);
    assert.ok((outcomes[0]?.gasUsed ?? 0) < 60_000);
    assert.deepEqual([...changes.accounts.keys()], [ALICE.address]);
    assert.equal(changes.storage.get(to), undefined);
  });

  it("by halt uses all its gas and names the exception", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, assemble("PUSH1 0x01 PUSH0 SSTORE INVALID"));
    const endless = await deploy(state, assemble("JUMPDEST PUSH0 JUMP"), 1n);
    const { outcomes, changes } = await block(state, [
      { from: ALICE, nonce: 2n, to, gasLimit: 100_000n },
      { from: ALICE, nonce: 3n, to: endless, gasLimit: 100_000n },
    ]);
    assert.deepEqual(
      outcomes.map(({ status, halt, gasUsed, output }) => ({ status, halt, gasUsed, size: output.length })),
      [
        { status: "halted", halt: "invalid opcode", gasUsed: 100_000, size: 0 },
        { status: "halted", halt: "out of gas", gasUsed: 100_000, size: 0 },
      ],
    );
    assert.equal(changes.storage.get(to), undefined);
  });

  it("inside a call that is forgiven is undone alone", async () => {
    const state = fundedState(ALICE);
    const store = await deploy(state, STORE, 0n);
    const forward = await deploy(state, FORWARD, 1n);
    const { outcomes, changes } = await block(state, [
      { from: ALICE, nonce: 2n, to: forward, data: concatBytes(words(store), words(4n, 44n, 0n)) },
      { from: ALICE, nonce: 3n, to: forward, data: concatBytes(words(store), words(5n, 55n, 1n)) },
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["success", "success"],
    );
    assert.deepEqual([...(changes.storage.get(store) ?? [])], [[slotOf(4n), 44n]]);
    // 1 after the first, 0 after the second: as it began.
    assert.equal(changes.storage.get(forward), undefined);
  });

  it("recurses to the greatest call depth without harm", async () => {
    const state = fundedState(ALICE);
    // Counts itself, calls itself, and returns the count.
    const itself = assemble(`
      PUSH0 SLOAD PUSH1 0x01 ADD PUSH0 SSTORE
      PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL
      PUSH0 SLOAD PUSH0 MSTORE PUSH1 0x20 PUSH0 RETURN`);
    const to = await deploy(state, itself);
    const message = { from: ALICE.address, to, data: new Uint8Array(0), value: 0n };
    // Each level keeps a 64th of the gas, so that only a sum beyond any block reaches level 1,024.
    const deep = await executor.call(blockContext(), { ...message, gasLimit: 10 ** 12 }, state);
    assert.deepEqual(deep.output, words(1_025n));
    const { outcomes } = await block(state, [{ from: ALICE, nonce: 1n, to, gasLimit: BigInt(TX_GAS_MAX) }]);
    const levels = BigInt(bytesToHex(outcomes[0]?.output ?? new Uint8Array(1)));
    assert.ok(levels > 300n && levels < 1_025n, `${levels}`);
  });
});
