import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesToHex, concatBytes, type Hex } from "../base/bytes.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { block, deploy, executor, refuse, run } from "./blocks.test-support.ts";
import {
  ALICE,
  BOB,
  blockContext,
  CHAIN_ID,
  COINBASE,
  ETHER,
  FORWARD,
  fundedState,
  initcode,
  returning,
  STORE,
  slotOf,
  type TransactionParts,
  testAccount,
  transaction,
  words,
} from "./fixtures.test-support.ts";
import type { MemoryState } from "./memory-state.test-support.ts";
import type { TransactionInvalid } from "./types.ts";

const TARGET: Hex = `0x${"77".repeat(20)}`;

describe("an invalid transaction", () => {
  const cases: readonly (readonly [string, TransactionParts, TransactionInvalid["reason"]])[] = [
    ["has a used nonce", { from: ALICE, nonce: 0n, to: TARGET }, "NONCE_TOO_LOW"],
    ["has a nonce ahead", { from: ALICE, nonce: 2n, to: TARGET }, "NONCE_TOO_HIGH"],
    [
      "sends more than there is",
      { from: ALICE, nonce: 1n, to: TARGET, value: 100n * ETHER + 1n },
      "INSUFFICIENT_FUNDS",
    ],
    [
      "cannot pay its greatest fee",
      { from: ALICE, nonce: 1n, to: TARGET, gasLimit: 100_000n, maxFeePerGas: ETHER / 1_000n + 1n },
      "INSUFFICIENT_FUNDS",
    ],
    ["comes from an account that is not there", { from: testAccount(99), to: TARGET, value: 1n }, "INSUFFICIENT_FUNDS"],
  ];
  for (const [what, parts, reason] of cases) {
    it(`that ${what} is refused as ${reason} and changes nothing`, async () => {
      const state = fundedState(ALICE);
      const first: TransactionParts = { from: ALICE, to: TARGET, value: 1n };
      const expected = await block(state, [first]);
      const execution = await executor.begin(blockContext(), state);
      await run(execution, first);
      const { reason: actual, message } = await refuse(execution, parts);
      assert.equal(actual, reason);
      assert.notEqual(message, "");
      assert.equal(execution.gasUsed, 21_000);
      assert.deepEqual(execution.finish(), expected.changes);
    });
  }

  it("that does not fit in the block is refused, and a smaller one still runs", async () => {
    const execution = await executor.begin(blockContext({ gasLimit: 100_000 }), fundedState(ALICE));
    await run(execution, { from: ALICE, to: TARGET, gasLimit: 50_000n });
    const tooLarge = await refuse(execution, { from: ALICE, nonce: 1n, to: TARGET, gasLimit: 79_001n });
    assert.equal(tooLarge.reason, "GAS_LIMIT_EXCEEDED");
    await run(execution, { from: ALICE, nonce: 1n, to: TARGET, gasLimit: 79_000n });
    assert.equal(execution.gasUsed, 42_000);
  });

  it("that pays less than the base fee, or comes from a contract, is refused", async () => {
    const state = fundedState(ALICE, BOB);
    const cheap = await executor.begin(blockContext({ baseFeePerGas: 2n }), state);
    assert.equal((await refuse(cheap, { from: ALICE, to: TARGET, maxFeePerGas: 1n })).reason, "OTHER");
    const codeHash = keccak256Hex(STORE);
    state.apply({
      accounts: new Map([[BOB.address, { nonce: 0n, balance: ETHER, codeHash }]]),
      storage: new Map(),
      codes: new Map([[codeHash, STORE]]),
    });
    const execution = await executor.begin(blockContext(), state);
    assert.match((await refuse(execution, { from: BOB, to: TARGET })).message, /EIP-3607/);
  });
});

describe("an execution", () => {
  it("ends when it is finished", async () => {
    const execution = await executor.begin(blockContext(), fundedState(ALICE));
    execution.finish();
    await assert.rejects(execution.run(transaction({ from: ALICE, to: TARGET })), /finished/);
    assert.throws(() => execution.finish(), /finished/);
  });

  it("throws what the state's reader throws, and goes on unharmed", async () => {
    const state = fundedState(ALICE);
    const store = await deploy(state, STORE);
    const forward = await deploy(state, FORWARD, 1n);
    let broken = true;
    const failing: MemoryState = {
      ...state,
      storage(address, slot) {
        if (broken && address === store) throw new Error("the disk is gone");
        return state.storage(address, slot);
      },
    };
    const parts: TransactionParts = {
      from: ALICE,
      nonce: 2n,
      to: forward,
      data: concatBytes(words(store), words(1n, 2n, 0n)),
    };
    const execution = await executor.begin(blockContext(), failing);
    await assert.rejects(execution.run(transaction(parts)), /the disk is gone/);
    broken = false;
    const outcome = await run(execution, parts);
    const healthy = await block(state, [parts]);
    assert.deepEqual(outcome, healthy.outcomes[0]);
    assert.deepEqual(execution.finish(), healthy.changes);
  });

  it("knows its block", async () => {
    const context = blockContext({ number: 1_000, baseFeePerGas: 0n });
    const state = fundedState(ALICE);
    const evaluate = async (expression: string): Promise<bigint> => {
      const runtime = returning(expression);
      const data = initcode(runtime);
      const { outcomes } = await block(
        state,
        [{ from: ALICE, data, maxFeePerGas: 4n, maxPriorityFeePerGas: 4n }],
        context,
      );
      // The deployed code is returned: run it as a call on a state that has it.
      assert.deepEqual(outcomes[0]?.output, runtime);
      const prepared = fundedState(ALICE);
      const to = await deploy(prepared, runtime);
      const message = { from: ALICE.address, to, data: new Uint8Array(0), value: 0n, gasLimit: 100_000, gasPrice: 4n };
      return BigInt(bytesToHex((await executor.call(context, message, prepared)).output));
    };
    assert.equal(await evaluate("NUMBER"), 1_000n);
    assert.equal(await evaluate("TIMESTAMP"), BigInt(context.timestamp));
    assert.equal(await evaluate("COINBASE"), BigInt(COINBASE));
    assert.equal(await evaluate("PREVRANDAO"), BigInt(context.prevRandao));
    assert.equal(await evaluate("GASLIMIT"), 60_000_000n);
    assert.equal(await evaluate("CHAINID"), BigInt(CHAIN_ID));
    assert.equal(await evaluate("BASEFEE"), 0n);
    assert.equal(await evaluate("BLOBBASEFEE"), 1n);
    assert.equal(await evaluate("GASPRICE"), 4n);
    assert.equal(await evaluate("CALLER"), BigInt(ALICE.address));
    assert.equal(await evaluate("ORIGIN"), BigInt(ALICE.address));
    const hash = (number: number): bigint => BigInt(context.blockHash(number) as Hex);
    assert.equal(await evaluate("PUSH2 0x03e7 BLOCKHASH"), hash(999));
    assert.equal(await evaluate("PUSH2 0x02e8 BLOCKHASH"), hash(744));
    assert.equal(await evaluate("PUSH2 0x02e7 BLOCKHASH"), 0n);
    assert.equal(await evaluate("PUSH2 0x03e8 BLOCKHASH"), 0n);
  });

  it("warms what an access list names (EIP-2930)", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, STORE);
    const data = words(1n, 1n, 0n);
    const plain = (await block(state, [{ from: ALICE, nonce: 1n, to, data }])).outcomes[0];
    const accessList = [{ address: to, storageKeys: [slotOf(1n)] }];
    const listed = (await block(state, [{ from: ALICE, nonce: 1n, to, data, accessList }])).outcomes[0];
    // 2,400 and 1,900 for the list, 2,100 saved in SSTORE.
    assert.equal((listed?.gasUsed ?? 0) - (plain?.gasUsed ?? 0), 2_400 + 1_900 - 2_100);
  });
});
