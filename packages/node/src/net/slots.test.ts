import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import { NET_LIMITS } from "./limits.ts";
import { createNetMetrics } from "./net-metrics.ts";
import { sendRequest } from "./request-client.ts";
import { Slots } from "./slots.ts";

const never = new AbortController().signal;

test("no more than the number of slots are taken, and they pass on in order of arrival", async () => {
  const slots = new Slots(2, 10);
  const taken: number[] = [];
  const take = (i: number) => slots.take(never).then(() => taken.push(i));
  const all = [0, 1, 2, 3].map(take);
  await Promise.all(all.slice(0, 2));
  assert.deepEqual(taken, [0, 1]);
  slots.release();
  await all[2];
  assert.deepEqual(taken, [0, 1, 2]);
  slots.release();
  await all[3];
  assert.deepEqual(taken, [0, 1, 2, 3]);
});

test("one that gives up waiting takes no slot", async () => {
  const slots = new Slots(1, 10);
  await slots.take(never);
  const impatient = new AbortController();
  const waiting = slots.take(impatient.signal);
  const patient = slots.take(never);
  impatient.abort();
  await assert.rejects(waiting);
  slots.release();
  await patient;
  slots.release();
  await slots.take(never);
  await assert.rejects(slots.take(AbortSignal.abort()));
});

test("the queue of those that wait is bounded", async () => {
  const slots = new Slots(1, 1);
  await slots.take(never);
  const waiting = slots.take(never);
  await assert.rejects(slots.take(never), (error) => isCodedError(error, "RATE_LIMITED"));
  slots.release();
  await waiting;
});

test("a request that is not sent because too many wait is counted", async () => {
  let unsent = 0;
  const metrics = createNetMetrics(NO_METRICS);
  const context = {
    connection: undefined as never,
    slots: new Slots(0, 0),
    clock: { now: () => 0, setTimer: () => () => {} },
    limits: NET_LIMITS,
    metrics: { ...metrics, unsent: { add: () => unsent++ } },
    ended: never,
  };
  const asked = sendRequest(context, new Uint8Array(1), 1_000);
  await assert.rejects(asked, (error) => isCodedError(error, "RATE_LIMITED"));
  assert.equal(unsent, 1);
});
