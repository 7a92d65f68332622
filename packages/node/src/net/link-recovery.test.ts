import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Link } from "@counterpart/core/ports/network";
import type { Clock, LogFields } from "@counterpart/core/ports/runtime";
import { createPeerKey } from "./peer-key.ts";
import { openRawLink, startRawPeer } from "./testing/raw-peer.ts";
import { Cleanup, type RealNode, silentLogger, startNode, startProxy, systemClock } from "./testing/real-network.ts";

const cleanup = new Cleanup();
after(() => cleanup.run());

const never = () => new AbortController().signal;
const KIB = 1024;

/** Two nodes, the one with the smaller peer id first. */
async function startOrdered(limits = {}): Promise<[RealNode, RealNode]> {
  const nodes: [RealNode, RealNode] = [await startNode(cleanup, { limits }), await startNode(cleanup, { limits })];
  return nodes[0].network.peerId < nodes[1].network.peerId ? nodes : [nodes[1], nodes[0]];
}

/** Sends until the queue stays full while the event loop goes round. */
async function fill(link: Link, frame: Uint8Array): Promise<number> {
  let sentBytes = 0;
  for (let quietRounds = 0; quietRounds < 20; quietRounds++) {
    while (link.send(frame)) {
      sentBytes += frame.length;
      quietRounds = 0;
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return sentBytes;
}

test("a peer that does not read fills a bounded queue, gets everything once it reads, in order", async () => {
  const node = await startNode(cleanup);
  const { stream } = await openRawLink(await startRawPeer(cleanup), node.address);
  stream.pause();
  const { link } = await node.recorder.link();
  const frame = new Uint8Array(64 * KIB).fill(3);
  const sentBytes = await fill(link, frame);
  assert.ok(sentBytes > 4000 * KIB, "the queue is used");
  // the queue, the peer's receive window and one chunk on its way
  assert.ok(sentBytes <= 4096 * KIB + 512 * KIB + 128 * KIB, `${sentBytes} bytes`);
  const expected = (sentBytes / frame.length) * (frame.length + 4);
  let received = 0;
  const all = new Promise<void>((resolve) =>
    stream.addEventListener("message", ({ data }) => {
      received += data.byteLength;
      if (received === expected) resolve();
    }),
  );
  stream.resume();
  await all;
  assert.equal(link.send(frame), true);
  assert.equal(node.recorder.open.length, 1);
});

test("requests still pass on a link whose frames are not read", async () => {
  const node = await startNode(cleanup);
  const raw = await startRawPeer(cleanup);
  const { connection, stream } = await openRawLink(raw, node.address);
  stream.pause();
  const { link } = await node.recorder.link();
  await fill(link, new Uint8Array(64 * KIB));
  const request = await connection.newStream("/counterpart/request/1");
  const answered = new Promise<void>((resolve) => request.addEventListener("message", () => resolve()));
  request.send(Uint8Array.of(0, 0, 0, 1, 9));
  await answered;
  assert.deepEqual(node.recorder.requests, [Uint8Array.of(9)]);
});

test("a link whose frames do not move for the time limit is closed", async () => {
  const node = await startNode(cleanup, { limits: { stuckMs: 200 } });
  const { stream } = await openRawLink(await startRawPeer(cleanup), node.address);
  stream.pause();
  const recorded = await node.recorder.link();
  await fill(recorded.link, new Uint8Array(64 * KIB));
  await node.recorder.until(() => recorded.closes.length > 0);
  assert.deepEqual(recorded.closes, ["CONNECTION_TIMEOUT"]);
});

test("a peer that is gone without a word is noticed on both sides, with frames queued or not", async () => {
  for (const queued of [0, 8]) {
    const limits = { keepAliveMs: 100, keepAliveAnswerMs: 200, flushMs: 50 };
    const [near, far] = await startOrdered(limits);
    const proxy = await startProxy(cleanup, far.address);
    const link = await near.network.dial(proxy.address, never());
    const there = await far.recorder.link();
    proxy.freeze();
    for (let i = 0; i < queued; i++) link.send(new Uint8Array(64 * KIB));
    await near.recorder.until(() => near.recorder.open.length === 0);
    await far.recorder.until(() => far.recorder.open.length === 0);
    assert.deepEqual(near.recorder.links[0]?.closes, ["CONNECTION_TIMEOUT"]);
    // the other side either finds out by itself or hears the reset through the proxy's closed socket
    assert.equal(there.closes.length, 1);
  }
});

test("a link that idles stays open as long as the peer answers", async () => {
  const keepAliveMs = 21;
  const fifthInterval = Promise.withResolvers<void>();
  let intervals = 0;
  const setTimer: Clock["setTimer"] = (delayMs, callback) =>
    systemClock.setTimer(delayMs, () => {
      if (delayMs === keepAliveMs && ++intervals === 5) fifthInterval.resolve();
      callback();
    });
  const near = await startNode(cleanup, { limits: { keepAliveMs }, clock: { ...systemClock, setTimer } });
  const far = await startNode(cleanup);
  const link = await near.network.dial(far.address, never());
  await fifthInterval.promise;
  assert.deepEqual(await link.request(Uint8Array.of(1), 20_000), Uint8Array.of(1));
  assert.equal(near.recorder.open.length, 1);
});

test("closing a link to a peer that does not answer ends although nothing can be sent", async () => {
  const [near, far] = await startOrdered({ flushMs: 100 });
  const proxy = await startProxy(cleanup, far.address);
  const link = await near.network.dial(proxy.address, never());
  proxy.freeze();
  for (let i = 0; i < 30; i++) link.send(new Uint8Array(64 * KIB));
  await link.close();
  assert.deepEqual(near.recorder.links[0]?.closes, [undefined]);
});

test("a peer that has restarted replaces the link that still looks alive", async () => {
  for (const staleDirection of ["inbound", "outbound"] as const) {
    const limits = { flushMs: 50 };
    const node = await startNode(cleanup, { limits });
    const privateKey = await createPeerKey();
    const before = await startNode(cleanup, { privateKey, limits });
    const [from, to] = staleDirection === "inbound" ? [before, node] : [node, before];
    const proxy = await startProxy(cleanup, to.address);
    await from.network.dial(proxy.address, never());
    const stale = await node.recorder.link();
    proxy.freeze();
    const reborn = await startNode(cleanup, { privateKey });
    const link = await reborn.network.dial(node.address, never());
    assert.deepEqual(stale.closes, ["PEER_DISCONNECTED"]);
    assert.equal(stale.link.direction, staleDirection);
    assert.equal(node.recorder.links.length, 2);
    assert.equal(node.recorder.open[0]?.link.direction, "inbound");
    assert.deepEqual(await link.request(Uint8Array.of(1), 20_000), Uint8Array.of(1));
  }
});

test("two nodes with one key that take each other's place are told of where they do, a restarted one is not", async () => {
  const told: LogFields[] = [];
  const logger = { ...silentLogger, warn: (_message: string, fields: LogFields = {}) => void told.push(fields) };
  const node = await startNode(cleanup, { logger, limits: { flushMs: 50 } });
  const privateKey = await createPeerKey();
  const first = await startNode(cleanup, { privateKey });
  await first.network.dial(node.address, never());
  const second = await startNode(cleanup, { privateKey });
  await second.network.dial(node.address, never());
  assert.deepEqual(told, []);
  await first.network.dial(node.address, never());
  await second.network.dial(node.address, never());
  assert.deepEqual(told, [{ code: "SHARED_KEYS", who: first.network.peerId }]);
});

test("a node whose own key answers elsewhere says so, and not where it may have dialled itself", async () => {
  const told: LogFields[] = [];
  const logger = { ...silentLogger, warn: (_message: string, fields: LogFields = {}) => void told.push(fields) };
  const node = await startNode(cleanup, { logger });
  const port = node.address.split(":")[1];
  for (const own of [node.address, `localhost:${port}`]) {
    await assert.rejects(node.network.dial(own, never()), { code: "SELF_CONNECTION" });
  }
  assert.deepEqual(told, []);
  const copy = await startNode(cleanup, { privateKey: node.privateKey });
  await assert.rejects(node.network.dial(copy.address, never()), { code: "SELF_CONNECTION" });
  assert.deepEqual(told, [{ code: "SHARED_KEYS", who: copy.address }]);
});

test("a peer that lost its link dials again, and the dead link gives way", async () => {
  for (const redialler of [0, 1] as const) {
    for (const dialler of [0, 1] as const) {
      const nodes = await startOrdered({ flushMs: 50, probeMs: 200 });
      const [from, to] = [nodes[dialler], nodes[1 - dialler] as RealNode];
      const proxy = await startProxy(cleanup, to.address);
      await from.network.dial(proxy.address, never());
      const [again, other] = [nodes[redialler], nodes[1 - redialler] as RealNode];
      await other.recorder.link();
      proxy.freeze();
      await again.recorder.links[0]?.link.close();
      const link = await again.network.dial(other.address, never());
      assert.deepEqual(await link.request(Uint8Array.of(1), 20_000), Uint8Array.of(1));
      assert.equal(other.recorder.open.length, 1);
      assert.equal(other.recorder.links.length, 2);
    }
  }
});

test("a dial of a peer whose link is dead makes a new one", async () => {
  const [near, far] = await startOrdered({ flushMs: 50, probeMs: 200 });
  const proxy = await startProxy(cleanup, far.address);
  const dead = await near.network.dial(proxy.address, never());
  await far.recorder.link();
  proxy.freeze();
  const withId = `/ip4/127.0.0.1/tcp/${far.address.split(":")[1]}/p2p/${far.network.peerId}`;
  const link = await near.network.dial(withId, never());
  assert.notEqual(link, dead);
  assert.deepEqual(near.recorder.links[0]?.closes, ["CONNECTION_TIMEOUT"]);
  assert.deepEqual(await link.request(Uint8Array.of(1), 20_000), Uint8Array.of(1));
});
