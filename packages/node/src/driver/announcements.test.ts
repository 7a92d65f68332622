import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { encodeBlock } from "@counterpart/core/chain/block";
import { decodeHeader, encodeHeader } from "@counterpart/core/chain/header";
import { signTransaction } from "@counterpart/core/chain/transaction";
import type { Block, Transaction } from "@counterpart/core/chain/types";
import { signDigest } from "@counterpart/core/crypto/crypto";
import { encodeMessage, frameType } from "@counterpart/core/sync/messages";
import { addressOf, makeBlock, word } from "./fake-chain.test-support.ts";
import { makeRecord } from "./fake-contracts.test-support.ts";
import { JOIN_BLOCKS_MIN } from "./limits.ts";
import { startStranger, statusOf, versionFor } from "./stranger.test-support.ts";
import { createWorld, sameAll, type TestNode, type World } from "./test-node.test-support.ts";

const TOKEN = addressOf("token");
const KEY = hexToBytes(word("key"));

function transfer(nonce: bigint, sizeBytes = 0): Transaction {
  const fields = { type: 2 as const, chainId: 31_337n, nonce, gasLimit: 16_000_000n, maxFeePerGas: 1n, to: TOKEN };
  const rest = {
    maxPriorityFeePerGas: 0n,
    value: 1n,
    data: new Uint8Array(sizeBytes),
    accessList: [],
    authorizationList: [],
  };
  return signTransaction({ ...fields, ...rest }, (digest) => signDigest(digest, KEY));
}

const blockFrame = (block: Block): Uint8Array =>
  encodeMessage({ type: "NewBlock", kind: "block", block: encodeBlock(block) });

describe("announcements", () => {
  let world: World;
  let a: TestNode;
  let b: TestNode;
  let c: TestNode;

  /** A line a – b – c, in step. */
  beforeEach(async () => {
    world = createWorld();
    [a, b, c] = [await world.start("a"), await world.start("b"), await world.start("c")];
    await world.clock.run(b.driver.connect(a.address, 10_000));
    await world.clock.run(c.driver.connect(b.address, 10_000));
    world.hub.traffic.length = 0;
  });
  afterEach(() => world.end());

  it("push a new block to everybody at once, each link carrying it once", async () => {
    const block = a.engine.make();
    await world.clock.pass(10);
    assert.equal(c.engine.head().hash, block.header.hash);
    await world.clock.pass(100);
    assert.equal(world.sent(a, b, "NewBlock").length, 1);
    assert.equal(world.sent(b, c, "NewBlock").length, 1);
    assert.equal(world.sent(b, a, "NewBlock").length, 0);
    assert.equal(world.sent(c, b, "NewBlock").length, 0);
    assert.equal(world.sent(b, a, "GetBlocks").length, 0, "what was pushed is not pulled");
  });

  it("name a large block by its header, and it is pulled", async () => {
    const { header } = a.engine.make({}, [transfer(0n, 70_000)]);
    await world.clock.until(() => sameAll(a, b, c));
    const [announcement] = world.sent(a, b, "NewBlock");
    assert.ok(announcement?.kind === "header");
    assert.equal(decodeHeader(announcement.header).hash, header.hash);
    assert.equal(world.sent(b, a, "GetBlocks").length, 1);
  });

  it("name a block to a replica by its header, and spare it transactions", async () => {
    const greeting = () => versionFor(world, a, { role: "replica" });
    const replica = await startStranger(world, "replica", greeting);
    void a.driver.connect("replica:5000", 0);
    await world.clock.until(() =>
      a.driver.peers().some(({ state, address }) => state === "synced" && /replica/.test(address)),
    );
    replica.received.length = 0;
    const { header } = a.engine.make();
    await a.engine.submit(transfer(0n), "local");
    await world.clock.until(() => sameAll(a, b, c) && c.engine.pool.pending === 1);
    const told = replica.received.filter(({ type }) => type === "NewBlock" || type === "NewTransaction");
    assert.deepEqual(told, [{ type: "NewBlock", kind: "header", header: encodeHeader(header) }]);
    assert.ok(world.sent(a, b, "NewBlock").every(({ kind }) => kind === "block"));
  });

  it("of contracts and their artifacts spare replicas, which ask for what they hold", async () => {
    const replica = await startStranger(world, "replica", () => versionFor(world, b, { role: "replica" }));
    void b.driver.connect("replica:5000", 0);
    await world.clock.until(() => replica.received.some(({ type }) => type === "Status"));
    a.engine.make({ created: [TOKEN] });
    a.contracts.publishRecord(makeRecord(TOKEN, 1, "Token"));
    a.engine.make({ updated: [TOKEN] });
    a.contracts.publishRecord(makeRecord(TOKEN, 2, "Token"));
    await world.clock.until(() => sameAll(a, b, c));
    b.engine.make({ created: [addressOf("other")] });
    b.contracts.publishRecord(makeRecord(TOKEN, 3, "Token"));
    await world.clock.until(() => sameAll(a, b, c) && c.contracts.artifact(TOKEN)?.updatedAt === 3);
    await world.clock.pass(100);
    const told = replica.received.map(({ type }) => type);
    assert.equal(told.filter((type) => type === "NewBlock").length, 3);
    assert.deepEqual([told.includes("NewContract"), told.includes("UpdateContract")], [false, false]);
    const last = replica.received.findLast(({ type }) => type === "Status");
    assert.ok(last?.type === "Status" && last.artifacts.sequence === b.contracts.artifacts().sequence);
  });

  it("to a peer that is far behind name blocks by their headers, and nothing else, until it has caught up", async () => {
    for (let i = 0; i < JOIN_BLOCKS_MIN; i++) a.engine.make({ created: [addressOf(`contract ${i}`)] });
    await world.clock.until(() => sameAll(a, b, c));
    const status = { ...statusOf(world, a), head: { hash: a.engine.genesisHash, number: 0 } };
    const late = await startStranger(world, "late", () => versionFor(world, a, { status }));
    void a.driver.connect("late:5000", 0);
    await world.clock.until(() => late.received.some(({ type }) => type === "Status"));
    const announced = () => late.received.filter(({ type }) => /^(New|Update)/.test(type));
    const { header } = a.engine.make({ created: [TOKEN] });
    a.contracts.publishRecord(makeRecord(TOKEN, 1, "Token"));
    await world.clock.pass(100);
    assert.deepEqual(announced(), [{ type: "NewBlock", kind: "header", header: encodeHeader(header) }]);
    late.say({ type: "Status", ...statusOf(world, a), sequence: 2 });
    await world.clock.pass(100);
    late.received.length = 0;
    a.engine.make({ updated: [TOKEN] });
    a.contracts.publishRecord(makeRecord(TOKEN, 2, "Token"));
    await world.clock.pass(100);
    assert.deepEqual(
      announced().map((message) => [message.type, "kind" in message ? message.kind : undefined]),
      [
        ["NewBlock", "block"],
        ["UpdateContract", "state"],
        ["UpdateContract", "artifact"],
      ],
    );
  });

  it("spare a peer that is far behind transactions, which it is offered once when it has caught up, every time", async () => {
    for (let i = 0; i < JOIN_BLOCKS_MIN; i++) a.engine.make();
    await world.clock.until(() => sameAll(a, b, c));
    a.engine.rules = { signers: [a.signer] };
    let sequence = 1;
    const status = (isBehind: boolean) => {
      const head = { hash: a.engine.genesisHash, number: 0 };
      return { ...statusOf(world, a), sequence: sequence++, ...(isBehind ? { head } : {}) };
    };
    const late = await startStranger(world, "late", () => versionFor(world, a, { status: status(true) }));
    void a.driver.connect("late:5000", 0);
    await world.clock.until(() => late.received.some(({ type }) => type === "Status"));
    const told = () =>
      late.received.flatMap((message) =>
        message.type === "NewTransaction" ? message.transactions.map(bytesToHex) : [],
      );
    const expected: Hex[] = [];
    for (const nonce of [0n, 1n]) {
      late.say({ type: "Status", ...status(true) });
      await world.clock.pass(10);
      const transaction = transfer(nonce);
      await a.engine.submit(transaction, "local");
      await world.clock.pass(1_000);
      assert.deepEqual(told(), expected);
      late.say({ type: "Status", ...status(false) });
      await world.clock.pass(1_000);
      expected.push(bytesToHex(transaction.raw));
      assert.deepEqual(told(), expected);
    }
    await a.engine.submit(transfer(2n), "local");
    await world.clock.pass(1_000);
    assert.deepEqual(told(), [...expected, bytesToHex(transfer(2n).raw)]);
    assert.equal(a.driver.peers().filter(({ address }) => /late/.test(address)).length, 1);
  });

  it("tell of a created contract with its artifact, and pass it on once", async () => {
    a.engine.make({ created: [TOKEN] });
    a.contracts.publishRecord(makeRecord(TOKEN, 1, "Token"));
    await world.clock.pass(200);
    assert.equal(c.contracts.artifact(TOKEN)?.updatedAt, 1);
    const created = world.sent(b, c, "NewContract");
    assert.deepEqual(
      created.map(({ address, artifact }) => [address, artifact?.updatedAt]),
      [
        [TOKEN, undefined],
        [TOKEN, 1],
      ],
    );
    assert.equal(created[0]?.blockHash, a.engine.head().hash);
    assert.equal(world.sent(c, b, "NewContract").length + world.sent(b, a, "NewContract").length, 0);
    assert.equal(world.sent(b, a, "GetContracts").length, 0, "what was pushed is not pulled");
  });

  it("tell of changed contracts with their storage roots, and pass it on", async () => {
    a.engine.make({ created: [TOKEN] });
    a.engine.make({ updated: [TOKEN] });
    await world.clock.pass(200);
    const [update] = world.sent(b, c, "UpdateContract");
    const root = a.engine.snapshot().account(TOKEN)?.storageRoot;
    assert.ok(update?.kind === "state");
    assert.equal(update.blockHash, a.engine.head().hash);
    assert.deepEqual(update.contracts, [{ address: TOKEN, storageRoot: root }]);
  });

  it("carry a later artifact to everybody", async () => {
    a.engine.make({ created: [TOKEN] });
    a.engine.make();
    await world.clock.until(() => sameAll(a, b, c));
    c.contracts.publishRecord(makeRecord(TOKEN, 7, "Token"));
    await world.clock.pass(20);
    assert.equal(a.contracts.artifact(TOKEN)?.updatedAt, 7);
    assert.equal(world.sent(c, b, "UpdateContract").length, 1);
    assert.equal(world.sent(b, a, "UpdateContract").length, 1);
  });

  it("wait for the block that they are about", async () => {
    b.engine.beforeImport = () => new Promise((resolve) => void world.clock.setTimer(500, resolve));
    a.engine.make({ created: [TOKEN] }, [transfer(0n, 70_000)]);
    a.contracts.publishRecord(makeRecord(TOKEN, 1, "Token"));
    await world.clock.pass(400);
    assert.equal(b.contracts.puts, 0);
    await world.clock.until(() => b.contracts.artifact(TOKEN) !== undefined);
    assert.equal(world.sent(b, a, "GetContracts").length, 0, "the announcement was kept, so nothing had to be pulled");
  });

  it("are not passed on when this node's own execution says otherwise", async () => {
    const block = a.engine.make({ created: [TOKEN] });
    await world.clock.until(() => sameAll(a, b, c));
    await world.clock.pass(100);
    const told = world.sent(b, c, "NewContract").length;
    const lie = { type: "NewContract", blockHash: block.header.hash, owner: TOKEN, codeHash: word("lie") } as const;
    const frames = [
      encodeMessage({ ...lie, address: TOKEN }),
      encodeMessage({ ...lie, address: addressOf("nowhere") }),
      encodeMessage({
        type: "UpdateContract",
        kind: "state",
        blockHash: block.header.hash,
        contracts: [{ address: TOKEN, storageRoot: word("lie") }],
        truncated: false,
      }),
    ];
    const updates = world.sent(b, c, "UpdateContract").length;
    for (const frame of frames) world.hub.inject("a", "b", frame);
    await world.clock.pass(100);
    assert.equal(world.sent(b, c, "NewContract").length, told);
    assert.equal(world.sent(b, c, "UpdateContract").length, updates);
  });

  it("with a forged artifact are neither kept nor passed on", async () => {
    a.engine.make({ created: [TOKEN] });
    await world.clock.until(() => sameAll(a, b, c));
    await world.clock.pass(100);
    const artifact = makeRecord(TOKEN, 99, "Forged", true);
    const before = world.sent(b, c, "UpdateContract").length;
    world.hub.inject("a", "b", encodeMessage({ type: "UpdateContract", kind: "artifact", artifact }));
    await world.clock.pass(100);
    assert.equal(b.contracts.artifact(TOKEN), undefined);
    assert.equal(world.sent(b, c, "UpdateContract").length, before);
    assert.ok(b.log.some(({ fields }) => fields.fault === "REFUSED_RECORD"));
  });

  it("flood transactions to everybody, in batches, and never back", async () => {
    const transactions = [0n, 1n, 2n].map(transfer);
    for (const transaction of transactions) await b.engine.submit(transaction, "local");
    await world.clock.pass(50);
    for (const node of [a, c]) {
      assert.deepEqual(
        node.engine.pool.transactions().map(({ hash, sender }) => [hash, sender]),
        transactions.map(({ hash, sender }) => [hash, sender]),
      );
      assert.equal(world.sent(b, node, "NewTransaction").length, 1);
      assert.equal(world.sent(node, b, "NewTransaction").length, 0);
    }
  });

  it("offer what waits in the pool to a peer that connects", async () => {
    await a.engine.submit(transfer(5n), "local");
    const d = await world.start("d");
    await world.clock.run(d.driver.connect(a.address, 10_000));
    await world.clock.until(() => d.engine.pool.pending === 1);
  });

  it("of transactions that were lost are repeated by a node that may not seal", async () => {
    const transactions = Array.from({ length: 1_100 }, (_, nonce) => transfer(BigInt(nonce)));
    a.engine.rules = { signers: [b.signer] };
    world.hub.faults.loses = (_from, _to, frame) => frameType(frame) === "NewTransaction";
    for (const transaction of transactions) await a.engine.submit(transaction, "local");
    await world.clock.pass(1_000);
    assert.equal(b.engine.pool.pending, 0);
    world.hub.faults.loses = () => false;
    await world.clock.until(() => b.engine.pool.pending === 1_024, 5_000);
  });

  it("of transactions are not repeated by a node that seals them itself", async () => {
    world.hub.faults.loses = (_from, _to, frame) => frameType(frame) === "NewTransaction";
    await a.engine.submit(transfer(0n), "local");
    await world.clock.pass(10_000);
    assert.equal(world.sent(a, b, "NewTransaction").length, 1);
  });

  it("go to the leader at once when asked to", async () => {
    const transaction = transfer(0n);
    const leader = b.driver.leader(a.signer);
    assert.equal(leader?.forward(transaction), true);
    await world.clock.until(() => a.engine.pool.pending === 1);
    assert.ok((leader?.heardAtMs ?? 0) > world.clock.now() - 3_000);
    assert.equal(b.driver.leader(addressOf("nobody")), undefined);
    assert.equal(a.driver.leader(c.signer), undefined, "only direct neighbours count");
  });

  it("that are lost are made up for by the next Status", async () => {
    world.hub.faults.loses = (_from, _to, frame) => !["Status", "Version"].includes(frameType(frame));
    a.engine.make({ created: [TOKEN] });
    a.contracts.publishRecord(makeRecord(TOKEN, 1, "Token"));
    await world.clock.until(() => sameAll(a, b, c), 5_000);
    assert.equal(c.contracts.artifact(TOKEN)?.updatedAt, 1);
  });

  it("and every Status at the moment of change may be lost too", async () => {
    world.hub.faults.loses = () => true;
    a.engine.make({ created: [TOKEN] });
    await world.clock.pass(500);
    world.hub.faults.loses = () => false;
    await world.clock.until(() => sameAll(a, b, c), 5_000);
  });

  it("of a block whose parent is missing start a pull", async () => {
    world.hub.faults.loses = () => true;
    a.engine.make();
    await world.clock.pass(100);
    world.hub.faults.loses = (_from, _to, frame) => frameType(frame) === "Status";
    const { header } = a.engine.make();
    await world.clock.pass(50);
    assert.equal(b.engine.head().hash, header.hash);
  });

  it("of blocks that are known already cost nothing", async () => {
    const block = a.engine.make();
    await world.clock.until(() => sameAll(a, b, c));
    const imported = b.engine.imported;
    for (let i = 0; i < 50; i++) world.hub.inject("a", "b", blockFrame(block));
    await world.clock.pass(100);
    assert.equal(b.engine.imported, imported);
    assert.equal(b.engine.head().hash, block.header.hash);
    assert.ok(world.hub.isLinked("a", "b"));
  });

  it("in a flood are dropped, and the peers are in step all the same", async () => {
    b.engine.beforeImport = () => new Promise((resolve) => void world.clock.setTimer(20, resolve));
    for (let i = 0; i < 400; i++) a.engine.make();
    await world.clock.until(() => sameAll(a, b, c));
    const tip = a.engine.head();
    for (let i = 0; i < 5_000; i++) {
      const block = makeBlock(tip, `flooder ${i}`);
      world.hub.inject("a", "b", blockFrame(block));
    }
    await world.clock.pass(1);
    const before = b.engine.imported;
    await world.clock.pass(60_000);
    assert.ok(b.engine.imported - before <= 129, `${b.engine.imported - before} of 5,000 were taken`);
  });
});
