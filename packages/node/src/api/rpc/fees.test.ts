import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accountOf,
  chainOf,
  openTestEngine,
  sealAll,
  stateOf,
  transactionOf,
} from "../../engine/engine.test-support.ts";
import { createFakeBackend, openTestApi } from "../fake-backend.test-support.ts";
import { ask, fails } from "./asking.test-support.ts";
import { rewardsAt } from "./fees.ts";

test("rewards are percentiles of the gas, cheapest first", () => {
  const receipts = [
    { gasUsed: 10, effectiveGasPrice: 15n },
    { gasUsed: 80, effectiveGasPrice: 12n },
    { gasUsed: 10, effectiveGasPrice: 11n },
  ];
  assert.deepEqual(rewardsAt([0, 10, 11, 90, 91, 100], 100, 10n, receipts), [1n, 1n, 2n, 2n, 5n, 5n]);
  assert.deepEqual(rewardsAt([50], 0, 10n, []), [0n]);
});

test("the history has a base fee more than it has blocks, and rewards when asked", async () => {
  const api = await openTestApi();
  await api.engine.submit(transactionOf(1, 0, { maxFeePerGas: 9n, maxPriorityFeePerGas: 7n }), "local");
  await api.engine.submit(transactionOf(1, 1), "local");
  const { result } = await api.rpc("eth_feeHistory", "0x2", "latest", [50]);
  assert.deepEqual(result, {
    oldestBlock: "0x1",
    baseFeePerGas: ["0x0", "0x0", "0x0"],
    gasUsedRatio: [0.00035, 0.00035],
    baseFeePerBlobGas: ["0x1", "0x1", "0x1"],
    blobGasUsedRatio: [0, 0],
    reward: [["0x7"], ["0x0"]],
  });
  const whole = (await api.rpc("eth_feeHistory", 5000, "0x1")).result as Record<string, unknown[]>;
  assert.equal(whole.gasUsedRatio?.length, 2);
  assert.equal(whole.reward, undefined);
  for (const count of [2, "2"])
    assert.deepEqual((await api.rpc("eth_feeHistory", count, "latest", [50])).result, result);
  assert.deepEqual((await api.rpc("eth_feeHistory", "0x0", "latest")).result, {
    oldestBlock: "0x0",
    baseFeePerGas: [],
    gasUsedRatio: [],
  });
});

test("wrong arguments of the history are invalid params", async () => {
  const { rpc } = await openTestApi();
  for (const params of [
    [],
    ["0x1"],
    ["0x1", "latest", [50, 10]],
    ["0x1", "latest", [50, 50]],
    ["0x1", "latest", [101]],
    ["0x1", "latest", ["5"]],
    [-1, "latest"],
    [1.5, "latest"],
  ]) {
    assert.equal((await rpc("eth_feeHistory", ...params)).error?.code, -32602, JSON.stringify(params));
  }
  const beyond = (await rpc("eth_feeHistory", "0x1", "0x99")).error;
  assert.deepEqual([beyond?.code, beyond?.message], [-32000, "request beyond head block: requested 153, head 0"]);
  const { error } = await rpc("eth_feeHistory", "0x1", "latest", [50, 10]);
  assert.match(error?.message ?? "", /invalid reward percentile: #0:50 >= #1:10$/);
});

test("what was paid in blocks of which only the header is known is not made up", async () => {
  const full = openTestEngine();
  await sealAll(full, [transactionOf(1, 0)]);
  const replica = openTestEngine({ replica: [accountOf(9)] });
  await replica.adoption.addHeaders([full.head()], new Uint8Array(0));
  await replica.adoption.complete(full.head());
  const { rpc } = await openTestApi({}, createFakeBackend(replica));
  assert.equal((await rpc("eth_feeHistory", "0x1", "latest", [50])).error?.code, 4444);
  const { result } = await rpc("eth_feeHistory", "0x1", "latest");
  assert.deepEqual((result as Record<string, unknown>).baseFeePerGas, ["0x0", "0x0"]);
});

test("rewards are told of as many blocks as were executed here, after a state was taken over too", async () => {
  const full = openTestEngine();
  for (let nonce = 0; nonce < 3; nonce++) await sealAll(full, [transactionOf(1, nonce)]);
  const joined = openTestEngine();
  await joined.adoption.addHeaders(
    chainOf(full).map(({ header }) => header),
    new Uint8Array(0),
  );
  await joined.adoption.complete(full.head(), stateOf(full));
  for (const tip of [1n, 2n]) {
    await sealAll(joined, [transactionOf(1, 2 + Number(tip), { maxFeePerGas: tip, maxPriorityFeePerGas: tip })]);
  }
  const api = await openTestApi({}, createFakeBackend(joined));
  const history = await ask<Record<string, unknown[]>>(api, "eth_feeHistory", "0x4", "latest", [50]);
  assert.deepEqual([history.oldestBlock, history.reward], ["0x4", [["0x1"], ["0x2"]]]);
  assert.deepEqual([history.baseFeePerGas?.length, history.gasUsedRatio?.length], [3, 2]);
  const genesis = await ask<Record<string, unknown[]>>(api, "eth_feeHistory", "0x1", "0x0", [50]);
  assert.deepEqual([genesis.oldestBlock, genesis.reward], ["0x0", [["0x0"]]]);
  await fails(api, 4444, /^pruned history unavailable: of block 3 /, "eth_feeHistory", "0x4", "0x3", [50]);
  assert.equal((await ask<Record<string, unknown>>(api, "eth_feeHistory", "0x4", "latest")).oldestBlock, "0x2");
});

test("gas is free", async () => {
  const { rpc } = await openTestApi();
  assert.equal((await rpc("eth_gasPrice")).result, "0x0");
  assert.equal((await rpc("eth_maxPriorityFeePerGas")).result, "0x0");
});

test("what a development node sets for one block is told of that block, and not expected of the next", async () => {
  const engine = openTestEngine({ development: true });
  engine.development?.setNext({ gasLimit: 0 });
  await engine.development?.mine();
  const api = await openTestApi({}, createFakeBackend(engine));
  const { gasUsedRatio } = await ask<{ gasUsedRatio: number[] }>(api, "eth_feeHistory", "0x2", "latest", [50]);
  assert.deepEqual(gasUsedRatio, [0, 0]);
  assert.equal(await ask(api, "eth_baseFee"), "0x0");
  engine.development?.setNext({ gasLimit: 30_000_000, baseFeePerGas: 1_000n });
  assert.equal(await ask(api, "eth_baseFee"), "0x3e8");
  await engine.development?.mine();
  const { baseFeePerGas } = await ask<{ baseFeePerGas: string[] }>(api, "eth_feeHistory", "0x1", "latest");
  assert.deepEqual([baseFeePerGas, await ask(api, "eth_baseFee")], [["0x3e8", "0x0"], "0x0"]);
  assert.equal(await ask(api, "eth_gasPrice"), "0x0");
});
