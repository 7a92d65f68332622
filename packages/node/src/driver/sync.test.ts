import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { frameType } from "@counterpart/core/sync/messages";
import type { ImportResult } from "../engine/types.ts";
import { HOLDS_ALL } from "./fake-adoption.test-support.ts";
import { addressOf, makeBlock } from "./fake-chain.test-support.ts";
import { makeRecord } from "./fake-contracts.test-support.ts";
import { silence } from "./stranger.test-support.ts";
import { createWorld, sameAll, type TestNode, type World } from "./test-node.test-support.ts";

const TOKEN = addressOf("token");
const OTHER = addressOf("other contract");

/** Seals a block that creates the contract, and publishes its artifact. */
function deploy(node: TestNode, address = TOKEN, name = "Token"): void {
  node.engine.make({ created: [address] });
  node.contracts.publishRecord(makeRecord(address, 1, name));
}

describe("sync on connect", () => {
  let world: World;
  beforeEach(() => {
    world = createWorld();
  });
  afterEach(() => world.end());

  const connect = (from: TestNode, to: TestNode, waitMs = 30_000) =>
    world.clock.run(from.driver.connect(to.address, waitMs));

  it("agrees at once when there is nothing to fetch", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    const result = await connect(b, a);
    assert.deepEqual(
      { ...result, durationMs: 0 },
      { status: "synced", peerId: "a", address: "a:5000", blocksSynced: 0, contractsSynced: 0, durationMs: 0 },
    );
  });

  it("brings blocks and contracts to the side that dialled", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    deploy(a);
    a.engine.make({ updated: [TOKEN] });
    const result = await connect(b, a);
    assert.equal(result.status, "synced");
    assert.equal(result.blocksSynced, 2);
    assert.equal(result.contractsSynced, 1);
    assert.ok(sameAll(a, b));
    assert.equal(b.contracts.artifact(TOKEN)?.updatedAt, 1);
  });

  it("brings them to the side that was dialled as well", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    deploy(b);
    const result = await connect(b, a);
    assert.equal(result.status, "synced");
    assert.deepEqual([result.blocksSynced, result.contractsSynced], [0, 0]);
    assert.ok(sameAll(a, b));
    assert.equal(a.engine.contractCount(), 1);
    assert.equal(a.driver.peers()[0]?.blocksSynced, 1);
    assert.equal(a.driver.peers()[0]?.contractsSynced, 1);
  });

  it("answers though the other node seals without a pause, and not before both hold what the other had", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    deploy(a);
    deploy(b, OTHER, "Other");
    a.engine.make({ updated: [TOKEN] });
    const until = world.clock.now() + 10_000;
    world.clock.setTimer(3, function seal() {
      a.engine.make({});
      if (world.clock.now() < until) world.clock.setTimer(3, seal);
    });
    const startMs = world.clock.now();
    const result = await connect(b, a);
    assert.equal(result.status, "synced");
    assert.ok(world.clock.now() - startMs < 6_000, `${world.clock.now() - startMs} ms`);
    assert.equal(b.contracts.artifact(TOKEN)?.updatedAt, 1);
    assert.ok(b.engine.head().number > 500);
  });

  it("counts everything, however late the engine answers after it has moved the head", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    deploy(a);
    b.engine.afterImport = () => new Promise((resolve) => void world.clock.setTimer(500, resolve));
    const result = await connect(b, a);
    assert.deepEqual([result.status, result.blocksSynced, result.contractsSynced], ["synced", 1, 1]);
  });

  it("counts zero when it is repeated, and one when there is one more", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    deploy(a);
    await connect(b, a);
    const again = await connect(b, a);
    assert.deepEqual([again.status, again.blocksSynced, again.contractsSynced], ["synced", 0, 0]);
    await world.clock.run(b.driver.disconnect());
    a.contracts.publishRecord(makeRecord(TOKEN, 2, "Token renamed"));
    const third = await connect(b, a);
    assert.deepEqual([third.status, third.blocksSynced, third.contractsSynced], ["synced", 0, 1]);
  });

  it("answers every one of several calls at the same time", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    deploy(a);
    const calls = [b.driver.connect(a.address, 30_000), b.driver.connect(a.address, 30_000)];
    calls.push(a.driver.connect(b.address, 30_000));
    const results = await world.clock.run(Promise.all(calls));
    assert.deepEqual(
      results.map(({ status, blocksSynced }) => [status, blocksSynced]),
      [
        ["synced", 1],
        ["synced", 1],
        ["synced", 0],
      ],
    );
  });

  it("merges two histories: the losing side takes the winner's blocks, and both take each other's artifacts", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    deploy(a, TOKEN);
    a.engine.make();
    deploy(b, OTHER);
    // As the engine does: what was lost is sealed again, on the winner's chain.
    b.engine.on("head", ({ contractsRemoved }) => {
      if (contractsRemoved.length > 0) b.engine.make({ created: contractsRemoved });
    });
    const result = await connect(b, a);
    assert.equal(result.status, "synced");
    assert.ok(sameAll(a, b));
    assert.equal(a.engine.contractCount(), 2);
    assert.equal(a.contracts.artifact(OTHER)?.updatedAt, 1);
    assert.equal(b.contracts.artifact(TOKEN)?.updatedAt, 1);
  });

  it("decides equally long histories by the lower hash, whoever dialled", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    a.engine.make();
    b.engine.make();
    const heads = [a.engine.head().hash, b.engine.head().hash].sort();
    await connect(a, b);
    assert.equal(a.engine.head().hash, heads[0]);
    assert.equal(b.engine.head().hash, heads[0]);
  });

  it("says that a better chain parts too far below the head to be merged, and blames nobody", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    for (let i = 0; i < 12; i++) a.engine.make();
    for (let i = 0; i < 11; i++) b.engine.make();
    b.engine.mergeDepthMax = 10;
    assert.equal((await connect(b, a, 5_000)).status, "syncing");
    const said = b.log.filter(({ message }) => message === "block sync stalled");
    assert.match(String(said[0]?.fields.reason), /parts from this node's 11 blocks below the head, and at most 10/);
    assert.equal(world.sent(b, a, "GetBlocks").length, 0);
    const blamed = b.log.filter(({ message }) => message === "a peer is at fault");
    assert.deepEqual([blamed, b.driver.bans()], [[], []]);
    b.engine.mergeDepthMax = 11;
    assert.equal((await connect(b, a, 60_000)).status, "synced");
    assert.ok(sameAll(a, b));
  });

  it("says that blocks are dated ahead of its own clock, and not that they were not delivered", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    const { header } = a.engine.make();
    const message = "block 1 is dated more than 60 s ahead of this clock";
    const refuses: ImportResult = {
      added: 0,
      orphans: [],
      invalid: [{ hash: header.hash, code: "FUTURE_BLOCK", message }],
    };
    const take = b.engine.import;
    Object.assign(b.engine, { import: async () => refuses });
    assert.equal((await connect(b, a, 5_000)).status, "syncing");
    const said = b.log.filter((entry) => entry.message === "block sync stalled");
    assert.deepEqual(
      new Set(said.map(({ level, fields }) => `${level} ${fields.reason}`)),
      new Set([`warn CodedError: ${message}`]),
    );
    assert.deepEqual(b.driver.bans(), []);
    Object.assign(b.engine, { import: take });
    await world.clock.until(() => sameAll(a, b), 60_000);
  });

  it("fetches long chains in pages, and deep forks from the block that is shared", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    for (let i = 0; i < 20; i++) {
      const block = a.engine.make();
      await b.engine.import([block]);
    }
    for (let i = 0; i < 700; i++) a.engine.make(i === 5 ? { created: [TOKEN] } : {});
    for (let i = 0; i < 40; i++) b.engine.make();
    const result = await connect(b, a);
    assert.equal(result.status, "synced");
    assert.equal(result.blocksSynced, 700);
    assert.equal(b.engine.head().hash, a.engine.head().hash);
    const asked = world.sent(b, a, "GetBlocks").flatMap(({ hashes }) => hashes);
    assert.equal(new Set(asked).size, asked.length, "a block was fetched twice");
    assert.ok(asked.every((hash) => (a.engine.header(hash)?.number ?? 0) > 20));
  });

  it("carries everything along a line of three, while connecting and afterwards", async () => {
    const [a, b, c] = [await world.start("a"), await world.start("b"), await world.start("c")];
    deploy(a);
    await connect(b, a);
    await connect(c, b);
    assert.ok(sameAll(a, b, c));
    deploy(c, OTHER, "Other");
    await world.clock.until(() => sameAll(a, b, c) && a.contracts.artifact(OTHER) !== undefined);
    assert.equal(a.engine.contractCount(), 2);
    assert.ok(!world.hub.isLinked("a", "c"));
  });

  it("lets many contracts through: envelopes first come whole, later only what is new", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    const addresses = Array.from({ length: 600 }, (_, i) => addressOf(`contract ${i}`));
    a.engine.make({ created: addresses });
    for (const address of addresses) a.contracts.publishRecord(makeRecord(address, 1, address.repeat(40)));
    const result = await connect(b, a);
    assert.equal(result.status, "synced");
    assert.equal(result.contractsSynced, 600);
    assert.ok(sameAll(a, b));
    assert.ok(world.sent(b, a, "GetContracts").length >= 3);
    assert.ok(world.sent(b, a, "GetBlobs").length > 0, "what does not fit inline is fetched by hash");
  });

  it("takes no artifact's content of contracts that it was not told to hold, from the start or later", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    for (const address of [TOKEN, OTHER]) deploy(a, address, `name of ${address}`);
    Object.assign(b.engine, { holding: { ...HOLDS_ALL, role: "chosen", has: (address: Hex) => address === TOKEN } });
    await connect(b, a);
    a.contracts.publishRecord(makeRecord(OTHER, 2, "Later"));
    await world.clock.pass(100);
    world.hub.faults.loses = (_from, _to, frame) => frameType(frame) === "UpdateContract";
    for (const address of [TOKEN, OTHER]) a.contracts.publishRecord(makeRecord(address, 3, `later of ${address}`));
    await world.clock.until(() => b.contracts.artifact(TOKEN)?.updatedAt === 3, 5_000);
    const asked = world
      .sent(b, a, "GetContracts")
      .map((query) => (query.kind === "since" ? query.inlineBytesMax : query));
    assert.deepEqual(new Set(asked), new Set([0]));
    const blobs = world.sent(b, a, "GetBlobs").flatMap(({ wanted }) => wanted.map(({ address }) => address));
    assert.deepEqual(new Set(blobs), new Set([TOKEN]));
    assert.ok(blobs.length >= 2);
  });

  it("asks only for what changed since the last time, also after a restart", async () => {
    const a = await world.start("a");
    let b = await world.start("b");
    const addresses = Array.from({ length: 300 }, (_, i) => addressOf(`contract ${i}`));
    a.engine.make({ created: addresses });
    for (const address of addresses) a.contracts.publishRecord(makeRecord(address, 1, `first ${address}`));
    await connect(b, a);
    await world.stop(b);
    a.contracts.publishRecord(makeRecord(addressOf("contract 7"), 2, "second"));
    const before = world.sent(b, a, "GetContracts").length;
    b = await world.start("b", { restarted: b });
    await world.clock.until(() => sameAll(a, b));
    const queries = world.sent(b, a, "GetContracts").slice(before);
    assert.deepEqual(
      queries.map((query) => query.kind === "since" && query.sequence),
      [300],
    );
  });

  it("remembers how far it got even when the process is killed", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    deploy(a);
    await connect(b, a);
    await world.clock.pass(3_000);
    assert.equal(b.checkpoints.get(`${a.driver.peerId} instance-a`), 1);
  });

  it("compares from the start, once, when nothing new explains a difference", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    deploy(a);
    // As if this node had seen all of the other's changes, but lost a record.
    b.checkpoints.set(`${a.driver.peerId} instance-a`, 50);
    const result = await connect(b, a);
    assert.equal(result.status, "synced");
    assert.ok(sameAll(a, b));
    const queries = world.sent(b, a, "GetContracts");
    assert.deepEqual(
      queries.map((query) => query.kind === "since" && query.sequence),
      [0],
    );
  });

  it("asks again for a record whose contract was not there at the moment it came", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    deploy(a);
    const put = b.contracts.putRecord;
    b.contracts.putRecord = async () => "unknown-contract";
    assert.equal((await connect(b, a, 5_000)).status, "syncing");
    assert.equal(
      b.checkpoints.get(`${a.driver.peerId} instance-a`),
      undefined,
      "the checkpoint stays before what was not taken",
    );
    const queries = world.sent(b, a, "GetContracts").length;
    assert.ok(queries > 1 && queries < 12, `${queries} queries`);
    b.contracts.putRecord = put;
    await world.clock.until(() => sameAll(a, b), 15_000);
  });

  it("takes what it had no contract for as soon as it has the peer's head, however often it was refused before", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    await connect(b, a);
    // Blocks do not get through, and artifacts wait for equal heads no longer.
    world.hub.faults.loses = (_, __, frame) => frameType(frame) !== "Status";
    world.hub.faults.answers = (_, __, frame) => (frameType(frame) === "GetHeaders" ? silence() : undefined);
    deploy(a);
    await world.clock.pass(40_000);
    const told = b.log.filter(({ message }) => message === "contract sync stalled").map(({ level }) => level);
    assert.deepEqual(told.slice(0, 4), ["debug", "debug", "debug", "warn"], "what lasts is told");
    assert.ok(told.length > 4 && told.slice(4).every((level) => level === "warn"));
    world.hub.faults.answers = () => undefined;
    await world.clock.until(() => b.engine.head().hash === a.engine.head().hash);
    await world.clock.until(() => sameAll(a, b), 100);
  });

  it("does not compare again and again what will not become equal", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    a.engine.make({ created: [TOKEN] });
    a.contracts.publishRecord(makeRecord(TOKEN, 1, "Token"));
    const accept = b.contracts.putRecord;
    b.contracts.putRecord = async () => "refused";
    const result = await connect(b, a, 20_000);
    assert.equal(result.status, "syncing");
    const queries = world.sent(b, a, "GetContracts").length;
    assert.ok(queries <= 3, `${queries} queries`);
    b.contracts.putRecord = accept;
    await world.clock.until(() => sameAll(a, b), 60_000);
  });

  it("answers 'syncing' with the progress when the time is up, and goes on", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    for (let i = 0; i < 200; i++) a.engine.make();
    b.engine.beforeImport = () => new Promise((resolve) => void world.clock.setTimer(100, resolve));
    const result = await connect(b, a, 250);
    assert.equal(result.status, "syncing");
    assert.equal(result.durationMs, 250);
    assert.ok(result.blocksSynced > 0 && result.blocksSynced < 200, `${result.blocksSynced} blocks`);
    assert.equal(b.driver.peers()[0]?.state, "syncing");
    await world.clock.until(() => b.driver.peers()[0]?.state === "synced");
    assert.equal(b.engine.head().number, 200);
  });

  it("waits until every re-injected transaction was tried", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    a.engine.make();
    b.engine.reinjecting = 2;
    assert.equal((await connect(b, a, 1_000)).status, "syncing");
    assert.equal((await connect(a, b, 1_000)).status, "syncing");
    // Far from any heartbeat.
    await world.clock.pass(500);
    b.engine.reinjecting = 0;
    const changedAt = world.clock.now();
    assert.equal((await connect(b, a, 1_000)).status, "synced");
    assert.equal((await connect(a, b, 1_000)).status, "synced");
    assert.ok(world.clock.now() - changedAt < 200, "both sides know soon");
  });

  it("shows its peers as they are", async () => {
    const [a, b] = [await world.start("a"), await world.start("b", { clockAheadMs: 5_000 })];
    a.engine.make();
    await connect(b, a);
    const [peer] = a.driver.peers();
    assert.equal(peer?.peerId, "b");
    assert.equal(peer?.state, "synced");
    assert.equal(peer?.direction, "inbound");
    assert.equal(peer?.client, "test/b");
    assert.equal(peer?.signer, b.signer);
    assert.deepEqual(peer?.head, { hash: a.engine.head().hash, number: 1 });
    assert.ok(Math.abs((peer?.clockDifferenceMs ?? 0) - 5_000) < 100);
    assert.equal(b.driver.peers()[0]?.address, "a:5000");
  });

  it("ends with the same head for any order of blocks, dials and late comers", async () => {
    const nodes = await Promise.all(["a", "b", "c", "d"].map((name) => world.start(name)));
    const [a, b, c, d] = nodes as [TestNode, TestNode, TestNode, TestNode];
    for (const [index, node] of nodes.entries()) {
      for (let i = 0; i <= index % 3; i++) deploy(node, addressOf(`${node.name} ${i}`), `${i}`);
    }
    await connect(a, b);
    await connect(d, c);
    await connect(c, a);
    await c.engine.import([makeBlock(c.engine.head(), "stranger")]);
    await world.clock.until(() => sameAll(...nodes));
  });
});
