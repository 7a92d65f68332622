import assert from "node:assert/strict";
import { test } from "node:test";
import { restAfter, type SealingSituation, sealingDelay } from "./poa-sealing.ts";

const nothing: SealingSituation = {
  leads: false,
  leaderPresent: false,
  ownWaitedMs: undefined,
  peerWaitedMs: undefined,
  catchingUpMs: undefined,
  jitter: 0.5,
};

test("after a block for a crowd a node rests as long as it took, 50 ms at most, and longer while more comes", () => {
  const none = { leastMs: 0, mostMs: 0 };
  assert.deepEqual([restAfter(3, 20), restAfter(900, 0), restAfter(900, -3_600_000)], [none, none, none]);
  assert.deepEqual(restAfter(4, 20), { leastMs: 20, mostMs: 80 });
  assert.deepEqual(restAfter(900, 45), { leastMs: 45, mostMs: 155 });
  assert.deepEqual(restAfter(900, 120), { leastMs: 50, mostMs: 80 });
  assert.deepEqual([restAfter(900, 160), restAfter(900, 1_300)], Array(2).fill({ leastMs: 50, mostMs: 50 }));
});

test("nothing waits, nothing is sealed", () => {
  assert.equal(sealingDelay(nothing), undefined);
  assert.equal(sealingDelay({ ...nothing, leads: true, leaderPresent: true }), undefined);
});

test("own transactions are sealed at once by the leader and by a node whose leader is away", () => {
  assert.equal(sealingDelay({ ...nothing, leads: true, ownWaitedMs: 0 }), 0);
  assert.equal(sealingDelay({ ...nothing, ownWaitedMs: 0 }), 0);
});

test("a present leader gets 250 ms to include another node's transaction", () => {
  assert.equal(sealingDelay({ ...nothing, leaderPresent: true, ownWaitedMs: 0 }), 250);
  assert.equal(sealingDelay({ ...nothing, leaderPresent: true, ownWaitedMs: 100 }), 150);
  assert.equal(sealingDelay({ ...nothing, leaderPresent: true, ownWaitedMs: 900 }), 0);
});

test("transactions from peers are sealed at once by the leader, by others only after 2 to 4 s", () => {
  assert.equal(sealingDelay({ ...nothing, leads: true, peerWaitedMs: 0 }), 0);
  assert.equal(sealingDelay({ ...nothing, peerWaitedMs: 0, jitter: 0 }), 2_000);
  assert.equal(sealingDelay({ ...nothing, peerWaitedMs: 0, jitter: 0.5 }), 3_000);
  assert.equal(sealingDelay({ ...nothing, peerWaitedMs: 9_999, jitter: 0.99 }), 0);
});

test("the more urgent of two reasons decides", () => {
  assert.equal(sealingDelay({ ...nothing, leaderPresent: true, ownWaitedMs: 200, peerWaitedMs: 0 }), 50);
});

test("a node that takes over a better chain does not seal on its own until nothing of it comes for 2 s", () => {
  const catchingUp = { ...nothing, leads: true, ownWaitedMs: 5_000 };
  assert.equal(sealingDelay({ ...catchingUp, catchingUpMs: 0 }), 2_000);
  assert.equal(sealingDelay({ ...catchingUp, catchingUpMs: 1_500 }), 500);
  assert.equal(sealingDelay({ ...catchingUp, catchingUpMs: 2_500 }), 0);
  assert.equal(sealingDelay({ ...nothing, catchingUpMs: 0 }), undefined);
});
