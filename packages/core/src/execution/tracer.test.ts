import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesToHex, concatBytes } from "../base/bytes.ts";
import { createAddress } from "../chain/address.ts";
import { deploy, executor } from "./blocks.test-support.ts";
import { createExecutor } from "./executor.ts";
import {
  ALICE,
  assemble,
  blockContext,
  CHAIN_ID,
  DESTROY,
  FACTORY,
  FORWARD,
  fundedState,
  initcode,
  STORE,
  words,
} from "./fixtures.test-support.ts";
import type { MemoryState } from "./memory-state.test-support.ts";
import { opcodeName } from "./opcodes.ts";
import type { CallEnter, CallExit, Tracer } from "./tracer.ts";
import type { CallMessage } from "./types.ts";
import { wordToHex } from "./word.ts";

interface Trace {
  readonly steps: string[];
  readonly gas: bigint[];
  readonly stacks: string[];
  readonly calls: (CallEnter | CallExit)[];
}

/** Runs a message traced, and untraced: the outcome must be the same. */
async function traced(state: MemoryState, message: Partial<CallMessage>): Promise<Trace> {
  const trace: Trace = { steps: [], gas: [], stacks: [], calls: [] };
  const tracing = createExecutor({
    chainId: CHAIN_ID,
    tracer: {
      step({ opcode, depth, gas, frame }) {
        trace.steps.push(`${depth} ${opcodeName(opcode)}`);
        trace.gas.push(gas);
        trace.stacks.push(frame.stack.slice(0, frame.sp).map(wordToHex).map(BigInt).join());
      },
      enter: (call) => trace.calls.push({ ...call, input: call.input.slice() }),
      exit: (call) => trace.calls.push(call),
    },
  });
  const whole = { from: ALICE.address, data: new Uint8Array(0), value: 0n, gasLimit: 500_000, ...message };
  const outcome = await tracing.call(blockContext(), whole, state);
  assert.deepEqual(outcome, await executor.call(blockContext(), whole, state));
  return trace;
}

describe("a tracer", () => {
  it("sees each opcode with its gas and stack before it runs, also the one that fails", async () => {
    const state = fundedState(ALICE);
    const to = await deploy(state, assemble("PUSH1 0x02 PUSH1 0x03 ADD POP POP"));
    const { steps, gas, stacks } = await traced(state, { to });
    assert.deepEqual(steps, ["0 PUSH1", "0 PUSH1", "0 ADD", "0 POP", "0 POP"]);
    assert.deepEqual(stacks, ["", "2", "2,3", "5", ""]);
    const [first = 0n] = gas;
    assert.deepEqual(
      gas.map((left) => first - left),
      [0n, 3n, 6n, 9n, 11n],
    );
  });

  it("sees messages begin and end, with what they carry and why they fail", async () => {
    const state = fundedState(ALICE);
    const store = await deploy(state, STORE);
    const forward = await deploy(state, FORWARD, 1n);
    const { calls, steps } = await traced(state, { to: forward, data: concatBytes(words(store), words(1n, 2n, 9n)) });
    const [outer, inner, innerEnd, outerEnd] = calls as [CallEnter, CallEnter, CallExit, CallExit];
    assert.deepEqual([outer.kind, outer.depth, outer.from, outer.to], ["CALL", 0, ALICE.address, forward]);
    assert.deepEqual([inner.kind, inner.depth, inner.from, inner.to], ["CALL", 1, forward, store]);
    assert.equal(bytesToHex(inner.input), bytesToHex(words(1n, 2n, 9n)));
    assert.deepEqual([innerEnd.failure, bytesToHex(innerEnd.output)], ["revert", bytesToHex(words(9n))]);
    assert.deepEqual([outerEnd.failure, outerEnd.depth], [undefined, 0]);
    assert.ok(steps.includes("1 SSTORE"));
    assert.equal(calls.length, 4);
  });

  it("sees creations and self-destruction", async () => {
    const state = fundedState(ALICE);
    const factory = await deploy(state, FACTORY);
    const destroy = await deploy(state, DESTROY, 1n, 7n);
    const made = await traced(state, { to: factory, data: initcode(STORE) });
    const [, creation, end] = made.calls as [CallEnter, CallEnter, CallExit];
    assert.deepEqual([creation.kind, creation.to], ["CREATE", createAddress(factory, 1n)]);
    assert.deepEqual(end.output, STORE);
    const [, destruction] = (await traced(state, { to: destroy })).calls as [CallEnter, CallEnter];
    assert.deepEqual([destruction.kind, destruction.value, destruction.to], ["SELFDESTRUCT", 7n, ALICE.address]);
  });

  it("is waited for as long as it looks: what there is to be shown counts for pauses, not only gas", async () => {
    const state = fundedState(ALICE);
    let nonce = 0;
    const pauses = async (code: string, tracer?: Tracer): Promise<number> => {
      let count = 0;
      const pausing = createExecutor({ chainId: CHAIN_ID, ...(tracer && { tracer }), pause: async () => void count++ });
      const to = await deploy(state, assemble(code), BigInt(nonce++));
      await pausing.call(
        blockContext(),
        { from: ALICE.address, to, data: words(), value: 0n, gasLimit: 1_000_000 },
        state,
      );
      return count;
    };
    // Shows 32 KiB of memory each time, for some hundred gas.
    const call = "PUSH0 PUSH0 PUSH2 0x8000 PUSH0 PUSH1 0xee GAS STATICCALL POP ";
    const calling = `${call.repeat(40)}STOP`;
    assert.ok((await pauses(calling, { enter() {} })) >= (await pauses(calling)) + 5);
    // Shows 32 KiB of memory at each step.
    const loop = "PUSH2 0x8000 MLOAD POP PUSH1 0x20 JUMPDEST PUSH1 0x01 SWAP1 SUB DUP1 PUSH1 0x07 JUMPI STOP";
    assert.ok((await pauses(loop, { step() {} })) >= (await pauses(loop)) + 10);
  });
});
