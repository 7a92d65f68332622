import assert from "node:assert/strict";
import { test } from "node:test";
import { createDevelopmentNode } from "../../../driver/development-node.ts";
import { createTestRandom } from "../../../driver/virtual-clock.test-support.ts";
import { accountOf, createManualClock, openTestEngine, transactionOf } from "../../../engine/engine.test-support.ts";
import { createFakeBackend, createRecordingLogger, openTestApi } from "../../fake-backend.test-support.ts";
import { ask, word } from "../asking.test-support.ts";

async function openDevelopment() {
  const clock = createManualClock();
  const engine = openTestEngine({ development: true, clock });
  const chain = engine.development ?? assert.fail();
  const fake = createFakeBackend(engine);
  const development = createDevelopmentNode({
    chain,
    network: fake.network.service,
    sealer: { start() {}, async stop() {} },
    clock,
    random: createTestRandom(1),
    logger: createRecordingLogger(),
  });
  return { engine, api: await openTestApi({}, { ...fake, backend: { ...fake.backend, development } }) };
}

const HOLDER = accountOf(5);

test("what is done under the names of Anvil is answered as there, with nothing to say mostly, and Hardhat says true", async () => {
  const { api } = await openDevelopment();
  const calls: readonly (readonly [method: string, ...params: unknown[]])[] = [
    ["setBalance", HOLDER, "0x9"],
    ["setCode", HOLDER, "0x6000"],
    ["setNonce", HOLDER, "0x2"],
    ["setCoinbase", HOLDER],
    ["setNextBlockBaseFeePerGas", "0x0"],
    ["impersonateAccount", HOLDER],
    ["autoImpersonateAccount", false],
    ["mine", "0x1"],
    ["reset"],
  ];
  for (const [method, ...params] of calls) {
    assert.equal(await ask(api, `anvil_${method}`, ...params), null, method);
    assert.equal(await ask(api, `hardhat_${method}`, ...params), true, method);
  }
  assert.equal(await ask(api, "anvil_stopImpersonatingAccount", HOLDER), null);
  assert.equal(await ask(api, "hardhat_stopImpersonatingAccount", HOLDER), false);
  assert.equal(await ask(api, "anvil_setStorageAt", HOLDER, "0x0", word(1)), true);
  assert.equal(await ask(api, "anvil_setBlockGasLimit", 30_000_000), true);
  assert.equal(await ask(api, "anvil_setIntervalMining", 0), null);
  assert.equal(await ask(api, "evm_setIntervalMining", 0), true);
});

test("a dropped transaction is named by Anvil's method, and Hardhat's says that there was one", async () => {
  const { api, engine } = await openDevelopment();
  for (const [prefix, dropped, none] of [
    ["anvil", transactionOf(1, 0).hash, null] as const,
    ["hardhat", true, false],
  ]) {
    await engine.submit(transactionOf(1, 0), "local");
    assert.equal(await ask(api, `${prefix}_dropTransaction`, transactionOf(1, 0).hash), dropped);
    assert.equal(await ask(api, `${prefix}_dropTransaction`, transactionOf(1, 0).hash), none);
  }
});

test("what Hardhat calls evm_ is there under the names of Anvil too", async () => {
  const { api, engine } = await openDevelopment();
  const id = await ask(api, "anvil_snapshot");
  const next = engine.head().timestamp + 1_000;
  assert.equal(await ask(api, "anvil_setNextBlockTimestamp", next), null);
  await ask(api, "evm_mine");
  assert.equal(engine.head().timestamp, next);
  assert.equal(typeof (await ask(api, "anvil_increaseTime", 5)), "number");
  assert.equal(typeof (await ask(api, "anvil_setTime", next + 50)), "number");
  assert.equal(await ask(api, "anvil_setAutomine", false), null);
  assert.equal(await ask(api, "anvil_getAutomine"), false);
  assert.equal(await ask(api, "evm_setAutomine", true), true);
  assert.equal(await ask(api, "anvil_revert", id), true);
  assert.equal(engine.head().number, 0);
});
