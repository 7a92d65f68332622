import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { encodeBlock } from "@counterpart/core/chain/block";
import { encodeHeader } from "@counterpart/core/chain/header";
import type { Block } from "@counterpart/core/chain/types";
import type { Message, Status } from "@counterpart/core/sync/message-types";
import { decodeMessage, encodeMessage } from "@counterpart/core/sync/messages";
import { addressOf, makeBlock, word } from "./fake-chain.test-support.ts";
import { makeRecord } from "./fake-contracts.test-support.ts";
import { type Stranger, silence, startStranger, statusOf, versionFor } from "./stranger.test-support.ts";
import { createWorld, sameAll, type TestNode, type World } from "./test-node.test-support.ts";

const TOKEN = addressOf("token");

describe("a faulty peer", () => {
  let world: World;
  let node: TestNode;
  let honest: TestNode;
  /** A chain of ten blocks on the genesis that only the stranger claims to have. */
  let chain: Block[];
  let claim: Status;

  beforeEach(async () => {
    world = createWorld();
    [node, honest] = [await world.start("node"), await world.start("honest")];
    chain = [];
    for (let parent = node.engine.head(), i = 0; i < 10; i++) {
      const block = makeBlock(parent, "stranger");
      chain.push(block);
      parent = block.header;
    }
    claim = { ...statusOf(world, node), head: { hash: tip().hash, number: 10 } };
  });
  afterEach(() => world.end());

  const tip = () => (chain.at(-1) as Block).header;
  const meet = async (status = claim): Promise<Stranger> => {
    const greeting = () => versionFor(world, node, { status: { ...status, clockMs: world.clock.now() } });
    const stranger = await startStranger(world, "stranger", greeting);
    await world.clock.run(node.driver.connect("stranger:5000", 0));
    return stranger;
  };
  /** Serves the chain as an honest peer would, with changes. */
  const serving =
    (change: (request: Message, answer: Message) => Message) =>
    async (frame: Message): Promise<Uint8Array> => {
      let answer: Message = { type: "Error", code: "NOT_HELD", retryAfterMs: 0 };
      if (frame.type === "GetHeaders") {
        const genesis = node.engine.header(0);
        const headers = [...(genesis ? [genesis] : []), ...chain.map(({ header }) => header)].map(encodeHeader);
        answer = { type: "Headers", headers };
      } else if (frame.type === "GetBlocks") {
        const blocks = frame.hashes.map((hash) => chain.find(({ header }) => header.hash === hash));
        answer = { type: "Blocks", blocks: blocks.map((block) => (block ? encodeBlock(block) : new Uint8Array(0))) };
      }
      return encodeMessage(change(frame, answer));
    };
  /** The node syncs from an honest peer although the faulty one claims the better head. */
  const stillSyncs = async (limitMs = 30_000): Promise<void> => {
    honest.engine.make({ created: [TOKEN] });
    honest.contracts.publishRecord(makeRecord(TOKEN, 1, "Token"));
    const result = await world.clock.run(node.driver.connect(honest.address, limitMs), limitMs + 1_000);
    assert.equal(result.status, "synced");
    assert.ok(sameAll(node, honest));
  };
  const faults = (): unknown[] =>
    node.log.filter(({ message }) => message === "a peer is at fault").map(({ fields }) => fields.fault);

  it("that is honest after all is synced from (the stand-in works)", async () => {
    const stranger = await meet();
    stranger.answer = serving((_, answer) => answer);
    await world.clock.until(() => node.engine.head().hash === tip().hash);
    assert.deepEqual(faults(), []);
  });

  it("that is silent is asked less and less often, and stops nobody else", async () => {
    const stranger = await meet();
    let asked = 0;
    stranger.answer = () => {
      asked++;
      return silence();
    };
    await stillSyncs();
    const until = world.clock.now() + 300_000;
    world.clock.setTimer(0, function talk() {
      stranger.say({ type: "Status", ...claim, clockMs: world.clock.now() });
      if (world.clock.now() < until) world.clock.setTimer(2_000, talk);
    });
    await world.clock.pass(300_000);
    const stalls = node.log.filter(({ message }) => message === "block sync stalled").length;
    assert.ok(stalls >= 2 && stalls < 20, `fetched from ${stalls} times in five minutes`);
    // Every request at most twice, and the last one may be under way.
    assert.ok(asked >= stalls && asked <= 2 * stalls + 2, `asked ${asked} times`);
    assert.ok(!stranger.closed, "silence is no reason to hang up");
    assert.ok(faults().includes("TIMEOUT"));
  });

  it("that is silent keeps its turn no longer than until others can be asked", async () => {
    const silent = [];
    for (const name of ["stranger", "stranger two", "stranger three"]) {
      const greeting = () => versionFor(world, node, { status: { ...claim, clockMs: world.clock.now() } });
      silent.push(await startStranger(world, name, greeting));
      await world.clock.run(node.driver.connect(`${name}:5000`, 0));
    }
    honest.engine.make({ created: [TOKEN] });
    await world.clock.run(node.driver.connect(honest.address, 0));
    await world.clock.until(() => node.engine.head().hash === honest.engine.head().hash, 5_000);
    assert.deepEqual(faults(), [], "none of them has had its time yet");
    assert.ok(silent.every(({ closed }) => !closed));
  });

  it("that needs long to answer is synced from although others have had a turn meanwhile", async () => {
    const stranger = await meet();
    const serve = serving((_, answer) => answer);
    stranger.answer = (request) =>
      new Promise((resolve) => void world.clock.setTimer(4_000, () => resolve(serve(request))));
    honest.engine.make({ created: [TOKEN] });
    await world.clock.run(node.driver.connect(honest.address, 0));
    await world.clock.until(() => node.engine.head().hash === honest.engine.head().hash, 3_000);
    await world.clock.until(() => node.engine.head().hash === tip().hash, 20_000);
    assert.deepEqual(faults(), []);
  });

  it("that is too slow for large answers is asked for less at a time", async () => {
    const stranger = await meet();
    const serve = serving((_, answer) => answer);
    stranger.answer = (request) =>
      request.type === "GetBlocks" && request.hashes.length > 4 ? silence() : serve(request);
    const until = world.clock.now() + 120_000;
    world.clock.setTimer(0, function talk() {
      stranger.say({ type: "Status", ...claim, clockMs: world.clock.now() });
      if (world.clock.now() < until) world.clock.setTimer(2_000, talk);
    });
    await world.clock.until(() => node.engine.head().hash === tip().hash, 120_000);
  });

  it("that answers with nothing stops nobody else", async () => {
    const stranger = await meet();
    stranger.answer = serving((request, answer) =>
      request.type === "GetBlocks" ? { type: "Blocks", blocks: [] } : answer,
    );
    await stillSyncs();
    await world.clock.pass(60_000);
    assert.ok(!stranger.closed);
    assert.ok(faults().includes("EMPTY_REPLY"));
    stranger.answer = serving((_, answer) => answer);
    await world.clock.until(() => node.engine.head().hash === tip().hash, 60_000);
  });

  it("that is always busy or holds nothing stops nobody else", async () => {
    const asked: Record<string, number> = { BUSY: 0, NOT_HELD: 0 };
    for (const code of ["BUSY", "NOT_HELD"] as const) {
      const stranger = await startStranger(world, `stranger-${code}`, () =>
        versionFor(world, node, { status: claim, instanceId: code }),
      );
      stranger.answer = async () => {
        asked[code] = (asked[code] ?? 0) + 1;
        return encodeMessage({ type: "Error", code, retryAfterMs: 10 });
      };
      await world.clock.run(node.driver.connect(`stranger-${code}:5000`, 0));
      await world.clock.pass(100);
    }
    assert.deepEqual(asked, { BUSY: 4, NOT_HELD: 1 }, "only who is busy is asked again at once");
    await stillSyncs();
    assert.deepEqual(faults(), []);
  });

  it("that is busy for a moment is asked again", async () => {
    const stranger = await meet();
    let busy = 2;
    const serve = serving((_, answer) => answer);
    stranger.answer = async (request) =>
      busy-- > 0 ? encodeMessage({ type: "Error", code: "BUSY", retryAfterMs: 50 }) : serve(request);
    await world.clock.until(() => node.engine.head().hash === tip().hash, 5_000);
  });

  const brokenReplies: readonly (readonly [string, (request: Message, answer: Message) => Message])[] = [
    [
      "headers that form no chain",
      (_, answer) =>
        answer.type === "Headers" ? { ...answer, headers: answer.headers.filter((__, i) => i !== 3) } : answer,
    ],
    [
      "headers that start elsewhere",
      (_, answer) => (answer.type === "Headers" ? { ...answer, headers: answer.headers.slice(1) } : answer),
    ],
    ["no headers", (_, answer) => (answer.type === "Headers" ? { ...answer, headers: [] } : answer)],
    [
      "garbage for headers",
      (_, answer) => (answer.type === "Headers" ? { ...answer, headers: [new Uint8Array(500)] } : answer),
    ],
    [
      "other blocks than asked for",
      (_, answer) => (answer.type === "Blocks" ? { ...answer, blocks: answer.blocks.toReversed() } : answer),
    ],
    [
      "more blocks than asked for",
      (_, answer) => (answer.type === "Blocks" ? { ...answer, blocks: [...answer.blocks, ...answer.blocks] } : answer),
    ],
    [
      "garbage for blocks",
      (_, answer) => (answer.type === "Blocks" ? { ...answer, blocks: [new Uint8Array(500)] } : answer),
    ],
    ["an answer of another type", (_, answer) => (answer.type === "Headers" ? { type: "Blobs", blobs: [] } : answer)],
    ["a goodbye as an answer", () => ({ type: "Goodbye", code: "STOPPING", retryAfterMs: 0 })],
  ];
  for (const [what, change] of brokenReplies) {
    it(`that answers with ${what} is hung up on`, async () => {
      const stranger = await meet();
      stranger.answer = serving(change);
      await world.clock.until(() => stranger.closed, 10_000);
      assert.deepEqual(faults(), ["WRONG_REPLY"]);
      assert.equal(stranger.received.at(-1)?.type, "Goodbye");
      await stillSyncs();
      assert.equal(node.engine.header(tip().hash), undefined);
    });
  }

  it("that answers with bytes that are no message is hung up on", async () => {
    const stranger = await meet();
    stranger.answer = async () => new Uint8Array(100);
    await world.clock.until(() => stranger.closed, 10_000);
    await stillSyncs();
  });

  it("with a long branch whose last block is invalid is hung up on", async () => {
    const bad = makeBlock(tip(), "stranger", { invalid: true });
    chain.push(bad);
    claim = { ...claim, head: { hash: bad.header.hash, number: 11 } };
    const stranger = await meet(claim);
    stranger.answer = serving((_, answer) => answer);
    await world.clock.until(() => stranger.closed, 10_000);
    assert.deepEqual(faults(), ["INVALID_BLOCK"]);
    assert.equal(node.engine.header(bad.header.hash), undefined);
  });

  it("that withholds one block does not keep it from coming from another", async () => {
    for (const block of chain) await honest.engine.import([block]);
    const stranger = await meet();
    const withheld = chain[4]?.header.hash;
    stranger.answer = serving((request, answer) =>
      request.type === "GetBlocks" && answer.type === "Blocks"
        ? {
            ...answer,
            blocks: answer.blocks.map((block, i) => (request.hashes[i] === withheld ? new Uint8Array(0) : block)),
          }
        : answer,
    );
    await world.clock.run(node.driver.connect(honest.address, 10_000));
    await world.clock.until(() => node.engine.head().hash === tip().hash, 10_000);
    assert.ok(!stranger.closed);
  });

  it("that claims a head it cannot show is no reason to stop taking others' blocks", async () => {
    await meet({ ...claim, head: { hash: word("fake"), number: 2 ** 40 } }).then((stranger) => {
      stranger.answer = serving((_, answer) =>
        answer.type === "Headers" ? { ...answer, headers: answer.headers.slice(0, 1) } : answer,
      );
    });
    await stillSyncs();
  });

  it("that announces a block it cannot show is in step again when that is found out", async () => {
    const stranger = await meet({ ...statusOf(world, node), sequence: 1 });
    stranger.answer = serving((_, answer) =>
      answer.type === "Headers" ? { ...answer, headers: answer.headers.slice(0, 1) } : answer,
    );
    await world.clock.until(() => node.driver.peers()[0]?.state === "synced");
    stranger.say({ type: "NewBlock", kind: "header", header: encodeHeader(makeBlock(tip(), "nobody").header) });
    await world.clock.pass(1);
    assert.equal(node.driver.peers()[0]?.state, "syncing");
    await world.clock.until(() => node.driver.peers()[0]?.state === "synced", 1_000);
  });

  it("whose change sequence makes no progress is hung up on", async () => {
    node.engine.make({ created: [TOKEN] });
    const artifacts = { count: 3, digest: word("other"), sequence: 9 };
    const stranger = await meet({ ...statusOf(world, node), artifacts });
    stranger.answer = async () =>
      encodeMessage({
        type: "Contracts",
        kind: "since",
        instanceId: "instance-stranger",
        upTo: 0,
        last: 9,
        entries: [],
      });
    await world.clock.until(() => stranger.closed, 10_000);
  });

  it("that sends content of another hash is hung up on, and nothing of it is kept", async () => {
    node.engine.make({ created: [TOKEN] });
    const artifacts = { count: 1, digest: word("other"), sequence: 1 };
    for (const inline of [true, false]) {
      const record = makeRecord(TOKEN, 5, "right");
      const { content: _, ...envelope } = record;
      const wrong = new TextEncoder().encode("wrong");
      const name = `stranger-${inline}`;
      const stranger = await startStranger(world, name, () =>
        versionFor(world, node, { status: { ...statusOf(world, node), artifacts }, instanceId: name }),
      );
      stranger.answer = async (request) =>
        request.type === "GetBlobs"
          ? encodeMessage({ type: "Blobs", blobs: [wrong] })
          : encodeMessage({
              type: "Contracts",
              kind: "since",
              instanceId: name,
              upTo: 1,
              last: 1,
              entries: [inline ? { ...envelope, content: wrong } : envelope],
            });
      await world.clock.run(node.driver.connect(`${name}:5000`, 0));
      await world.clock.until(() => stranger.closed, 10_000);
      assert.equal(node.driver.bans().find(({ peerId }) => peerId === name)?.reason, "FORGED_CONTENT");
    }
    assert.equal(node.contracts.puts, 0);
  });

  it("that breaks the protocol on the long stream is hung up on", async () => {
    const block = makeBlock(node.engine.head(), "x", { invalid: true });
    const frames: readonly (readonly [string, Uint8Array])[] = [
      ["garbage", new Uint8Array(100)],
      ["empty", new Uint8Array(0)],
      [
        "unsolicited response",
        encodeMessage({ type: "Contracts", kind: "since", instanceId: "x", upTo: 1, last: 1, entries: [] }),
      ],
      ["request", encodeMessage({ type: "GetBlocks", hashes: [] })],
      ["second version", encodeMessage(versionFor(world, node))],
      ["undecodable transaction", encodeMessage({ type: "NewTransaction", transactions: [new Uint8Array(50)] })],
      ["undecodable block", encodeMessage({ type: "NewBlock", kind: "block", block: new Uint8Array(50) })],
      ["invalid block", encodeMessage({ type: "NewBlock", kind: "block", block: encodeBlock(block) })],
    ];
    for (const [index, [what, frame]] of frames.entries()) {
      const name = `stranger-${index}`;
      const stranger = await startStranger(world, name, () => versionFor(world, node, { instanceId: name }));
      await world.clock.run(node.driver.connect(`${name}:5000`, 1_000));
      stranger.link?.send(frame);
      await world.clock.until(() => stranger.closed, 1_000);
      assert.equal(stranger.received.at(-1)?.type, "Goodbye", what);
      await world.clock.run(node.driver.disconnect());
    }
  });

  it("that asks for what is no request is hung up on", async () => {
    const stranger = await meet();
    const asked = stranger.link?.request(encodeMessage({ type: "Status", ...claim }), 1_000);
    await assert.rejects(world.clock.run(asked ?? Promise.resolve(new Uint8Array(0))));
    await world.clock.until(() => stranger.closed, 1_000);
  });

  it("that asks too much at once is told that the node is busy", async () => {
    const stranger = await meet();
    const frame = encodeMessage({ type: "GetHeaders", from: { number: 0 }, count: 1, direction: "up" });
    const asked = Array.from({ length: 20 }, () => stranger.link?.request(frame, 10_000) ?? silence());
    const answers = (await world.clock.run(Promise.all(asked))).map((answer) => decodeMessage(answer));
    // The first may be done before the last arrives.
    const served = answers.filter(({ type }) => type === "Headers").length;
    assert.ok(served === 4 || served === 5, `${served} served`);
    assert.ok(
      answers.every((answer) => answer.type === "Headers" || (answer.type === "Error" && answer.code === "BUSY")),
    );
    const again = await world.clock.run(stranger.link?.request(frame, 10_000) ?? silence());
    assert.equal(decodeMessage(again).type, "Headers", "slots are given back");
  });
});
