/** The same transactions in few blocks and in one block each: nobody can tell the states apart. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes, type Hex } from "../base/bytes.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { createExecutor } from "./executor.ts";
import { assemble, blockContext, create2Address, ETHER, words } from "./fixtures.test-support.ts";
import type { Fork } from "./fork.ts";
import { createMemoryState, type MemoryState } from "./memory-state.test-support.ts";
import type { ExecutableTransaction } from "./types.ts";

const SENDER: Hex = `0x${"5e".repeat(20)}`;
const FACTORY: Hex = `0x${"fa".repeat(20)}`;
const FACTORY_CODE = assemble(
  "CALLDATASIZE PUSH1 0x00 DUP1 CALLDATACOPY PUSH1 0x00 CALLDATASIZE PUSH1 0x00 CALLVALUE CREATE2",
);
/** Stores its second word where the first one says, after it has read that; destroys itself without data. */
const RUNTIME = assemble(
  "CALLDATASIZE PUSH1 0x06 JUMPI CALLER SELFDESTRUCT JUMPDEST PUSH1 0x00 CALLDATALOAD SLOAD POP PUSH1 0x20 CALLDATALOAD PUSH1 0x00 CALLDATALOAD SSTORE STOP",
);
/** Stores 5 in slot 0. */
const INIT = concatBytes(
  assemble("PUSH1 0x05 PUSH1 0x00 SSTORE PUSH1 0x40 PUSH1 0x12 PUSH1 0x00 CODECOPY PUSH1 0x40 PUSH1 0x00 RETURN STOP"),
  RUNTIME,
);
const CHILD = create2Address(FACTORY, INIT);

type Step = Pick<ExecutableTransaction, "to" | "data" | "value">;

const steps = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Step>({ to: FACTORY, data: INIT, value: 0n }) },
  { weight: 3, arbitrary: fc.constant<Step>({ to: CHILD, data: new Uint8Array(0), value: 0n }) },
  {
    weight: 4,
    arbitrary: fc
      .record({ slot: fc.constantFrom(0n, 1n), value: fc.constantFrom(0n, 5n, 7n) })
      .map(({ slot, value }): Step => ({ to: CHILD, data: words(slot, value), value: 0n })),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ to: CHILD, data: words(1n, 1n), value: 3n }) },
);

function initialState(): MemoryState {
  const state = createMemoryState();
  const codeHash = keccak256Hex(FACTORY_CODE);
  state.apply({
    accounts: new Map([
      [SENDER, { nonce: 0n, balance: ETHER, codeHash: EMPTY_CODE_HASH }],
      [FACTORY, { nonce: 1n, balance: 0n, codeHash }],
    ]),
    storage: new Map(),
    codes: new Map([[codeHash, FACTORY_CODE]]),
  });
  return state;
}

const transactionOf = (step: Step, nonce: number): ExecutableTransaction => ({
  ...{
    type: 0,
    sender: SENDER,
    nonce: BigInt(nonce),
    gasLimit: 1_000_000n,
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
  },
  ...{ accessList: [], authorizationList: [] },
  ...step,
});

async function runBlock(fork: Fork, state: MemoryState, block: readonly ExecutableTransaction[]): Promise<void> {
  const execution = await createExecutor({ chainId: 1, fork }).begin(blockContext(), state);
  for (const transaction of block) assert.ok((await execution.run(transaction)).valid);
  state.apply(execution.finish());
}

test("contracts that are destroyed and made again leave the same state in one block as in many", async () => {
  const blocks = fc.array(fc.array(steps, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 });
  const forks = fc.constantFrom<Fork>("petersburg", "istanbul", "berlin", "shanghai", "cancun", "osaka");
  await fc.assert(
    fc.asyncProperty(forks, blocks, async (fork, plan) => {
      const [whole, split] = [initialState(), initialState()];
      let nonce = 0;
      for (const block of plan) {
        const transactions = block.map((step) => transactionOf(step, nonce++));
        await runBlock(fork, whole, transactions);
        for (const transaction of transactions) await runBlock(fork, split, [transaction]);
        assert.equal(whole.root(), split.root());
      }
    }),
    { numRuns: 400 },
  );
});
