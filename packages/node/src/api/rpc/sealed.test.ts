import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createInclusionWatch } from "../../contracts/inclusion.ts";
import { createManualClock, openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import { untilSealed } from "./sealed.ts";

function open(development: { readonly automine: boolean } | undefined) {
  const timers = new Map<number, () => void>();
  const manual = createManualClock();
  const engine = openTestEngine({ clock: manual });
  const setTimer = (delayMs: number, callback: () => void) => {
    timers.set(delayMs, callback);
    return () => void timers.delete(delayMs);
  };
  const sealed = untilSealed(engine, createInclusionWatch(engine, { ...manual, setTimer }), development);
  const isWaiting = async (waiting: Promise<void>): Promise<boolean> => {
    const first = await Promise.race([waiting.then(() => "sealed"), setImmediate("waiting")]);
    return first === "waiting";
  };
  return { engine, sealed, timers, isWaiting };
}

test("a development node answers when the transaction is in a block", async () => {
  const { engine, sealed, timers, isWaiting } = open({ automine: true });
  const transaction = transactionOf(1, 0);
  await engine.submit(transaction, "local");
  const waiting = sealed(transaction.hash);
  assert.equal(await isWaiting(waiting), true);
  await engine.seal();
  await waiting;
  assert.equal(engine.transaction(transaction.hash)?.status, "included");
  assert.equal(timers.size, 0);
});

test("it answers after two seconds though no block has come", async () => {
  const { engine, sealed, timers } = open({ automine: true });
  const transaction = transactionOf(1, 0);
  await engine.submit(transaction, "local");
  const waiting = sealed(transaction.hash);
  assert.deepEqual([...timers.keys()], [2_000]);
  timers.get(2_000)?.();
  await waiting;
});

test("it answers at once what waits for another transaction, and everything while blocks are made by hand", async () => {
  const ahead = open({ automine: true });
  await ahead.engine.submit(transactionOf(1, 1), "local");
  assert.equal(await ahead.isWaiting(ahead.sealed(transactionOf(1, 1).hash)), false);
  for (const development of [{ automine: false }, undefined]) {
    const { engine, sealed, isWaiting } = open(development);
    await engine.submit(transactionOf(1, 0), "local");
    assert.equal(await isWaiting(sealed(transactionOf(1, 0).hash)), false);
  }
});
