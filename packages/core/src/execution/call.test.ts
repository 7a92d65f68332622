import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatBytes, type Hex } from "../base/bytes.ts";
import { createAddress } from "../chain/address.ts";
import { calldataFloorGas } from "../chain/intrinsic-gas.ts";
import { block, createCountingExecutor, deploy, executor } from "./blocks.test-support.ts";
import { createExecutor } from "./executor.ts";
import {
  ALICE,
  assemble,
  blockContext,
  CHAIN_ID,
  COINBASE,
  DESTROY,
  ETHER,
  FACTORY,
  FORWARD,
  fundedState,
  initcode,
  LOGGER,
  returning,
  STORE,
  slotOf,
  testAccount,
  words,
} from "./fixtures.test-support.ts";
import type { MemoryState } from "./memory-state.test-support.ts";
import type { CallMessage, CallOutcome, StateReader } from "./types.ts";

const NOBODY = testAccount(50);
const NO_DATA = new Uint8Array(0);

function call(state: MemoryState, change: Partial<CallMessage>): Promise<CallOutcome> {
  const message = { from: NOBODY.address, data: NO_DATA, value: 0n, gasLimit: 1_000_000, ...change };
  return executor.call(blockContext(), message, state);
}

describe("a call", () => {
  it("returns data, from an account that does not exist", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, returning("CALLER"));
    const outcome = await call(state, { to });
    assert.equal(outcome.status, "success");
    assert.deepEqual(outcome.output, words(NOBODY.address));
  });

  it("without a value reads neither who calls nor who seals, unless code asks for them", async () => {
    const state = fundedState(ALICE);
    const hidden = new Set<Hex>([NOBODY.address, COINBASE]);
    const reader: StateReader = {
      account(address) {
        if (hidden.has(address)) throw new Error(`${address} was read`);
        return state.account(address);
      },
      storage: (address, slot) => state.storage(address, slot),
      code: (hash) => state.code(hash),
    };
    const ask = (to: Hex, value = 0n) => {
      const message = { from: NOBODY.address, to, data: NO_DATA, value, gasLimit: 1_000_000 };
      return executor.call(blockContext(), message, reader);
    };
    const caller = await deploy(state, returning("CALLER"), 0n);
    assert.deepEqual((await ask(caller)).output, words(NOBODY.address));
    assert.deepEqual((await call(state, { to: caller })).gasUsed, (await ask(caller)).gasUsed);
    const asking = await deploy(state, returning("CALLER BALANCE"), 1n);
    const payee = await deploy(state, returning("COINBASE BALANCE"), 2n);
    await assert.rejects(ask(asking), /was read/);
    await assert.rejects(ask(payee), /was read/);
    await assert.rejects(ask(caller, 1n), /was read/);
    hidden.clear();
    // Both are warm all the same (EIP-2929, EIP-3651): 100 gas instead of 2,600.
    for (const to of [asking, payee]) {
      const { gasUsed, status } = await ask(to);
      assert.equal(status, "success");
      assert.ok(gasUsed < 21_000 + 300, String(gasUsed));
    }
  });

  it("leaves the state as it is", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, STORE);
    const root = state.root();
    await call(state, { to, data: words(1n, 2n, 0n) });
    assert.equal(state.root(), root);
    assert.equal(state.storage(to, `0x${"1".padStart(64, "0")}`), 0n);
    assert.equal(state.account(NOBODY.address), undefined);
  });

  it("reports reverts and halts as results", async () => {
    const state = fundedState(ALICE);
    const store = await deploy(state, STORE, 0n);
    const broken = await deploy(state, assemble("INVALID"), 1n);
    const reverted = await call(state, { to: store, data: words(1n, 2n, 3n) });
    assert.deepEqual([reverted.status, reverted.output], ["reverted", words(3n)]);
    const halted = await call(state, { to: broken, gasLimit: 50_000 });
    assert.deepEqual([halted.status, halted.halt, halted.gasUsed], ["halted", "invalid opcode", 50_000]);
  });

  it("gives logs, and a creation its address and code", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, LOGGER);
    const { logs } = await call(state, { to, data: words(1n, 2n, 3n) });
    assert.deepEqual(logs, [{ address: to, topics: [slotOf(2n), slotOf(3n)], data: words(1n) }]);
    const created = await call(state, { from: ALICE.address, data: initcode(STORE) });
    assert.equal(created.contractAddress, createAddress(ALICE.address, 1n));
    assert.deepEqual(created.output, STORE);
    assert.equal((await call(state, { data: assemble("INVALID") })).contractAddress, undefined);
  });

  it("may come from a contract", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, returning("CALLER"));
    assert.deepEqual((await call(state, { from: to, to })).output, words(to));
  });

  it("that sends more than the sender has halts without running", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, returning("CALLVALUE"));
    for (const target of [{ to }, {}]) {
      const outcome = await call(state, { ...target, value: 1n });
      assert.deepEqual([outcome.status, outcome.halt], ["halted", "insufficient balance"]);
    }
    const paid = await call(state, { from: ALICE.address, to, value: 5n });
    assert.deepEqual(paid.output, words(5n));
  });

  it("with less gas than its intrinsic cost runs out of it", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, STORE);
    const data = words(1n, 2n, 0n);
    const floor = calldataFloorGas({ data });
    const short = await call(state, { to, data, gasLimit: floor - 1 });
    assert.deepEqual([short.status, short.halt, short.gasUsed], ["halted", "out of gas", floor - 1]);
  });

  it("does not see another call's transient storage, warm slots or changes", async () => {
    const state = fundedState(ALICE);
    const runtime = assemble(`
      PUSH0 TLOAD PUSH0 SLOAD ADD PUSH1 0x01 PUSH0 TSTORE PUSH1 0x01 PUSH0 SSTORE PUSH0 MSTORE PUSH1 0x20 PUSH0 RETURN`);
    const to = await deploy(state, runtime);
    const outcomes = await Promise.all([call(state, { to }), call(state, { to }), call(state, { to })]);
    for (const { output, gasUsed } of outcomes) {
      assert.deepEqual(output, words(0n));
      assert.equal(gasUsed, outcomes[0]?.gasUsed);
    }
  });
});

describe("the gas of a call", () => {
  it("is what a transaction with that message is charged, refunds and floor included", async () => {
    const state = fundedState(ALICE);
    const store = await deploy(state, STORE, 0n);
    const forward = await deploy(state, FORWARD, 1n);
    const factory = await deploy(state, FACTORY, 2n);
    const destroy = await deploy(state, DESTROY, 3n, 5n);
    const { changes } = await block(state, [{ from: ALICE, nonce: 4n, to: store, data: words(1n, 7n, 0n) }]);
    state.apply(changes);
    const word = fc.constantFrom(0n, 1n, 2n, 7n);
    const bytes = fc.uint8Array({ maxLength: 200 });
    const messages = fc.oneof(
      fc.tuple(word, word, word).map(([slot, value, fail]) => ({ to: store, data: words(slot, value, fail) })),
      fc.tuple(word, word, word).map(([slot, value, fail]) => ({
        to: forward,
        data: concatBytes(words(store), words(slot, value, fail)),
      })),
      fc
        .constantFrom<Hex>(COINBASE, NOBODY.address, store, `0x${"2".padStart(40, "0")}`)
        .map((inner) => ({ to: forward, data: words(inner) })),
      fc.constant({ to: factory, data: initcode(STORE) }),
      fc.constant({ to: destroy, data: NO_DATA }),
      fc.constant({ data: initcode(STORE) }),
      bytes.map((data) => ({ to: NOBODY.address, data })),
      bytes.map((data) => ({ data })),
    );
    const accessLists = fc.constantFrom([], [{ address: store, storageKeys: [slotOf(1n)] }]);
    await fc.assert(
      fc.asyncProperty(messages, fc.constantFrom(0n, 3n), accessLists, async (message, value, accessList) => {
        const gasLimit = 500_000;
        const parts = { ...message, value, accessList };
        const simulated = await call(state, { from: ALICE.address, gasLimit, ...parts });
        const [sealed] = (await block(state, [{ from: ALICE, nonce: 5n, gasLimit: BigInt(gasLimit), ...parts }]))
          .outcomes;
        assert.equal(simulated.gasUsed, sealed?.gasUsed);
        assert.equal(simulated.status, sealed?.status);
        assert.deepEqual(simulated.output, sealed?.output);
        assert.equal(simulated.contractAddress, sealed?.contractAddress);
      }),
      { numRuns: 80 },
    );
  });

  it("does not depend on the sender's funds when nothing is sent", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, STORE);
    const data = words(1n, 1n, 0n);
    const poor = await call(state, { to, data, gasPrice: ETHER });
    const rich = await call(state, { from: ALICE.address, to, data });
    assert.equal(poor.status, "success");
    assert.equal(poor.gasUsed, rich.gasUsed);
  });
});

describe("an executor that pauses", () => {
  /** Counts down from calldata[0]. */
  const LOOP = assemble("PUSH0 CALLDATALOAD JUMPDEST PUSH1 0x01 DUP2 SUB SWAP1 POP DUP1 PUSH1 0x02 JUMPI STOP");

  it("does so in loops and calls, and gives the same results", async () => {
    const state = fundedState(ALICE);
    const loop = await deploy(state, LOOP);
    const forward = await deploy(state, FORWARD, 1n);
    let pauses = 0;
    const pausing = createExecutor({
      chainId: CHAIN_ID,
      pause: async () => {
        pauses++;
        await new Promise((resolve) => setImmediate(resolve));
      },
    });
    const base = { from: ALICE.address, value: 0n, gasLimit: 10_000_000 };
    // 31 gas each time round: one pause for each 20,000.
    for (const [to, data, atLeast] of [
      [loop, words(100_000n), 150],
      [forward, words(loop, 50_000n), 75],
    ] as const) {
      const message = { ...base, to, data };
      pauses = 0;
      const outcome = await pausing.call(blockContext(), message, state);
      assert.ok(pauses >= atLeast, `${pauses} pauses`);
      assert.deepEqual(outcome, await executor.call(blockContext(), message, state));
    }
  });

  it("does so in straight code that hashes, exponentiates or reads", async () => {
    const state = fundedState(ALICE);
    const { pauses, executor: pausing } = createCountingExecutor();
    // 1,500 to 2,100 gas each.
    const steps = ["PUSH2 0x2000 PUSH0 KECCAK256 POP", "PUSH0 NOT PUSH0 EXP POP", "ADDRESS GAS ADD SLOAD POP"];
    for (const [index, step] of steps.entries()) {
      const to = await deploy(state, assemble(`${`${step} `.repeat(50)}STOP`), BigInt(index));
      const message = { from: ALICE.address, to, data: words(), value: 0n, gasLimit: 1_000_000 };
      pauses.count = 0;
      const outcome = await pausing.call(blockContext(), message, state);
      assert.ok(pauses.count >= 3, `${pauses.count} pauses in ${step}`);
      assert.deepEqual(outcome, await executor.call(blockContext(), message, state));
    }
  });

  it("keeps calls that run at the same time apart", async () => {
    const state = fundedState(ALICE);
    const loop = await deploy(state, LOOP);
    const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const pausing = createExecutor({ chainId: CHAIN_ID, pause });
    const run = (times: bigint): Promise<CallOutcome> =>
      pausing.call(
        blockContext(),
        { from: ALICE.address, to: loop, data: words(times), value: 0n, gasLimit: 1_000_000 },
        state,
      );
    const alone = await Promise.all([300n, 700n, 500n].map(async (times) => (await run(times)).gasUsed));
    const together = await Promise.all(Array.from({ length: 12 }, (_, i) => run([300n, 700n, 500n][i % 3] as bigint)));
    for (const [i, { gasUsed, status }] of together.entries()) {
      assert.deepEqual([status, gasUsed], ["success", alone[i % 3]]);
    }
  });
});
