import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock, openTestEngine, transactionOf } from "../engine/engine.test-support.ts";
import { createInclusionWatch } from "./inclusion.ts";

test("whoever waits for a transaction that a development node forgets waits no longer", async () => {
  const engine = openTestEngine({ sealer: 101, development: true });
  const { development } = engine;
  assert.ok(development);
  const watch = createInclusionWatch(engine, { ...createManualClock(), setTimer: () => () => {} });
  const snapshot = await development.snapshot();
  const kept = transactionOf(2, 0);
  for (const forget of [
    () => development.drop(transactionOf(1, 0).hash),
    () => development.dropAll(),
    () => development.revert(snapshot),
    () => development.reset(),
  ]) {
    await engine.submit(transactionOf(1, 0), "local");
    const waiting = watch.wait(transactionOf(1, 0).hash, 1_000);
    await forget();
    assert.equal(await waiting, undefined);
  }
  await engine.submit(kept, "local");
  const second = await development.snapshot();
  const included = watch.wait(kept.hash, 1_000);
  await development.revert(second);
  await engine.seal();
  assert.equal((await included)?.status, "included", "what is pending still is waited for");
});

test("those who wait for nothing but a block are counted, over all watches, until they have their answer", async () => {
  const engine = openTestEngine({ sealer: 101 });
  const timers: (() => void)[] = [];
  const setTimer = (_delayMs: number, callback: () => void): (() => void) => {
    timers.push(callback);
    return () => void timers.splice(timers.indexOf(callback), 1);
  };
  const clock = { ...createManualClock(), setTimer };
  const waiters = { count: 0 };
  const [one, other] = [createInclusionWatch(engine, clock, waiters), createInclusionWatch(engine, clock, waiters)];
  const [first, early] = [transactionOf(1, 0), transactionOf(2, 5)];
  await engine.submit(first, "local");
  await engine.submit(early, "local");
  const both = [one.wait(first.hash, 1_000), other.wait(first.hash, 1_000)];
  assert.equal(waiters.count, 2);
  const never = other.wait(early.hash, 1_000);
  assert.equal(waiters.count, 2, "no block can hold what lacks the nonces before it");
  await engine.seal();
  assert.deepEqual(
    (await Promise.all(both)).map((status) => status?.status),
    ["included", "included"],
  );
  assert.equal(waiters.count, 0);
  for (const callback of [...timers]) callback();
  assert.equal((await never)?.status, "pending");
  assert.equal(waiters.count, 0);
});
