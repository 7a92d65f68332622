import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineDevelopment } from "../engine/development.ts";
import { createManualClock } from "../engine/engine.test-support.ts";
import { createDevelopmentNode, detachedError } from "./development-node.ts";
import type { PeerState, PeerView } from "./types.ts";
import { createTestLogger, createTestRandom, type LogEntry } from "./virtual-clock.test-support.ts";

const PEER = { address: "a", direction: "inbound", blocksSynced: 0, contractsSynced: 0 } as const;

function open(states: readonly PeerState[] = [], detachedBy?: string) {
  const done: string[] = [];
  const log: LogEntry[] = [];
  const due: (() => void)[] = [];
  const chain = {
    detachedBy,
    detach(by: string) {
      done.push("detach");
      chain.detachedBy = by;
    },
    async mine() {
      done.push("mine");
    },
    async reset() {
      done.push(due.length === 0 ? "reset" : "reset while a block is due");
      chain.detachedBy = undefined;
    },
  };
  const delaysMs: number[] = [];
  const setTimer = (delayMs: number, callback: () => void): (() => void) => {
    delaysMs.push(delayMs);
    due.push(callback);
    return () => void due.splice(due.indexOf(callback), 1);
  };
  const node = createDevelopmentNode({
    chain: chain as unknown as EngineDevelopment,
    network: { peers: (): readonly PeerView[] => states.map((state) => ({ ...PEER, state })) },
    sealer: { start: () => void done.push("start"), stop: async () => void done.push("stop") },
    clock: { ...createManualClock(), setTimer },
    random: createTestRandom(1),
    logger: createTestLogger(log),
  });
  /** Lets the timer run that is set, and what it began end. */
  const tick = async (): Promise<void> => {
    due.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { node, chain, done, log, due, tick, delaysMs };
}

test("a chain is detached once, before what other nodes could not follow", () => {
  const { node, chain, done, log } = open(["disconnected", "connecting"]);
  assert.equal(detachedError(chain), undefined);
  node.leave("hardhat_setCode");
  node.leave("hardhat_setNonce");
  assert.deepEqual(done, ["detach"]);
  assert.equal(log.length, 1);
  assert.match(detachedError(chain)?.message ?? "", /^hardhat_setCode has changed this chain/);
});

for (const state of ["handshaking", "syncing", "synced"] as const) {
  test(`it is not while a peer is ${state}`, async () => {
    const { node, done } = open(["disconnected", state]);
    assert.throws(() => node.leave("hardhat_setCode"), {
      code: "DEV_METHOD_WHEN_PEERED",
      message: /^hardhat_setCode /,
    });
    await assert.rejects(node.reset(), { code: "DEV_METHOD_WHEN_PEERED" });
    assert.deepEqual(done, []);
  });
}

test("a node that starts on a detached chain says so", () => {
  const { log } = open([], "evm_revert");
  assert.deepEqual(
    log.map(({ level, fields }) => [level, fields?.method]),
    [["warn", "evm_revert"]],
  );
});

test("a block is sealed each time that the interval has passed, until it is set again or ended", async () => {
  const { node, done, due, tick } = open();
  node.setIntervalMining(100);
  await tick();
  await tick();
  assert.deepEqual([done.length, due.length], [2, 1]);
  node.setIntervalMining(50);
  assert.equal(due.length, 1, "the earlier interval has ended");
  node.setIntervalMining(0);
  assert.equal(due.length, 0);
  node.setIntervalMining(100);
  node.stop();
  assert.equal(due.length, 0);
});

test("an interval is drawn for each block where a range is given, its ends included", async () => {
  const { node, tick, delaysMs } = open();
  node.setIntervalMining(100, 102);
  for (let block = 0; block < 50; block++) await tick();
  assert.deepEqual([...new Set(delaysMs)].sort(), [100, 101, 102]);
});

test("sealing is stopped and begun again once for each change", async () => {
  const { node, done } = open();
  await node.setAutomine(true);
  await node.setAutomine(false);
  await node.setAutomine(false);
  assert.equal(node.automine, false);
  await node.setAutomine(true);
  assert.deepEqual(done, ["stop", "start"]);
});

test("a reset ends all that was set, impersonation and intervals too", async () => {
  const { node, done, due } = open();
  node.impersonate("0x01");
  node.setAutoImpersonate(true);
  node.setIntervalMining(100);
  await node.setAutomine(false);
  await node.reset();
  assert.deepEqual(done, ["stop", "reset", "start"]);
  assert.deepEqual([node.impersonates("0x01"), node.impersonates("0x02"), due.length], [false, false, 0]);
});
