import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { hexToBytes } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { creationOf, openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import { createMemoryStore } from "../../store/memory-store.ts";
import { createFakeBackend, openTestApi } from "../fake-backend.test-support.ts";
import { ask, fails, OWN, STRANGER, word } from "./asking.test-support.ts";

/** Without data it returns its slot 0; with a word of data it stores that there. */
const CELL_CODE = hexToBytes("0x6012600c60003960126000f336600c575f545f5260205ff35b5f355f5500");
const CELL = createAddress(OWN, 0n);

/** Block 1 makes the cell, each later block stores its own number in it but for every third, which stores zero. */
async function openCell(blocks: number) {
  const store = createMemoryStore();
  const engine = openTestEngine({ store });
  await engine.submit(creationOf(1, 0, CELL_CODE), "local");
  await engine.seal();
  for (let number = 2; number <= blocks; number++) {
    const data = hexToBytes(word(storedAt(number)));
    await engine.submit(transactionOf(1, number - 1, { to: CELL, value: 0n, data }), "local");
    await engine.seal();
  }
  return { store, engine, api: await openTestApi({}, createFakeBackend(engine)) };
}

const storedAt = (number: number): number => (number === 1 || number % 3 === 0 ? 0 : number);
const hex = (n: number): string => `0x${n.toString(16)}`;

test("every state is read as it was when its block was the head", async () => {
  const { engine, api } = await openCell(8);
  for (let number = 1; number <= 8; number++) {
    const { hash } = engine.header(number) ?? assert.fail();
    for (const block of [hex(number), { blockNumber: hex(number) }, { blockHash: hash, requireCanonical: true }]) {
      assert.equal(await ask(api, "eth_getStorageAt", CELL, "0x0", block), word(storedAt(number)));
      assert.equal(await ask(api, "eth_call", { to: CELL }, block), word(storedAt(number)));
      assert.equal(await ask(api, "eth_getTransactionCount", OWN, block), hex(number));
      // NUMBER, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN
      assert.equal(await ask(api, "eth_call", { data: "0x435f5260205ff3" }, block), word(number));
    }
  }
});

test("at the genesis there is what it says, and neither code nor storage of what came later", async () => {
  const { engine, api } = await openCell(3);
  for (const block of ["0x0", "earliest", "safe", "finalized", { blockHash: engine.genesisHash }]) {
    assert.equal(await ask(api, "eth_getBalance", OWN, block), hex(1e20));
    assert.equal(await ask(api, "eth_getTransactionCount", OWN, block), "0x0");
    assert.equal(await ask(api, "eth_getCode", CELL, block), "0x");
    assert.equal(await ask(api, "eth_getStorageAt", CELL, "0x0", block), word(0));
    assert.equal(await ask(api, "eth_call", { to: CELL }, block), "0x");
  }
  assert.notEqual(await ask(api, "eth_getCode", CELL, "0x1"), "0x");
});

test("gas is estimated on the state of the block that was named", async () => {
  const { api } = await openCell(4);
  const store = { from: OWN, to: CELL, data: word(9) };
  const at = async (block: string): Promise<number> => Number(await ask<string>(api, "eth_estimateGas", store, block));
  // Storing where there is something costs less than where there is nothing; without code it is a transfer with data.
  assert.ok((await at("0x2")) + 10_000 < (await at("0x3")));
  assert.ok((await at("0x0")) < 22_000);
  await fails(api, -32000, /insufficient funds/, "eth_call", { from: STRANGER, to: OWN, value: "0x1" }, "0x1");
});

test("a state that is not held any more is refused in the words that tools know, and blocks stay", async () => {
  const { store, engine: before } = await openCell(12);
  await before.stop();
  const engine = openTestEngine({ store, historyBlocks: 5 });
  const api = await openTestApi({}, createFakeBackend(engine));
  const historyStart = 7;
  while (engine.historyStart !== historyStart) await setImmediate();
  const { stateRoot } = engine.header(historyStart - 1) ?? assert.fail();
  const refused = new RegExp(`^historical state ${stateRoot} is not available: .* that of block ${historyStart} is`);
  const block = hex(historyStart - 1);
  await fails(api, -32000, refused, "eth_getBalance", OWN, block);
  await fails(api, -32000, refused, "eth_getCode", OWN, block);
  await fails(api, -32000, refused, "eth_getStorageAt", OWN, "0x0", block);
  await fails(api, -32000, refused, "eth_getTransactionCount", OWN, block);
  await fails(api, -32000, refused, "eth_call", { to: CELL }, block);
  await fails(api, -32000, refused, "eth_estimateGas", { to: CELL }, block);
  for (let number = historyStart; number <= 12; number++) {
    assert.equal(await ask(api, "eth_call", { to: CELL }, hex(number)), word(storedAt(number)));
  }
  const shown = await ask<{ transactions: string[] }>(api, "eth_getBlockByNumber", "0x1", false);
  const receipt = await ask<{ blockNumber: string }>(api, "eth_getTransactionReceipt", shown.transactions[0]);
  assert.equal(receipt.blockNumber, "0x1");
  await fails(api, -32000, /header not found/, "eth_getBalance", OWN, hex(13));
});
