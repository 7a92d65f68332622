import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Hex } from "@counterpart/core/base/bytes";
import { createInclusionWatch } from "../../contracts/inclusion.ts";
import { createManualClock, openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import { whenSealed } from "./sealed.ts";

function open(development: { readonly automine: boolean } | undefined) {
  const timers = new Map<number, () => void>();
  const manual = createManualClock();
  const engine = openTestEngine({ clock: manual });
  const setTimer = (delayMs: number, callback: () => void) => {
    timers.set(delayMs, callback);
    return () => void timers.delete(delayMs);
  };
  const { sent: sealed, asked: given } = whenSealed(
    engine,
    createInclusionWatch(engine, { ...manual, setTimer }),
    manual,
    development,
  );
  const asked = async (hash: Hex) => given(hash, engine.transaction(hash));
  const isWaiting = async (waiting: Promise<unknown>): Promise<boolean> => {
    const first = await Promise.race([waiting.then(() => "sealed"), setImmediate("waiting")]);
    return first === "waiting";
  };
  return { engine, manual, sealed, asked, timers, isWaiting };
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

test("whoever asks for the receipt of a transaction that has just come is answered when it is in a block", async () => {
  for (const development of [{ automine: true }, undefined]) {
    const { engine, asked, timers, isWaiting } = open(development);
    const { hash } = transactionOf(1, 0);
    assert.equal(await isWaiting(asked(hash)), false);
    await engine.submit(transactionOf(1, 0), "local");
    const waiting = asked(hash);
    assert.equal(await isWaiting(waiting), true);
    await engine.seal();
    assert.equal((await waiting)?.status, "included");
    assert.equal(timers.size, 0);
    assert.equal(await isWaiting(asked(hash)), false);
  }
});

test("he waits until half a second after it came, whenever he asks, and not at all for one that stays", async () => {
  const { engine, manual, asked, timers, isWaiting } = open(undefined);
  await engine.submit(transactionOf(1, 0), "local");
  const { hash } = transactionOf(1, 0);
  manual.advance(100);
  const waiting = asked(hash);
  assert.deepEqual([...timers.keys()], [400]);
  timers.get(400)?.();
  await waiting;
  manual.advance(400);
  assert.equal(await isWaiting(asked(hash)), false);
  // Set back by an hour.
  manual.advance(-3_600_000);
  void asked(hash);
  assert.ok(timers.has(500));
  await engine.submit(transactionOf(2, 1), "local");
  assert.equal(await isWaiting(asked(transactionOf(2, 1).hash)), false);
  const byHand = open({ automine: false });
  await byHand.engine.submit(transactionOf(1, 0), "local");
  assert.equal(await byHand.isWaiting(byHand.asked(hash)), false);
});
