import assert from "node:assert/strict";
import { test } from "node:test";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { isCodedError } from "@counterpart/core/base/errors";
import type { Network } from "@counterpart/core/ports/network";
import type { Clock } from "@counterpart/core/ports/runtime";
import { type RecordedLink, Recorder } from "../packages/node/src/net/testing/recorder.ts";
import { MemoryHub } from "./memory-network.ts";

/** A clock that stands still until it is told to go on. */
class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.#now)) {
      this.#timers.delete(timer);
      timer.callback();
    }
  }
}

const never = () => new AbortController().signal;
const hasCode = (code: ErrorCode) => (error: unknown) => isCodedError(error, code);
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const bytes = (...values: number[]) => Uint8Array.from(values);

interface Peer {
  readonly network: Network;
  readonly recorder: Recorder;
}

async function startPeer(hub: MemoryHub, peerId: string): Promise<Peer> {
  const peer = { network: hub.createNetwork(peerId, { address: `${peerId}:1` }), recorder: new Recorder() };
  await peer.network.start(peer.recorder.accept);
  return peer;
}

async function linkedPair(limits = {}) {
  const clock = new ManualClock();
  const hub = new MemoryHub(clock, limits);
  const [a, b] = [await startPeer(hub, "a"), await startPeer(hub, "b")];
  await a.network.dial("b:1", never());
  const [near, far] = [a.recorder.links[0] as RecordedLink, b.recorder.links[0] as RecordedLink];
  return { clock, hub, a, b, near, far };
}

test("a cut tells both ends and drops what is on its way", async () => {
  const { hub, near, far } = await linkedPair();
  near.link.send(bytes(1));
  const request = assert.rejects(near.link.request(bytes(1), 1_000), hasCode("PEER_DISCONNECTED"));
  hub.cut("a", "b");
  await request;
  assert.deepEqual([near.closes, far.closes], [["PEER_DISCONNECTED"], ["PEER_DISCONNECTED"]]);
  assert.deepEqual(far.frames, []);
});

test("a direction holds what it carries until it is released, in order and in parts", async () => {
  const { hub, near, far } = await linkedPair();
  hub.hold("a", "b");
  for (const value of [1, 2, 3]) near.link.send(bytes(value));
  far.link.send(bytes(9));
  await settle();
  assert.deepEqual(far.frames, []);
  assert.deepEqual(near.frames, [bytes(9)], "the other direction flows");
  assert.equal(hub.heldItems("a", "b"), 3);
  assert.equal(hub.release("a", "b", 2), 2);
  await settle();
  assert.deepEqual(far.frames, [bytes(1), bytes(2)]);
  near.link.send(bytes(4));
  hub.release("a", "b");
  near.link.send(bytes(5));
  await settle();
  assert.deepEqual(
    far.frames,
    [1, 2, 3, 4, 5].map((value) => bytes(value)),
  );
});

test("a held answer times the request out, and comes to nothing afterwards", async () => {
  const { clock, hub, near } = await linkedPair();
  hub.hold("b", "a");
  const request = assert.rejects(near.link.request(bytes(1), 500), hasCode("REQUEST_TIMEOUT"));
  await settle();
  clock.advance(500);
  await request;
  hub.release("b", "a");
  await settle();
  assert.deepEqual(await near.link.request(bytes(2), 500), bytes(2));
});

test("a held direction fills the sender's queue, by bytes and by count", async () => {
  const { hub, near } = await linkedPair({ queueBytesMax: 10, queueFramesMax: 3 });
  hub.hold("a", "b");
  assert.deepEqual(
    [6, 6].map((size) => near.link.send(new Uint8Array(size))),
    [true, false],
  );
  assert.deepEqual(
    [0, 0, 0].map((size) => near.link.send(new Uint8Array(size))),
    [true, true, false],
  );
  hub.release("a", "b");
  await settle();
  assert.equal(near.link.send(new Uint8Array(6)), true);
});

test("closing a link whose direction is held ends it after the time for that", async () => {
  const { clock, hub, near, far } = await linkedPair();
  hub.hold("a", "b");
  near.link.send(bytes(1));
  const closing = near.link.close();
  await settle();
  assert.deepEqual(near.closes, []);
  clock.advance(hub.limits.flushMs);
  await closing;
  assert.deepEqual([near.closes, far.closes, far.frames], [[undefined], ["PEER_DISCONNECTED"], []]);
});

test("a dial of a peer that cannot be reached waits for its signal", async () => {
  const clock = new ManualClock();
  const hub = new MemoryHub(clock);
  const [a] = [await startPeer(hub, "a"), await startPeer(hub, "b")];
  hub.disconnect("b", "a");
  const controller = new AbortController();
  const dial = assert.rejects(a.network.dial("b:1", controller.signal), hasCode("CONNECTION_TIMEOUT"));
  await settle();
  controller.abort();
  await dial;
  hub.reconnect("a", "b");
  assert.equal((await a.network.dial("b:1", never())).peerId, "b");
});

test("a peer that vanishes is noticed by keep-alive, and its own handlers hear nothing", async () => {
  const { clock, hub, near, far } = await linkedPair();
  hub.vanish("b");
  near.link.send(bytes(1));
  await settle();
  assert.deepEqual([near.closes, far.closes, far.frames], [[], [], []]);
  clock.advance(hub.limits.keepAliveMs + hub.limits.keepAliveAnswerMs);
  assert.deepEqual([near.closes, far.closes], [["CONNECTION_TIMEOUT"], []]);
});

test("a peer that vanished and came back replaces its link, whoever dials", async () => {
  for (const dialler of ["a", "b"] as const) {
    const { hub, a, near } = await linkedPair();
    hub.vanish("b");
    const reborn = await startPeer(hub, "b");
    await { a, b: reborn }[dialler].network.dial(dialler === "a" ? "b:1" : "a:1", never());
    assert.equal(near.closes.length, 1);
    assert.equal(a.recorder.links.length, 2);
    assert.equal(a.recorder.open.length, 1);
    const link = a.recorder.open[0]?.link;
    assert.deepEqual(await link?.request(bytes(1), 1_000), bytes(1));
  }
});

test("two networks cannot listen at one address", async () => {
  const hub = new MemoryHub(new ManualClock());
  await startPeer(hub, "a");
  const second = hub.createNetwork("c", { address: "a:1" });
  await assert.rejects(second.start(new Recorder().accept), hasCode("PORT_IN_USE"));
});

test("frames are copies: neither end can change what the other holds", async () => {
  const { near, far } = await linkedPair();
  const frame = bytes(1, 2);
  near.link.send(frame);
  frame.fill(9);
  await settle();
  assert.deepEqual(far.frames, [bytes(1, 2)]);
});
