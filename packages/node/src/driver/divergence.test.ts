import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { encodeBlock } from "@counterpart/core/chain/block";
import { encodeHeader } from "@counterpart/core/chain/header";
import type { Block } from "@counterpart/core/chain/types";
import type { Message, Request } from "@counterpart/core/sync/message-types";
import { decodeMessage, encodeMessage } from "@counterpart/core/sync/messages";
import { makeBlock, word } from "./fake-chain.test-support.ts";
import { DISPUTE_POLL_MS, DISPUTE_POLLS_MAX } from "./limits.ts";
import { type Stranger, startStranger, versionFor } from "./stranger.test-support.ts";
import { createWorld, sameAll, type TestNode, type World } from "./test-node.test-support.ts";

/** Longer than any dispute takes where everybody answers. */
const DECIDED_MS = DISPUTE_POLL_MS * (DISPUTE_POLLS_MAX + 1);

let world: World;
beforeEach(() => {
  world = createWorld();
});
afterEach(() => world.end());

/** Nodes of which each dials all that were there before it. */
async function startMesh(names: readonly string[], certifies = false): Promise<TestNode[]> {
  const nodes: TestNode[] = [];
  for (const name of names) {
    const bootstrap = nodes.map(({ address }) => address);
    nodes.push(await world.start(name, { bootstrap, self: { certifies } }));
  }
  await inStep(...nodes);
  return nodes;
}
const inStep = (...nodes: readonly TestNode[]): Promise<void> =>
  world.clock.until(() =>
    nodes.every(({ driver }) => {
      const peers = driver.peers().filter(({ state }) => state !== "disconnected" && state !== "connecting");
      return peers.length >= nodes.length - 1 && peers.every(({ state }) => state === "synced");
    }),
  );
const banned = ({ driver }: TestNode): (string | undefined)[] => driver.bans().map(({ peerId }) => peerId);
const errors = ({ log }: TestNode): string[] =>
  log.filter(({ level }) => level === "error").map((entry) => entry.message);
const isDiverged = ({ driver }: TestNode): boolean => driver.divergence() !== undefined;
const ask = async (by: string, node: TestNode, request: Request): Promise<Message> =>
  decodeMessage(await world.clock.run(world.hub.ask(by, node.name, encodeMessage(request))));
const refMade = ({ header: { hash, number } }: Block) => ({ hash, number });

describe("a node that computes something else than its three peers", () => {
  let honest: TestNode[];
  let broken: TestNode;
  let block: Block;

  beforeEach(async () => {
    [broken, ...honest] = (await startMesh(["broken", "a", "b", "c"])) as [TestNode, ...TestNode[]];
    broken.engine.contradicts = ({ number }) => number === 2;
    const [a] = honest as [TestNode];
    a.engine.make();
    await inStep(broken, ...honest);
    block = a.engine.make();
    await world.clock.until(() => isDiverged(broken), DECIDED_MS);
  });

  it("says so, keeps the evidence, and blames nobody", () => {
    const evidence = `divergence/2-${block.header.hash}.json`;
    assert.deepEqual(broken.driver.divergence()?.block, refMade(block));
    assert.equal(broken.driver.divergence()?.evidence, evidence);
    assert.deepEqual(banned(broken), []);
    assert.match(errors(broken).join(), /this node has diverged/);
    const [document] = [...broken.evidence.values()] as [Record<string, unknown>];
    assert.deepEqual(document.block, { ...refMade(block), encoded: toHex(encodeBlock(block)) });
    assert.deepEqual([document.settled_at, document.contradiction], [null, "made so"]);
    const peers = document.peers as { peer_id: string; stand: string }[];
    assert.ok(peers.filter(({ stand }) => stand === "holds").length >= 2);
    assert.deepEqual(JSON.parse(JSON.stringify(document)), document);
  });

  it("serves nothing of its state any more, and what others have sealed and signed as before", async () => {
    const refusal = { type: "Error", code: "NOT_HELD", retryAfterMs: 0 };
    const { hash } = broken.engine.head();
    const start = new Uint8Array(32);
    const requests: Request[] = [
      { type: "GetContracts", kind: "addresses", addresses: [] },
      { type: "GetContracts", kind: "state", blockHash: hash, wanted: [] },
      { type: "GetContracts", kind: "range", blockHash: hash, start },
      { type: "GetStorage", blockHash: hash, wanted: [], start },
      { type: "GetNodes", blockHash: hash, paths: [] },
    ];
    for (const request of requests) assert.deepEqual(await ask("a", broken, request), refusal);
    const headers = await ask("a", broken, { type: "GetHeaders", from: { number: 1 }, count: 1, direction: "up" });
    assert.equal(headers.type, "Headers");
    const since = { type: "GetContracts", kind: "since", instanceId: "", sequence: 0, inlineBytesMax: 0 } as const;
    assert.equal((await ask("a", broken, since)).type, "Contracts");
    assert.deepEqual(broken.driver.bans(), []);
  });

  it("does not keep the others from going on, stays connected, and stays where it is until it ends", async () => {
    for (const each of honest) {
      each.engine.make();
      await world.clock.until(() => sameAll(...honest));
    }
    await world.clock.pass(120_000);
    assert.equal(broken.engine.head().number, 1);
    assert.deepEqual([isDiverged(broken), honest.map(isDiverged)], [true, [false, false, false]]);
    assert.deepEqual([broken, ...honest].map(banned), [[], [], [], []]);
    assert.ok(honest.every(({ name }) => world.hub.isLinked("broken", name)));
    assert.equal(errors(broken).length, 1);
  });

  it("says it again after a restart, before anybody has told it anything, and when it contradicts the block again", async () => {
    const before = broken.driver.divergence();
    await world.stop(broken);
    broken = await world.start("broken", { restarted: broken });
    assert.deepEqual(broken.driver.divergence(), before);
    assert.match(errors(broken).join(), /this node had diverged/);
    const [a] = honest as [TestNode];
    await world.clock.run(broken.driver.connect(a.address, 0));
    await world.clock.until(() => errors(broken).length > 1);
    assert.match(errors(broken).join(), /still contradicts the block/);
    await world.clock.pass(DECIDED_MS);
    assert.deepEqual([isDiverged(broken), banned(broken)], [true, []]);
  });

  it("serves again once a restarted program executes the block", async () => {
    await world.stop(broken);
    broken.engine.contradicts = () => false;
    broken.engine.forgive();
    broken = await world.start("broken", { restarted: broken });
    assert.ok(isDiverged(broken));
    const [a] = honest as [TestNode];
    await world.clock.run(broken.driver.connect(a.address, 0));
    await world.clock.until(() => sameAll(broken, a));
    assert.equal(isDiverged(broken), false);
    const [document] = [...broken.evidence.values()] as [Record<string, unknown>];
    assert.deepEqual([document.settlement, document.settled_at === null], ["executed", false]);
    await world.stop(broken);
    broken = await world.start("broken", { restarted: broken });
    assert.equal(isDiverged(broken), false);
  });

  it("serves again once the restarted node and most of its peers agree without the block", async () => {
    await world.stop(broken);
    const other = makeBlock(block.header, "x");
    const [first] = [broken.engine.block(1) as Block];
    const branch = [makeBlock(first.header, "y")];
    for (let i = 0; i < 3; i++) branch.push(makeBlock((branch.at(-1) as Block).header, `y${i}`));
    assert.notEqual(other.header.hash, branch[1]?.header.hash);
    for (const { engine } of honest) await engine.import(branch);
    broken.engine.contradicts = ({ hash }) => hash === block.header.hash;
    broken = await world.start("broken", { restarted: broken, bootstrap: honest.map(({ address }) => address) });
    assert.ok(isDiverged(broken));
    await world.clock.until(() => !isDiverged(broken));
    assert.ok(sameAll(broken, ...honest));
    const [document] = [...broken.evidence.values()] as [Record<string, unknown>];
    assert.equal(document.settlement, "agreed");
  });
});

const toHex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString("hex")}`;

describe("a node whose peers have a wrong block", () => {
  let node: TestNode;
  let honest: TestNode[];
  let wrong: Block;

  /** A peer that says it holds the wrong block, and serves its header. */
  async function startLiar(name: string): Promise<Stranger> {
    const liar = await startStranger(world, name, () => versionFor(world, node, { instanceId: name }));
    liar.answer = async () => encodeMessage({ type: "Headers", headers: [encodeHeader(wrong.header)] });
    return liar;
  }
  const dial = async (liar: Stranger): Promise<void> => {
    await world.clock.run(liar.network.dial(node.address, new AbortController().signal));
    await world.clock.until(() => liar.received.some(({ type }) => type === "Status"));
  };
  const sendWrong = (liar: Stranger) => liar.say({ type: "NewBlock", kind: "block", block: encodeBlock(wrong) });

  const start = async (names: readonly string[]): Promise<void> => {
    [node, ...honest] = (await startMesh(["node", ...names])) as [TestNode, ...TestNode[]];
    wrong = makeBlock(node.engine.head(), "liar", { wrong: true });
  };

  it("bans one that is alone with it, once the others had time to say something", async () => {
    await start(["a", "b"]);
    const liar = await startLiar("liar");
    await dial(liar);
    sendWrong(liar);
    await world.clock.until(() => liar.closed, DECIDED_MS);
    assert.deepEqual([banned(node), isDiverged(node), node.evidence.size], [["liar"], false, 0]);
    node.engine.make();
    await world.clock.until(() => sameAll(node, ...honest));
  });

  it("bans it at once where there is nobody to ask, and says nothing of divergence", async () => {
    await start([]);
    const liar = await startLiar("liar");
    await dial(liar);
    sendWrong(liar);
    await world.clock.until(() => liar.closed, DISPUTE_POLL_MS / 2);
    assert.deepEqual([banned(node), isDiverged(node)], [["liar"], false]);
  });

  it("bans two that conspire against three", async () => {
    await start(["a", "b", "c"]);
    const liars = [await startLiar("liar-1"), await startLiar("liar-2")];
    for (const liar of liars) await dial(liar);
    for (const liar of liars) sendWrong(liar);
    await world.clock.until(() => liars.every(({ closed }) => closed), DECIDED_MS);
    assert.deepEqual([banned(node).sort(), isDiverged(node)], [["liar-1", "liar-2"], false]);
  });

  it("does not believe a crowd of strangers against the peers that it keeps connected itself", async () => {
    await start([]);
    const friend = await world.start("friend");
    await world.clock.run(node.driver.connect(friend.address, 60_000));
    const crowd = await Promise.all(Array.from({ length: 6 }, (_, i) => startLiar(`liar-${i}`)));
    for (const liar of crowd) await dial(liar);
    for (const liar of crowd) sendWrong(liar);
    await world.clock.until(() => crowd.every(({ closed }) => closed), DECIDED_MS);
    assert.deepEqual([banned(node).length, isDiverged(node), isDiverged(friend)], [6, false, false]);
    assert.ok(world.hub.isLinked("node", "friend"));
  });

  it("does not count a stranger again that comes back under other names", async () => {
    await start(["a", "b"]);
    for (let i = 0; i < 6; i++) {
      const liar = await startLiar(`liar-${i}`);
      await dial(liar);
      sendWrong(liar);
      await world.clock.pass(DISPUTE_POLL_MS);
      await world.clock.run(liar.link?.close() ?? Promise.resolve());
    }
    await world.clock.pass(DECIDED_MS);
    assert.deepEqual([banned(node).length, isDiverged(node)], [6, false]);
  });

  it("executes nothing more of a peer while its block is in dispute", async () => {
    await start(["a", "b"]);
    const liar = await startLiar("liar");
    await dial(liar);
    sendWrong(liar);
    await world.clock.until(() => node.log.some(() => node.engine.refused(wrong.header.hash) !== undefined));
    const good = makeBlock(node.engine.head(), "liar");
    liar.say({ type: "NewBlock", kind: "block", block: encodeBlock(good) });
    await world.clock.until(() => liar.closed, DECIDED_MS);
    assert.equal(node.engine.header(good.header.hash), undefined);
  });

  it("lets nobody's silence delay the verdict for long", async () => {
    await start(["a"]);
    const [liar, mute] = [await startLiar("liar"), await startLiar("mute")];
    mute.answer = () => new Promise(() => {});
    for (const each of [liar, mute]) await dial(each);
    sendWrong(liar);
    await world.clock.until(() => liar.closed, 60_000);
    assert.deepEqual([banned(node), isDiverged(node)], [["liar"], false]);
  });
});

describe("a listed signer that seals a wrong block", () => {
  it("is banned by everybody, nobody diverges or stops, and the evidence is kept", async () => {
    const [signer, ...honest] = (await startMesh(["signer", "a", "b", "c"], true)) as [TestNode, ...TestNode[]];
    const wrong = signer.engine.make({ wrong: true });
    await world.clock.until(() => honest.every((each) => banned(each).includes("signer")), DECIDED_MS);
    assert.deepEqual(honest.map(isDiverged), [false, false, false]);
    for (const each of honest) {
      const [document] = [...each.evidence.values()] as [Record<string, unknown>];
      assert.deepEqual([document.settlement, (document.block as { hash: Hex }).hash], ["refused", wrong.header.hash]);
      assert.match(errors(each).join(), /a listed signer has sealed a block that execution contradicts/);
    }
    honest[0]?.engine.make({ created: [`0x${word("x").slice(26)}`] });
    await world.clock.until(() => sameAll(...honest));
    assert.equal(honest[0]?.engine.head().number, 1);
  });
});

describe("a ban for a block that later turns out to be most peers'", () => {
  it("is taken back", async () => {
    const [broken, a] = (await startMesh(["broken", "a"])) as [TestNode, TestNode];
    broken.engine.contradicts = ({ number }) => number === 1;
    const block = a.engine.make();
    await world.clock.until(() => banned(broken).includes("a"));
    assert.equal(isDiverged(broken), false);
    const b = await world.start("b");
    await b.engine.import([block]);
    await world.clock.run(b.driver.connect(broken.address, 0));
    await world.clock.until(() => isDiverged(broken));
    assert.deepEqual(banned(broken), []);
    await world.clock.until(() => world.hub.isLinked("a", "broken"));
  });
});

describe("a node that computes wrongly and seals", () => {
  it("is banned by the others, which go on, and takes their bans for what they say", async () => {
    const [broken, ...honest] = (await startMesh(["broken", "a", "b", "c"])) as [TestNode, ...TestNode[]];
    const wrong = broken.engine.make({ wrong: true });
    await world.clock.until(() => isDiverged(broken), 2 * DECIDED_MS);
    const { block, sealedHere } = broken.driver.divergence() ?? {};
    assert.deepEqual([block, sealedHere], [refMade(wrong), true]);
    assert.deepEqual(honest.map(isDiverged), [false, false, false]);
    honest[0]?.engine.make();
    await world.clock.until(() => sameAll(...honest) && honest[0]?.engine.head().hash !== wrong.header.hash);
  });

  it("says it again after a restart, though its own block is on its chain, until most peers agree with it", async () => {
    let [broken, ...honest] = (await startMesh(["broken", "a", "b", "c"])) as [TestNode, ...TestNode[]];
    broken.engine.make({ wrong: true });
    await world.clock.until(() => isDiverged(broken), 2 * DECIDED_MS);
    await world.stop(broken);
    for (const { driver } of honest) driver.liftBan("broken");
    for (let i = 0; i < 2; i++) honest[0]?.engine.make();
    await world.clock.until(() => sameAll(...honest));
    broken = await world.start("broken", { restarted: broken });
    assert.ok(isDiverged(broken));
    for (const { address } of honest) await world.clock.run(broken.driver.connect(address, 0));
    await world.clock.until(() => !isDiverged(broken));
    assert.ok(sameAll(broken, ...honest));
  });

  it("hears a peer that it has chosen, though a stranger has banned it before that one was connected", async () => {
    const node = await world.start("node");
    node.engine.make();
    for (const name of ["liar", "friend"]) {
      const peer = await startStranger(world, name, () => versionFor(world, node, { instanceId: name }));
      if (name === "friend") void node.driver.connect(`${name}:5000`, 0);
      else await world.clock.run(peer.network.dial(node.address, new AbortController().signal));
      await world.clock.until(() => peer.received.some(({ type }) => type === "Status"));
      assert.equal(isDiverged(node), false);
      peer.say({ type: "Goodbye", code: "PEER_BANNED", retryAfterMs: 0 });
      await world.clock.until(() => peer.closed);
    }
    await world.clock.until(() => isDiverged(node));
  });

  it("is not suspected by itself when strangers ban it one after the other, or when the head is another's", async () => {
    const [node, a, b] = (await startMesh(["node", "a", "b"])) as [TestNode, TestNode, TestNode];
    node.engine.make();
    await inStep(node, a, b);
    const bannedBy = async (name: string): Promise<void> => {
      const stranger = await startStranger(world, name, () => versionFor(world, node, { instanceId: name }));
      await world.clock.run(stranger.network.dial(node.address, new AbortController().signal));
      await world.clock.until(() => stranger.received.some(({ type }) => type === "Status"));
      stranger.say({ type: "Goodbye", code: "PEER_BANNED", retryAfterMs: 0 });
      await world.clock.until(() => stranger.closed);
    };
    for (let i = 0; i < 6; i++) await bannedBy(`liar-${i}`);
    assert.equal(isDiverged(node), false);
    a.engine.make();
    await world.clock.until(() => sameAll(node, a, b));
    for (let i = 6; i < 12; i++) await bannedBy(`liar-${i}`);
    assert.equal(isDiverged(node), false);
  });
});
