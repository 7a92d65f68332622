import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { decodeAnyTransaction } from "@counterpart/core/chain/any-transaction";
import { EMPTY_CODE_HASH, ZERO_HASH } from "@counterpart/core/chain/header";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { createExecutor, type EvmBlockExecution, type EvmExecutor } from "@counterpart/core/execution/executor";
import { rulesOf } from "@counterpart/core/execution/rules";
import type { BlockContext } from "@counterpart/core/execution/types";
import { createMemoryState, type MemoryState } from "../../packages/core/src/execution/memory-state.test-support.ts";
import { CHAIN_ID, SENDER } from "./parts.ts";
import type { Vector, VectorFork, VectorResult, VectorState } from "./vector.ts";

/**
 * Where Anvil errs: it refunds these for an authority that is not in the state, too, though EIP-7702 (step 7) does so
 * for one that is, as EthereumJS does. The fee for them goes from the sender to the sealer.
 */
const REFUND = 12_500;
const REFUNDED_WITHOUT_ACCOUNT: ReadonlySet<string> = new Set(["an account that does not", "with the other parity"]);
const TIP = 1;

const VECTORS = (JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8")) as readonly Vector[]).map(
  (vector) => (REFUNDED_WITHOUT_ACCOUNT.has(vector.name) ? withoutRefund(vector) : vector),
);
const EIPS = [2537, 2935, 4844, 7623, 7702, 7823, 7825, 7883, 7939, 7951];
const executors = new Map<VectorFork, EvmExecutor>();

function withoutRefund(vector: Vector): Vector {
  const { results, after, block } = vector;
  const paid = (address: Hex, amount: number): VectorState => {
    const known = after[address];
    assert.ok(known !== undefined);
    return { [address]: { ...known, balance: String(BigInt(known.balance) + BigInt(amount)) } };
  };
  return {
    ...vector,
    results: results.map((result) => ({ ...result, gasUsed: (result.gasUsed ?? 0) + REFUND })),
    after: {
      ...after,
      ...paid(SENDER.address, -REFUND * (block.baseFeePerGas + TIP)),
      ...paid(block.coinbase, REFUND * TIP),
    },
  };
}

function executorOf(fork: VectorFork): EvmExecutor {
  const executor = executors.get(fork) ?? createExecutor({ chainId: CHAIN_ID, fork });
  executors.set(fork, executor);
  return executor;
}

function stateOf(accounts: VectorState): MemoryState {
  const state = createMemoryState();
  const entries = Object.entries(accounts) as [Hex, VectorState[Hex]][];
  const codes = new Map(entries.map(([, { code }]) => [keccak256Hex(hexToBytes(code)), hexToBytes(code)]));
  state.apply({
    accounts: new Map(
      entries.map(([address, { nonce, balance, code }]) => [
        address,
        { nonce: BigInt(nonce), balance: BigInt(balance), codeHash: keccak256Hex(hexToBytes(code)) },
      ]),
    ),
    storage: new Map(
      entries.map(([address, { storage }]) => [
        address,
        new Map(Object.entries(storage).map(([slot, value]) => [slot as Hex, BigInt(value)])),
      ]),
    ),
    codes,
  });
  return state;
}

function contextOf({ block: { baseFeePerGas, parentHash, number, ...block } }: Vector): BlockContext {
  return {
    ...block,
    number,
    baseFeePerGas: BigInt(baseFeePerGas),
    parentHash,
    parentBeaconBlockRoot: ZERO_HASH,
    blockHash: (asked) => (asked === number - 1 ? parentHash : undefined),
  };
}

async function resultOf(execution: EvmBlockExecution, raw: Hex, fork: VectorFork): Promise<VectorResult> {
  try {
    const outcome = await execution.run(decodeAnyTransaction(hexToBytes(raw), CHAIN_ID, rulesOf(fork)));
    if (!outcome.valid) return { refused: true };
    const logs = outcome.logs.map(({ address, topics, data }) => ({ address, topics, data: bytesToHex(data) }));
    const { status, gasUsed, output } = outcome;
    return { success: status === "success", gasUsed, output: bytesToHex(output), logs };
  } catch (error) {
    if (isCodedError(error, "INVALID_TRANSACTION")) return { refused: true };
    throw error;
  }
}

/** Whatever of these accounts there is. */
function seen(state: MemoryState, addresses: readonly Hex[], slots: (address: Hex) => readonly Hex[]) {
  return addresses.map((address) => {
    const { nonce = 0n, balance = 0n, codeHash = EMPTY_CODE_HASH } = state.account(address) ?? {};
    const storage = slots(address).map((slot) => `${slot} = ${state.storage(address, slot)}`);
    return { address, nonce, balance, code: bytesToHex(state.code(codeHash)), storage };
  });
}

async function check(vector: Vector): Promise<void> {
  const { before, after, fork } = vector;
  const state = stateOf(before);
  const execution = await executorOf(fork).begin(contextOf(vector), state);
  for (const [at, raw] of vector.transactions.entries()) {
    assert.deepEqual(await resultOf(execution, raw, fork), vector.results[at], `transaction ${at}`);
  }
  state.apply(execution.finish());
  const addresses = [...new Set([...Object.keys(before), ...Object.keys(after)])] as Hex[];
  const slots = (address: Hex): Hex[] =>
    [...new Set([before, after].flatMap((accounts) => Object.keys(accounts[address]?.storage ?? {})))] as Hex[];
  assert.deepEqual(seen(state, addresses, slots), seen(stateOf(after), addresses, slots));
}

describe("what Anvil computed holds for the execution engine", () => {
  for (const eip of EIPS) {
    const vectors = VECTORS.filter((vector) => vector.eip === eip);
    test(`EIP-${eip}`, async () => {
      assert.ok(vectors.length > 4);
      for (const vector of vectors) {
        await check(vector).catch((error: Error) => {
          throw new Error(`${vector.name} (${vector.fork}): ${error.message}`);
        });
      }
    });
  }
});

test("the vectors tell transactions that succeed from those that fail and those that are refused, for each EIP", () => {
  const kinds = (eip: number): Set<string> =>
    new Set(
      VECTORS.filter((vector) => vector.eip === eip).flatMap(({ results }) =>
        results.map(({ refused, success }) => (refused ? "refused" : success ? "success" : "failure")),
      ),
    );
  for (const eip of [7623, 7702, 7825]) assert.ok(kinds(eip).has("refused"), `EIP-${eip}`);
  for (const eip of EIPS) assert.ok(kinds(eip).has(eip === 7825 ? "failure" : "success"), `EIP-${eip}`);
});
