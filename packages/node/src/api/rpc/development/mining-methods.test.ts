import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock, openTestEngine } from "../../../engine/engine.test-support.ts";
import type { JsonValue } from "../../json.ts";
import { miningMethods } from "./mining-methods.ts";

function open() {
  const clock = createManualClock();
  const engine = openTestEngine({ development: true, clock });
  const chain = engine.development ?? assert.fail();
  const intervals: unknown[] = [];
  const node = {
    chain,
    leave: () => chain.detach("test"),
    automine: true,
    setAutomine: async () => {},
    setIntervalMining: (...range: unknown[]) => void intervals.push(range),
  };
  const methods = miningMethods({ engine, clock, node });
  const call = async (method: string, ...params: JsonValue[]): Promise<unknown> =>
    (methods[method] ?? assert.fail(method))(params);
  return { engine, call, intervals };
}

test("hardhat_mine dates blocks a second apart only where no other interval was chosen", async () => {
  const { engine, call } = open();
  const mined = async (...params: JsonValue[]): Promise<number> => {
    const { timestamp } = engine.head();
    await call("hardhat_mine", ...params);
    return engine.head().timestamp - timestamp;
  };
  await mined();
  assert.equal(await mined("0x3"), 2, "the clock stands still, so that the first is dated as its parent");
  await call("anvil_setBlockTimestampInterval", 7);
  assert.equal(await mined("0x3"), 21);
  assert.equal(await mined("0x3", "0x2"), 7 + 2 + 2, "what the call says comes first");
  await call("anvil_removeBlockTimestampInterval");
  assert.equal(await mined("0x3"), 2);
});

test("an interval of sealing is a number, or a range as in Hardhat", async () => {
  const { call, intervals } = open();
  await call("evm_setIntervalMining", 100);
  await call("evm_setIntervalMining", [100, 200]);
  await call("anvil_setIntervalMining", ["0x1", 2]);
  assert.deepEqual(intervals, [
    [100, 100],
    [100, 200],
    [1_000, 2_000],
  ]);
  for (const wrong of [[], [1], [1, 2, 3], [2, 1]])
    await assert.rejects(call("evm_setIntervalMining", wrong), /a range is \[least, most\]/);
  await assert.rejects(call("anvil_setIntervalMining", [1, 100_000]), /an interval is at most/);
});

test("time is not set to before the head, from where it would stand still", async () => {
  const { engine, call } = open();
  const mined = async (): Promise<number> => {
    const { timestamp } = engine.head();
    await call("evm_mine");
    return engine.head().timestamp - timestamp;
  };
  await mined();
  const { timestamp } = engine.head();
  for (const method of ["evm_setTime", "evm_setNextBlockTimestamp"])
    await assert.rejects(call(method, timestamp - 1), {
      code: -32602,
      message: `Timestamp ${timestamp - 1} is lower than previous block's timestamp ${timestamp}`,
    });
  await call("evm_increaseTime", 50);
  assert.equal(await mined(), 50, "what was refused has changed nothing");
  await call("evm_setTime", timestamp + 50);
  assert.equal(await mined(), 0, "the time of the head itself is none before it");
});
