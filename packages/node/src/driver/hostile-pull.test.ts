import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { encodeBlock } from "@counterpart/core/chain/block";
import { encodeHeader } from "@counterpart/core/chain/header";
import type { Block } from "@counterpart/core/chain/types";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import type { Message, Request, Status, VersionMessage } from "@counterpart/core/sync/message-types";
import { encodeMessage } from "@counterpart/core/sync/messages";
import { addressOf, makeBlock, word } from "./fake-chain.test-support.ts";
import { makeRecord } from "./fake-contracts.test-support.ts";
import { RETRY_MIN_MS } from "./limits.ts";
import { type Stranger, silence, startStranger, statusOf, versionFor } from "./stranger.test-support.ts";
import { createWorld, type TestNode, type World } from "./test-node.test-support.ts";
import { sleep } from "./timing.ts";

const TOKEN = addressOf("token");
const NOT_HELD: Message = { type: "Error", code: "NOT_HELD", retryAfterMs: 0 };

describe("what a peer says while it is synced from", () => {
  let world: World;
  let node: TestNode;

  beforeEach(async () => {
    world = createWorld();
    node = await world.start("node");
  });
  afterEach(() => world.end());

  const meet = async (status: Partial<Status>, change: Partial<VersionMessage> = {}): Promise<Stranger> => {
    const claim = (): Status => ({ ...statusOf(world, node), ...status, clockMs: world.clock.now() });
    const stranger = await startStranger(world, "stranger", () =>
      versionFor(world, node, { ...change, status: claim() }),
    );
    await world.clock.run(node.driver.connect("stranger:5000", 0));
    return stranger;
  };
  /** Repeats a status every two seconds, as a living peer does. */
  const keepSaying = (stranger: Stranger, status: () => Status, durationMs: number): void => {
    const until = world.clock.now() + durationMs;
    world.clock.setTimer(0, function talk() {
      stranger.say({ type: "Status", ...status() });
      if (world.clock.now() < until) world.clock.setTimer(2_000, talk);
    });
  };
  const page = (upTo: number, last: number, records: readonly ArtifactRecord[]): Message => ({
    type: "Contracts",
    kind: "since",
    instanceId: "instance-stranger",
    upTo,
    last,
    entries: records,
  });
  const asksSince = (asked: readonly Request[]): number[] =>
    asked.flatMap((request) => (request.type === "GetContracts" && request.kind === "since" ? [request.sequence] : []));

  it("moves no checkpoint of another node's database, whose name it may use", async () => {
    const honest = await world.start("honest");
    const artifacts = { ...node.contracts.artifacts(), sequence: 2 ** 50 };
    await meet({ artifacts }, { instanceId: "instance-honest" });
    await world.clock.pass(5_000);
    assert.deepEqual([...node.checkpoints.entries()], [["stranger instance-honest", 2 ** 50]], "its own was raised");
    await world.clock.run(node.driver.disconnect());

    honest.engine.make({ created: [TOKEN] });
    honest.contracts.publishRecord(makeRecord(TOKEN, 1, "Token"));
    const result = await world.clock.run(node.driver.connect(honest.address, 30_000), 40_000);
    assert.equal(result.status, "synced");
    const asked = world.sent(node, honest, "GetContracts").map((query) => query.kind === "since" && query.sequence);
    assert.deepEqual(asked, [0]);
  });

  it("may come in drips: whoever delivers faster gets the next turn", async () => {
    const chain: Block[] = [];
    for (let parent = node.engine.head(), i = 0; i < 400; i++) {
      const block = makeBlock(parent, "stranger");
      chain.push(block);
      parent = block.header;
    }
    const headers = [node.engine.head(), ...chain.map(({ header }) => header)];
    const tip = headers.at(-1) ?? assert.fail();
    const stranger = await meet({ head: { hash: tip.hash, number: tip.number } });
    const late = (message: Message): Promise<Uint8Array> =>
      new Promise((resolve) => void world.clock.setTimer(4_900, () => resolve(encodeMessage(message))));
    stranger.answer = (request) => {
      if (request.type === "GetHeaders" && "hashes" in request.from) {
        const { hashes } = request.from;
        const first = headers.findLastIndex(({ hash }) => hashes.includes(hash));
        return late({ type: "Headers", headers: headers.slice(first, first + 2).map(encodeHeader) });
      }
      if (request.type !== "GetBlocks") return late(NOT_HELD);
      const blocks = request.hashes.map((wanted) => chain.find(({ header }) => header.hash === wanted));
      return late({ type: "Blocks", blocks: blocks.flatMap((block) => (block ? [encodeBlock(block)] : [])) });
    };
    const claim = { ...statusOf(world, node), head: { hash: tip.hash, number: tip.number } };
    keepSaying(stranger, () => claim, 120_000);
    await world.clock.until(() => node.engine.head().number >= 1, 60_000);
    assert.equal(node.driver.progress()?.toBlock, 400);

    const honest = await world.start("honest");
    for (let i = 0; i < 200; i++) honest.engine.make({});
    await world.clock.run(node.driver.connect(honest.address, 0));
    await world.clock.until(() => node.engine.head().number >= 200, 60_000);
    assert.ok(node.engine.isCanonical(honest.engine.head().hash));
  });

  it("may be branch after branch that is never the better one: who brings the chain on gets the next turn", async () => {
    for (let i = 0; i < 50; i++) node.engine.make({});
    const honest = await world.start("honest");
    await honest.engine.import(Array.from({ length: 50 }, (_, i) => node.engine.block(i + 1) ?? assert.fail()));
    for (let i = 0; i < 1_500; i++) honest.engine.make({});
    const branches: Block[][] = [];
    const claim = (): Status => ({ ...statusOf(world, node), head: { hash: word("fake"), number: 2 ** 40 } });
    const stranger = await meet(claim());
    const soon = (message: Message): Promise<Uint8Array> =>
      new Promise((resolve) => void world.clock.setTimer(100, () => resolve(encodeMessage(message))));
    const branchOf = (hashes: readonly string[]): readonly Block[] => {
      const known = branches.find((branch) => branch.some(({ header }) => hashes.includes(header.hash)));
      if (known !== undefined) return known.slice(-1);
      const branch: Block[] = [];
      let parent = node.engine.header(0) ?? assert.fail();
      for (let i = 0; i < 40; i++) {
        const block = makeBlock(parent, `branch ${branches.length}`);
        branch.push(block);
        parent = block.header;
      }
      branches.push(branch);
      return branch;
    };
    stranger.answer = (request) => {
      if (request.type === "GetHeaders" && "hashes" in request.from) {
        const branch = branchOf(request.from.hashes);
        const first = branch.length === 1 ? [] : [node.engine.header(0) ?? assert.fail()];
        const headers = [...first, ...branch.map(({ header }) => header)];
        return soon({ type: "Headers", headers: headers.map(encodeHeader) });
      }
      if (request.type !== "GetBlocks") return soon(NOT_HELD);
      const blocks = request.hashes.map((wanted) => branches.flat().find(({ header }) => header.hash === wanted));
      return soon({ type: "Blocks", blocks: blocks.flatMap((block) => (block ? [encodeBlock(block)] : [])) });
    };
    keepSaying(stranger, claim, 200_000);
    let { hash } = node.engine.head();
    node.engine.afterImport = async () => {
      // What is executed takes its time.
      if (node.engine.head().hash !== hash) await sleep(world.clock, 1_000);
      hash = node.engine.head().hash;
    };
    await world.clock.run(node.driver.connect(honest.address, 0));
    await world.clock.until(() => node.engine.head().number === 1_550, 100_000);
    assert.ok(branches.length > 0);
  });

  it("counts as progress only once it has shown headers, and while it delivers", async () => {
    assert.equal(node.driver.progress(), undefined);
    const stranger = await meet({ head: { hash: word("fake"), number: 2 ** 40 } });
    stranger.answer = silence;
    const progress: unknown[] = [];
    for (let i = 0; i < 60; i++) {
      await world.clock.pass(1_000);
      progress.push(node.driver.progress());
    }
    assert.deepEqual(new Set(progress), new Set([undefined]));

    const honest = await world.start("honest");
    for (let i = 0; i < 100; i++) honest.engine.make({});
    let seen: unknown;
    node.engine.beforeImport = async () => {
      const { fromBlock, toBlock } = node.driver.progress() ?? {};
      seen ??= { fromBlock, toBlock };
    };
    await world.clock.run(node.driver.connect(honest.address, 30_000), 40_000);
    assert.deepEqual(seen, { fromBlock: 0, toBlock: 100 });
    assert.equal(node.driver.progress(), undefined);
  });

  it("has its artifacts fetched although the heads never become equal", async () => {
    node.engine.make({ created: [TOKEN] });
    const other = makeBlock(node.engine.header(0) ?? assert.fail(), "other");
    const head = { hash: other.header.hash, number: 0 };
    const record = makeRecord(TOKEN, 5, "Token");
    const artifacts = { count: 1, digest: word("other"), sequence: 1 };
    const stranger = await meet({ head, artifacts });
    const asked: Request[] = [];
    stranger.answer = async (request) => {
      asked.push(request as Request);
      return encodeMessage(page(1, 1, [record]));
    };
    const status = { ...statusOf(world, node), head, artifacts };
    keepSaying(stranger, () => status, 60_000);
    await world.clock.pass(3_000);
    assert.deepEqual(asked, [], "the announcement may be on its way");
    await world.clock.until(() => node.contracts.artifact(TOKEN) !== undefined, 10_000);
    await world.clock.pass(60_000);
    assert.deepEqual(asksSince(asked), [0], "and only what is new");
  });

  it("about contracts that are not known yet is asked for again, without their content", async () => {
    const head = { hash: word("other head"), number: 0 };
    const artifacts = { count: 2, digest: word("other"), sequence: 2 };
    const [known, unknown] = [makeRecord(TOKEN, 5, "Token"), makeRecord(addressOf("later"), 5, "Later")];
    node.engine.make({ created: [TOKEN] });
    const stranger = await meet({ head, artifacts });
    const asked: Request[] = [];
    stranger.answer = async (request) => {
      asked.push(request as Request);
      if (request.type === "GetBlobs") return encodeMessage({ type: "Blobs", blobs: [known.content] });
      const { content: _, ...envelope } = known;
      const { content: __, ...laterEnvelope } = unknown;
      return encodeMessage({ ...page(2, 2, []), entries: [envelope, laterEnvelope] } as Message);
    };
    const status = { ...statusOf(world, node), head, artifacts };
    keepSaying(stranger, () => status, 60_000);
    await world.clock.pass(30_000);
    assert.ok(node.contracts.artifact(TOKEN));
    const blobs = asked.flatMap((request) => (request.type === "GetBlobs" ? request.wanted : []));
    assert.deepEqual(blobs, [{ hash: known.contentHash, address: TOKEN }]);
    assert.ok(asksSince(asked).length > 1);
    assert.deepEqual(new Set(asksSince(asked)), new Set([0]), "the checkpoint stays below what is missing");
  });

  it("is asked for again when its time has come, though nobody says anything meanwhile", async () => {
    node.engine.make({ created: [TOKEN] });
    const stranger = await meet({ artifacts: { count: 1, digest: word("other"), sequence: 1 } });
    const askedAtMs: number[] = [];
    stranger.answer = async () => {
      askedAtMs.push(world.clock.now());
      return encodeMessage(askedAtMs.length <= 3 ? NOT_HELD : page(1, 1, [makeRecord(TOKEN, 5, "Token")]));
    };
    await world.clock.until(() => node.contracts.artifact(TOKEN) !== undefined, 10_000);
    const waitedMs = askedAtMs.slice(1).map((atMs, index) => atMs - (askedAtMs[index] as number));
    assert.equal(waitedMs.length, 3);
    for (const [failures, ms] of waitedMs.entries()) {
      const most = RETRY_MIN_MS * 2 ** failures;
      assert.ok(ms >= most / 2 && ms <= most, `${ms} ms after ${failures + 1} failures, at most ${most}`);
    }
  });

  it("has an end: a feed of more artifacts than it claims to have is a wrong reply", async () => {
    node.engine.make({ created: [TOKEN] });
    const stranger = await meet({ artifacts: { count: 3, digest: word("other"), sequence: 2 ** 53 - 1 } });
    let pages = 0;
    stranger.answer = async (request) => {
      pages++;
      const since = request.type === "GetContracts" && request.kind === "since" ? request.sequence : 0;
      return encodeMessage(page(since + 1, 2 ** 53 - 1, [makeRecord(TOKEN, 1, "Token")]));
    };
    await world.clock.until(() => stranger.closed, 60_000);
    assert.ok(pages < 1_100, `${pages} pages`);
    const faults = node.log.filter(({ message }) => message === "a peer is at fault");
    assert.deepEqual(
      faults.map(({ fields }) => fields.fault),
      ["WRONG_REPLY"],
    );
  });

  it("with no artifact in it and more to come makes no progress", async () => {
    node.engine.make({ created: [TOKEN] });
    const stranger = await meet({ artifacts: { count: 3, digest: word("other"), sequence: 9 } });
    let pages = 0;
    stranger.answer = async () => encodeMessage(page(++pages, 9, []));
    await world.clock.until(() => stranger.closed, 10_000);
    assert.equal(pages, 1);
  });

  it("is logged ever more rarely when it is refused again and again", async () => {
    node.engine.make({ created: [TOKEN] });
    const stranger = await meet({});
    for (let i = 1; i <= 100; i++) {
      stranger.say({ type: "UpdateContract", kind: "artifact", artifact: makeRecord(TOKEN, i, "forged", true) });
      await world.clock.pass(10);
    }
    assert.equal(node.contracts.puts, 100);
    const warnings = node.log.filter(({ fields }) => fields.fault === "REFUSED_RECORD");
    assert.deepEqual(
      warnings.map(({ fields }) => fields.count),
      [1, 2, 4, 8, 16, 32, 64],
    );
  });
});
