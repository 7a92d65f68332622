import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { createTimedClock } from "../../contracts/contracts.test-support.ts";
import { openTestEngine, silentLogger, transactionOf } from "../../engine/engine.test-support.ts";
import type { Engine, EngineEvents } from "../../engine/types.ts";
import { createFakeBackend } from "../fake-backend.test-support.ts";
import { LOGGER, type ShownLog, STRANGER, word } from "../rpc/asking.test-support.ts";
import { createChainFeed, FEED_LIMITS, type FeedLimits } from "./chain-feed.ts";
import { createRecorder, type Recorder, rivalBranch, sealLogs, submitLog } from "./following.test-support.ts";
import { matchedLogs } from "./log-matching.ts";
import { createGroups, type LogTopic } from "./topics.ts";

function open(engine: Engine = openTestEngine(), limits: FeedLimits = FEED_LIMITS) {
  const fake = createFakeBackend(engine);
  const clock = createTimedClock();
  const feed = createChainFeed({ backend: fake.backend, clock, logger: silentLogger, limits });
  return { engine, feed, clock, network: fake.network };
}

const logs = (fields: Partial<LogTopic> = {}): LogTopic => ({
  ...{ kind: "logs", addresses: [], topics: [], from: undefined, to: undefined },
  ...fields,
});

type TellLog = ShownLog & { readonly removed: boolean };
const shown = ({ told }: Recorder<TellLog>): string[] =>
  told.map(
    (log) => `${log.removed ? "-" : "+"}${Number(log.blockNumber)}/${Number(log.logIndex)}:${Number(log.topics[0])}`,
  );

test("headers, hashes and logs of new blocks are told to whoever follows them, from now on", async () => {
  const { engine, feed } = open();
  await sealLogs(engine, 0);
  await sealLogs(engine, 1);
  const [heads, blocks, all, some, none] = Array.from({ length: 5 }, () => createRecorder<never>());
  feed.follow({ kind: "heads" }, heads as Recorder);
  feed.follow({ kind: "blocks" }, blocks as Recorder);
  feed.follow(logs(), all as Recorder);
  feed.follow(logs({ addresses: [LOGGER], topics: [[word(3), word(4)]] }), some as Recorder);
  feed.follow(logs({ addresses: [STRANGER] }), none as Recorder);
  const hashes = [await sealLogs(engine, 2, 3), await sealLogs(engine, 4)];
  await feed.settled();
  assert.deepEqual(
    (heads as Recorder<{ hash: Hex }>).told.map(({ hash }) => hash),
    hashes,
  );
  assert.deepEqual(blocks?.told, hashes);
  assert.deepEqual(shown(all as never), ["+3/0:2", "+3/1:3", "+4/0:4"]);
  assert.deepEqual(shown(some as never), ["+3/1:3", "+4/0:4"]);
  assert.deepEqual(none?.told, []);
});

test("a log that several match is made once", async () => {
  const { engine, feed } = open();
  await sealLogs(engine, 0);
  const [one, two] = [createRecorder(), createRecorder()];
  feed.follow(logs({ topics: [[word(5)]] }), one);
  feed.follow(logs({ addresses: [LOGGER] }), two);
  await sealLogs(engine, 5);
  await feed.settled();
  assert.equal(one.told.length, 1);
  assert.equal(one.told[0], two.told[0]);
});

test("a filter is made ready once, however many blocks are told", async () => {
  const { engine, feed } = open();
  let reads = 0;
  const topic: LogTopic = {
    ...logs(),
    get topics() {
      reads++;
      return [[word(5)]];
    },
  };
  const recorder = createRecorder<TellLog>();
  feed.follow(topic, recorder as Recorder);
  const before = reads;
  await sealLogs(engine, 0);
  for (const n of [5, 6, 5]) await sealLogs(engine, n);
  await feed.settled();
  assert.deepEqual(shown(recorder), ["+2/0:5", "+4/0:5"]);
  assert.equal(reads, before);
});

test("others have their turn after each filter, also where none wants anything of a block", async () => {
  const { engine } = open();
  await sealLogs(engine, 0);
  await sealLogs(engine, 5);
  const groups = createGroups(FEED_LIMITS.filtered);
  for (const n of [1, 5, 9]) groups.add(logs({ topics: [[word(n)]] }), createRecorder());
  const steps = [...matchedLogs(engine, groups.of("logs"), engine.head(), false)];
  assert.deepEqual(
    steps.map((step) => step?.group.topic.topics),
    [undefined, [[word(5)]], undefined, undefined],
  );
});

test("what filters name is limited in all, and free again when they end", () => {
  const { feed } = open(undefined, { ...FEED_LIMITS, filtered: 5 });
  const wide = logs({ addresses: [LOGGER], topics: [[word(1), word(2)], [], [word(3)]] });
  const end = feed.follow(wide, createRecorder());
  const endSame = feed.follow(wide, createRecorder());
  const two = logs({ topics: [[word(1), word(2)]] });
  const busy = { code: -32005, message: /name 4 addresses and topics, of at most 5/ };
  assert.throws(() => feed.follow(two, createRecorder()), busy);
  feed.follow(logs(), createRecorder());
  feed.follow({ kind: "heads" }, createRecorder());
  end();
  end();
  assert.throws(() => feed.follow(two, createRecorder()), busy);
  endSame();
  feed.follow(two, createRecorder());
});

test("a reorganisation removes logs from the last one down, then adds those of the winning branch", async () => {
  const { engine, feed } = open();
  await sealLogs(engine, 0);
  await sealLogs(engine, 1);
  const recorder = createRecorder<TellLog>();
  const heads = createRecorder<{ number: string; hash: Hex }>();
  feed.follow(logs(), recorder);
  feed.follow({ kind: "heads" }, heads);
  await sealLogs(engine, 2, 3);
  await sealLogs(engine, 4);
  const branch = await rivalBranch(engine, 2, [7], [8, 9], [10]);
  await engine.import(branch);
  await feed.settled();
  assert.deepEqual(shown(recorder), [
    ...["+3/0:2", "+3/1:3", "+4/0:4"],
    ...["-4/0:4", "-3/1:3", "-3/0:2"],
    ...["+3/0:7", "+4/0:8", "+4/1:9", "+5/0:10"],
  ]);
  const byPlace = new Map<string, TellLog>();
  for (const { removed, ...log } of recorder.told) {
    const place = `${(log as never as { blockHash: Hex }).blockHash}/${log.logIndex}`;
    // What is removed is what was added, word for word.
    if (removed) assert.deepEqual(log, byPlace.get(place));
    else byPlace.set(place, log as TellLog);
  }
  assert.deepEqual(
    heads.told.slice(-3).map(({ hash }) => hash),
    branch.map(({ header }) => header.hash),
  );
});

test("what has not been told yet when its block leaves is told, and then removed", async () => {
  const { engine, feed } = open();
  await sealLogs(engine, 0);
  await sealLogs(engine, 1);
  const recorder = createRecorder<TellLog>();
  const rival = await rivalBranch(engine, 0, [7], [8]);
  feed.follow(logs(), recorder);
  // Nothing is awaited between the two but what the engine itself awaits.
  await sealLogs(engine, 2);
  await engine.import(rival);
  await feed.settled();
  assert.deepEqual(shown(recorder), ["+3/0:2", "-3/0:2", "+3/0:7", "+4/0:8"]);
});

test("only blocks within the range of a filter are told", async () => {
  const { engine, feed } = open();
  await sealLogs(engine, 0);
  const recorder = createRecorder<TellLog>();
  feed.follow(logs({ from: 3, to: 4 }), recorder);
  for (const topic of [2, 3, 4, 5]) await sealLogs(engine, topic);
  await feed.settled();
  assert.deepEqual(shown(recorder), ["+3/0:3", "+4/0:4"]);
});

test("a transaction is told once: when the pool takes it, or, when it is sealed at once, before its block", async () => {
  const { engine, feed } = open();
  await sealLogs(engine, 0);
  const hashes = createRecorder<Hex>();
  const full = createRecorder<{ hash: Hex; blockHash: null }>();
  const heads = createRecorder();
  feed.follow({ kind: "pending", full: false }, hashes);
  feed.follow({ kind: "pending", full: true }, full);
  const first = await submitLog(engine, 1);
  await feed.settled();
  assert.deepEqual(hashes.told, [first]);
  let told = -1;
  feed.follow({ kind: "heads" }, { ...heads, deliver: () => (told = hashes.told.length) });
  // Sealed before it is durable, so that the pool never tells of it.
  const second = transactionOf(2, 0);
  const submitted = engine.submit(second, "local");
  await engine.seal();
  await submitted;
  await feed.settled();
  assert.deepEqual(hashes.told, [first, second.hash]);
  assert.equal(told, 2);
  assert.deepEqual(
    full.told.map(({ hash, blockHash }) => [hash, blockHash]),
    [
      [first, null],
      [second.hash, null],
    ],
  );
});

test("a transaction whose block left the chain is told again", async () => {
  const { engine, feed } = open();
  await sealLogs(engine, 0);
  const rival = await rivalBranch(engine, 0, [7], [8]);
  const hashes = createRecorder<Hex>();
  feed.follow({ kind: "pending", full: false }, hashes);
  await engine.submit(transactionOf(3, 0), "local");
  await engine.seal();
  await engine.import(rival);
  await feed.settled();
  assert.deepEqual(hashes.told, [transactionOf(3, 0).hash, transactionOf(3, 0).hash]);
});

describe("a transaction that is sent again to a development node is told again", () => {
  const start = () => {
    const opened = open(openTestEngine({ development: true }));
    const { development } = opened.engine;
    assert.ok(development);
    const hashes = createRecorder<Hex>();
    opened.feed.follow({ kind: "pending", full: false }, hashes);
    const transaction = transactionOf(3, 0);
    const submit = () => opened.engine.submit(transaction, "local");
    const submitAndSeal = () => Promise.all([submit(), opened.engine.seal()]);
    return { ...opened, development, hashes, submit, submitAndSeal, hash: transaction.hash };
  };

  test("after its block was taken back, whether it waits or is sealed at once", async () => {
    const { engine, feed, development, hashes, submit, submitAndSeal, hash } = start();
    const first = await development.snapshot();
    await submit();
    await engine.seal();
    await development.revert(first);
    const second = await development.snapshot();
    await submit();
    await engine.seal();
    await development.revert(second);
    await submitAndSeal();
    await feed.settled();
    assert.deepEqual(hashes.told, [hash, hash, hash]);
  });

  test("after it was taken out of the pool, by a drop or by a snapshot without it", async () => {
    const { feed, development, hashes, submit, submitAndSeal, hash } = start();
    const snapshot = await development.snapshot();
    await submit();
    await development.drop(hash);
    await submit();
    await development.dropAll();
    await submit();
    await development.revert(snapshot);
    await submitAndSeal();
    await feed.settled();
    assert.deepEqual(hashes.told, [hash, hash, hash, hash]);
  });

  test("but not where it has been pending ever since", async () => {
    const { engine, feed, development, hashes, submit, hash } = start();
    await submit();
    const snapshot = await development.snapshot();
    await development.mine();
    await development.revert(snapshot);
    await development.drop(transactionOf(4, 0).hash);
    await engine.seal();
    await feed.settled();
    assert.equal(engine.transaction(hash)?.status, "included");
    assert.deepEqual(hashes.told, [hash]);
  });
});

test("whoever cannot be told of all removed logs is told so, and nobody else is", async () => {
  const { engine, feed } = open(openTestEngine(), { ...FEED_LIMITS, removedBytes: 2_000 });
  await sealLogs(engine, 0);
  const [recorder, heads] = [createRecorder(), createRecorder()];
  feed.follow(logs(), recorder);
  feed.follow({ kind: "heads" }, heads);
  await sealLogs(engine, 1, 2, 3);
  await engine.import(await rivalBranch(engine, 1, [7], [8]));
  await feed.settled();
  assert.deepEqual([recorder.lost, heads.lost], [1, 0]);
});

test("when too much waits, followers are told so instead of being told a part", async () => {
  const { engine, feed } = open(openTestEngine(), { ...FEED_LIMITS, waiting: 0 });
  const heads = createRecorder();
  feed.follow({ kind: "heads" }, heads);
  await sealLogs(engine, 0);
  await feed.settled();
  assert.deepEqual([heads.told, heads.lost], [[], 1]);
});

test("where nothing is executed, the headers are told that lead to the new head from what was told before", async () => {
  const real = openTestEngine();
  await sealLogs(real, 0);
  let move = (): void => {};
  let reverted: readonly SealedHeader[] = [];
  real.on("head", (change) => {
    reverted = change.reverted;
  });
  const replica: Engine = {
    ...real,
    on(event, listener) {
      const change = { applied: [], contractsCreated: [], contractsUpdated: [], contractsRemoved: [] };
      const tellHead = listener as EngineEvents["head"];
      if (event === "head") move = () => tellHead({ ...change, reverted, head: real.head(), sealedHere: false });
      return () => {};
    },
  };
  const { feed } = open(replica);
  const heads = createRecorder<{ hash: Hex }>();
  feed.follow({ kind: "heads" }, heads);
  const hashes = async (): Promise<Hex[]> => {
    move();
    await feed.settled();
    return heads.told.splice(0).map(({ hash }) => hash);
  };
  const rival = await rivalBranch(real, 0, [6], [7], [8]);
  const first = [await sealLogs(real, 1), await sealLogs(real, 2)];
  assert.deepEqual(await hashes(), first);
  assert.deepEqual(await hashes(), []);
  await real.import(rival);
  assert.equal(reverted.length, 2);
  assert.deepEqual(
    await hashes(),
    rival.map(({ header }) => header.hash),
  );
});

test("a head that goes back is no new block, and the logs above it are removed", async () => {
  const real = openTestEngine();
  for (const topic of [0, 1, 2, 3]) await sealLogs(real, topic);
  const listeners = new Map<string, (...args: never[]) => void>();
  const rewound: Engine = {
    ...real,
    on(event, listener) {
      listeners.set(event, listener as never);
      return () => {};
    },
  };
  const { feed } = open(rewound);
  const [heads, recorder] = [createRecorder(), createRecorder<TellLog>()];
  feed.follow({ kind: "heads" }, heads);
  feed.follow(logs(), recorder);
  const reverted = [4, 3].map((number) => real.header(number) as SealedHeader);
  const change = { applied: [], contractsCreated: [], contractsUpdated: [], contractsRemoved: [], sealedHere: false };
  (listeners.get("leaving") as EngineEvents["leaving"])(reverted);
  (listeners.get("head") as EngineEvents["head"])({ ...change, head: real.header(2) as SealedHeader, reverted });
  await feed.settled();
  assert.deepEqual([heads.told, shown(recorder)], [[], ["-4/0:3", "-3/0:2"]]);
});

test("a follower that has ended, and a feed that is closed, tell nothing", async () => {
  const { engine, feed, clock } = open();
  const [one, two] = [createRecorder(), createRecorder()];
  const end = feed.follow({ kind: "heads" }, one);
  feed.follow({ kind: "heads" }, two);
  feed.follow({ kind: "syncing" }, createRecorder());
  end();
  await sealLogs(engine, 0);
  await feed.settled();
  feed.close();
  await sealLogs(engine, 1);
  await feed.settled();
  assert.deepEqual([one.told.length, two.told.length, clock.timers], [0, 1, 0]);
});

test("synchronising is told when it begins, while it goes on and when it ends", async () => {
  const { feed, clock, network } = open();
  const recorder = createRecorder();
  feed.follow({ kind: "syncing" }, recorder);
  clock.advance(1_000);
  assert.deepEqual(recorder.told.splice(0), [false]);
  network.set({ progress: () => ({ fromBlock: 1, toBlock: 9 }) as never });
  clock.advance(1_000);
  const late = createRecorder();
  feed.follow({ kind: "syncing" }, late);
  clock.advance(1_000);
  const status = { startingBlock: "0x1", currentBlock: "0x0", highestBlock: "0x9" };
  assert.deepEqual(recorder.told.splice(0), [
    { syncing: true, status },
    { syncing: true, status },
  ]);
  assert.deepEqual(late.told, [{ syncing: true, status }]);
  network.set({ progress: () => undefined });
  clock.advance(1_000);
  clock.advance(1_000);
  assert.deepEqual(recorder.told, [false]);
});
