import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { TX_GAS_MAX } from "@counterpart/core/chain/rules";
import type { SimulatedMessage, SimulatedOutcome } from "@counterpart/core/execution/simulated-message";
import type { ExecutionStatus } from "@counterpart/core/execution/types";
import fc from "fast-check";
import { RpcError } from "./errors.ts";
import { type Estimation, estimateGas } from "./estimate.ts";

const TO: Hex = `0x${"22".repeat(20)}`;

const outcome = (status: ExecutionStatus, gasUsed: number, halt?: string): SimulatedOutcome => ({
  valid: true,
  status,
  gasUsed,
  gasSpent: gasUsed,
  output: new Uint8Array(0),
  logs: [],
  created: [],
  effectiveGasPrice: 0n,
  ...(halt === undefined ? {} : { halt }),
});

/** A message that succeeds with `needed` gas and is charged `charged`. */
function estimation(needed: number, charged: number, over: Partial<Estimation> = {}) {
  const limits: number[] = [];
  const message: SimulatedMessage = {
    type: 2,
    sender: `0x${"11".repeat(20)}`,
    to: TO,
    data: new Uint8Array([1]),
    value: 0n,
    gasLimit: 50_000_000n,
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
    accessList: [],
    authorizationList: [],
  };
  const given: Estimation = {
    message,
    balance: 0n,
    toHasCode: true,
    transactionGasMax: BigInt(TX_GAS_MAX),
    async run({ gasLimit: limit }) {
      const gasLimit = Number(limit);
      if (gasLimit < 21_000) return { valid: false, kind: "INTRINSIC_GAS", message: "intrinsic gas too low" };
      limits.push(gasLimit);
      return gasLimit >= needed ? outcome("success", charged) : outcome("halted", gasLimit, "out of gas");
    },
    ...over,
  };
  return { given, limits };
}

test("the estimate is enough and at most 1.5 % too much", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 21_016, max: TX_GAS_MAX }),
      fc.double({ min: 0.3, max: 1, noNaN: true }),
      async (needed, part) => {
        const { given, limits } = estimation(needed, Math.max(21_016, Math.floor(needed * part)));
        const gas = await estimateGas(given);
        assert.ok(gas >= needed, `${gas} < ${needed}`);
        assert.ok(gas <= needed * 1.0153 + 1, `${gas} for ${needed}`);
        assert.ok(limits.length <= 30);
      },
    ),
  );
});

test("a plain transfer needs one run", async () => {
  const { given, limits } = estimation(21_000, 21_000, { toHasCode: false });
  const gas = await estimateGas({ ...given, message: { ...given.message, data: new Uint8Array(0) } });
  assert.equal(gas, 21_000);
  assert.deepEqual(limits, [21_000]);
});

const rejectsWith = (promise: Promise<unknown>, code: number, message: RegExp) =>
  assert.rejects(promise, (error) => error instanceof RpcError && error.code === code && message.test(error.message));

test("a message that reverts with all gas is a revert", async () => {
  const { given } = estimation(0, 0, { run: async () => outcome("reverted", 30_000) });
  await rejectsWith(estimateGas(given), 3, /execution reverted/);
});

test("a message that needs more than is allowed says so", async () => {
  const { given } = estimation(TX_GAS_MAX + 1, 0);
  await rejectsWith(estimateGas(given), -32000, /gas required exceeds allowance \(16777216\)/);
  const small = estimation(100_000, 100_000);
  const tight = { ...small.given.message, gasLimit: 50_000n };
  await rejectsWith(estimateGas({ ...small.given, message: tight }), -32000, /exceeds allowance \(50000\)/);
  const none = { ...small.given.message, gasLimit: 20_000n };
  await rejectsWith(estimateGas({ ...small.given, message: none }), -32000, /exceeds allowance \(20000\)/);
});

test("what the sender can pay bounds the gas", async () => {
  const { given, limits } = estimation(100_000, 100_000, { balance: 1_500_000n });
  const paying = { ...given.message, maxFeePerGas: 10n };
  const gas = await estimateGas({ ...given, message: { ...paying, value: 100_000n } });
  assert.equal(limits[0], 140_000);
  assert.ok(gas >= 100_000 && gas <= 140_000);
  const poor = estimation(100_000, 100_000, { balance: 500_000n });
  await rejectsWith(estimateGas({ ...poor.given, message: paying }), -32000, /exceeds allowance \(50000\)/);
  for (const value of [500_000n, 500_001n]) {
    const broke = { ...paying, value };
    await rejectsWith(estimateGas({ ...poor.given, message: broke }), -32000, /^insufficient funds for transfer$/);
  }
  const blobs = { blobVersionedHashes: [`0x01${"0".repeat(62)}` as Hex], maxFeePerBlobGas: 4n };
  const carrying = estimateGas({ ...poor.given, message: { ...paying, ...blobs } });
  await rejectsWith(carrying, -32000, /^insufficient funds for gas \* price \+ value$/);
});

test("what keeps a message from running at all is told with the gas it was tried with", async () => {
  const fault = { valid: false, kind: "FEE_CAP_TOO_LOW", message: "max fee per gas less than block base fee" } as const;
  const { given } = estimation(0, 0, { run: async () => fault });
  const transfer = { ...given, toHasCode: false, message: { ...given.message, data: new Uint8Array(0) } };
  for (const each of [given, transfer]) {
    await rejectsWith(
      estimateGas(each),
      -32000,
      /^failed with 16777216 gas: max fee per gas less than block base fee$/,
    );
  }
});

test("another halt than lack of gas is named", async () => {
  const { given } = estimation(0, 0, { run: async () => outcome("halted", 30_000, "invalid opcode") });
  await rejectsWith(estimateGas(given), -32000, /invalid opcode/);
});
