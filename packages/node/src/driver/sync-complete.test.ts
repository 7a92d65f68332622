import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { createWorld, type TestNode, type World } from "./test-node.test-support.ts";
import type { SyncComplete } from "./types.ts";

let world: World;
beforeEach(() => {
  world = createWorld();
});
afterEach(() => world.end());

const isSynced = ({ driver }: TestNode): boolean => driver.sync().state === "synced";

test("a node tells each time that it has come to agree with all its peers, and not in between", async () => {
  const node = await world.start("node");
  const heard: SyncComplete[] = [];
  node.driver.onSyncComplete((complete) => heard.push(complete));
  const first = await world.start("first");
  first.engine.make();
  await world.clock.run(node.driver.connect(first.address, 60_000));
  assert.deepEqual(
    heard.map(({ head, peers }) => ({ number: head.number, peers })),
    [{ number: 1, peers: 1 }],
  );
  await world.clock.pass(10_000);
  assert.equal(heard.length, 1);
  const second = await world.start("second");
  second.engine.make();
  second.engine.make();
  await world.clock.run(node.driver.connect(second.address, 60_000));
  await world.clock.until(() => isSynced(node) && heard.length > 1);
  assert.deepEqual([heard.at(-1)?.head, heard.at(-1)?.peers], [{ ...node.driver.sync().head }, 2]);
});

test("the time without any peer is no part of how long it took to agree", async () => {
  const node = await world.start("node");
  const heard: SyncComplete[] = [];
  node.driver.onSyncComplete((complete) => heard.push(complete));
  const left = await world.start("left");
  for (let i = 0; i < 1_000; i++) left.engine.make();
  await world.clock.run(node.driver.connect(left.address, 0));
  await world.clock.until(() => node.driver.sync().state === "syncing");
  await world.stop(left);
  await world.clock.pass(3_600_000);
  assert.deepEqual([node.driver.sync().state, heard.length], ["alone", 0]);
  const next = await world.start("next");
  next.engine.make();
  await world.clock.run(node.driver.connect(next.address, 60_000));
  await world.clock.until(() => heard.length > 0);
  assert.ok((heard[0]?.durationMs ?? 0) < 60_000, `${heard[0]?.durationMs} ms`);
});
