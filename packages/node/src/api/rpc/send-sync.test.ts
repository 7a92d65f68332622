import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { bytesToHex } from "@counterpart/core/base/bytes";
import { createManualClock, openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import { createFakeBackend, openTestApi } from "../fake-backend.test-support.ts";
import { ask } from "./asking.test-support.ts";

const METHOD = "eth_sendRawTransactionSync";

async function openWaiting() {
  /** What is due later, and when. */
  const timers = new Map<number, () => void>();
  const manual = createManualClock();
  const setTimer = (delayMs: number, callback: () => void) => {
    if (delayMs === 0) return manual.setTimer(delayMs, callback);
    timers.set(delayMs, callback);
    return () => void timers.delete(delayMs);
  };
  const clock = { ...manual, setTimer };
  const engine = openTestEngine({ clock, development: true });
  const api = await openTestApi({ clock }, createFakeBackend(engine));
  /** Sends, and returns when the transaction waits for a block. */
  const send = async (transaction: ReturnType<typeof transactionOf>, ...timeout: unknown[]) => {
    const answer = api.rpc(METHOD, bytesToHex(transaction.raw), ...timeout);
    while (engine.transaction(transaction.hash) === undefined) await setImmediate();
    // Durable, and then waited for.
    for (let turn = 0; turn < 10; turn++) await setImmediate();
    return { answer };
  };
  return { timers, engine, api, send };
}

test("the receipt is answered when the transaction is in a block", async () => {
  const { engine, api, send } = await openWaiting();
  const first = transactionOf(1, 0);
  const { answer } = await send(first);
  await engine.seal();
  const { result } = await answer;
  assert.deepEqual(result, await ask(api, "eth_getTransactionReceipt", first.hash));
  assert.deepEqual(await ask(api, METHOD, bytesToHex(first.raw), "0x1"), result, "again, at once");
});

test("what is not included in time is told with its hash, and stays in the pool", async () => {
  for (const [timeout, milliseconds] of [
    [[], 20_000],
    [["0x0"], 20_000],
    [[250], 250],
    [["0xea60"], 60_000],
    [["0xffffffff"], 60_000],
  ] as const) {
    const { timers, engine, send } = await openWaiting();
    const transaction = transactionOf(1, 0);
    const { answer } = await send(transaction, ...timeout);
    assert.equal(await Promise.race([answer, setImmediate("waiting")]), "waiting");
    assert.ok(timers.has(milliseconds), `${milliseconds} ms are not among ${[...timers.keys()]}`);
    timers.get(milliseconds)?.();
    const { error } = await answer;
    assert.deepEqual([error?.code, error?.data], [4, transaction.hash]);
    assert.match(error?.message ?? "", new RegExp(`wasn't processed in ${milliseconds} ms$`));
    assert.equal(engine.transaction(transaction.hash)?.status, "pending");
  }
});

test("one that loses its nonce meanwhile is not waited for", async () => {
  const { engine, send } = await openWaiting();
  const { answer } = await send(transactionOf(1, 0));
  const better = transactionOf(1, 0, { maxFeePerGas: 100n, maxPriorityFeePerGas: 100n });
  await engine.submit(better, "local");
  const { error } = await answer;
  assert.equal(error?.code, -32000);
  assert.match(error?.message ?? "", new RegExp(`${better.hash} took its nonce`));
});

test("one that is dropped meanwhile is not waited for", async () => {
  const { engine, send } = await openWaiting();
  const transaction = transactionOf(1, 0);
  const { answer } = await send(transaction);
  await engine.development?.drop(transaction.hash);
  const { error } = await answer;
  assert.equal(error?.code, -32000);
  assert.match(error?.message ?? "", new RegExp(`${transaction.hash} will not be included: it was dropped`));
});
