import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { createTimedClock } from "../../contracts/contracts.test-support.ts";
import type { PeerChange } from "../../driver/types.ts";
import { createFakeBackend, createRecordingLogger } from "../fake-backend.test-support.ts";
import { createEventFeed, type EventSink } from "./event-feed.ts";

/** A response that keeps what is written until it is told to send it. */
class FakeSink extends EventEmitter implements EventSink {
  text = "";
  writableLength = 0;
  ended = false;
  destroyed = false;

  writes = 0;

  write(part: string | Uint8Array): void {
    const text = typeof part === "string" ? part : new TextDecoder().decode(part);
    this.text += text;
    this.writableLength += text.length;
    this.writes++;
  }

  flush(): void {
    this.writableLength = 0;
    this.emit("drain");
  }

  end(): void {
    this.ended = true;
    this.emit("close");
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }

  get ids(): string[] {
    return [...this.text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id as string);
  }

  get peers(): string[] {
    return [...this.text.matchAll(/"peer_id":"(\w+)"/g)].map(([, id]) => id as string);
  }
}

function open(limits = { held: 4, readers: 2, sinkBytes: 10_000 }) {
  const fake = createFakeBackend();
  let tellPeer: (change: PeerChange) => void = () => {};
  fake.network.set({
    onPeer: (listener) => {
      tellPeer = listener;
      return () => {};
    },
  });
  const clock = createTimedClock();
  const logger = createRecordingLogger();
  const feed = createEventFeed({ backend: fake.backend, clock, logger, limits });
  const tell = (...peers: string[]): void => {
    for (const peerId of peers) tellPeer({ kind: "connected", peerId, address: "a" });
    clock.advance(0);
  };
  const follow = (lastId?: string, ...types: Parameters<typeof feed.subscribe>[2][]): FakeSink => {
    const sink = new FakeSink();
    feed.subscribe(sink, lastId, types[0]);
    return sink;
  };
  return { feed, clock, logger, tell, follow };
}

test("a reader gets what happens from now on, numbered without gaps", () => {
  const { tell, follow } = open();
  tell("before");
  const sink = follow();
  tell("a", "b");
  assert.deepEqual(sink.peers, ["a", "b"]);
  assert.deepEqual(
    sink.ids.map((id) => Number(id.split("-").at(-1))),
    [1, 2, 3],
  );
  assert.match(sink.text, /^retry: \d+\nid: \S+\n\nid: \S+\nevent: peer\.connected\ndata: \{.*\}\n\n/);
});

test("what happens at once is sent together, to each reader what it wants", () => {
  const { tell, follow } = open({ held: 100, readers: 4, sinkBytes: 100_000 });
  const [one, other] = [follow(), follow()];
  const heads = follow(undefined, new Set(["head"] as const));
  tell(..."abcdefgh");
  const later = follow(one.ids[3]);
  tell("i", "j");
  for (const sink of [one, other]) assert.deepEqual([sink.peers, sink.writes], [[..."abcdefghij"], 3]);
  assert.deepEqual(later.peers, [..."defghij"]);
  assert.deepEqual([heads.peers, heads.writes], [[], 1]);
});

test("a reader that comes back gets exactly what it missed", () => {
  const { tell, follow } = open();
  const first = follow();
  tell("a", "b");
  first.end();
  tell("c", "d");
  for (const [at, missed] of [
    [0, ["a", "b", "c", "d"]],
    [1, ["b", "c", "d"]],
    [2, ["c", "d"]],
  ] as const) {
    const again = follow(first.ids[at]);
    assert.deepEqual(again.peers, missed);
    assert.doesNotMatch(again.text, /reset/);
    again.end();
  }
});

test("an id that is too old, unknown, malformed or of another run is answered by one reset, then by what is new", () => {
  const { tell, follow } = open();
  const first = follow();
  tell("a", "b", "c", "d", "e");
  const run = (first.ids[0] as string).replace(/-0$/, "");
  first.end();
  for (const [id, reason] of [
    [`${run}-0`, "TOO_OLD"],
    [`${run}-6`, "UNKNOWN_ID"],
    [`${run}-`, "UNKNOWN_ID"],
    [`${run}--1`, "UNKNOWN_ID"],
    [`${run}-1e0`, "UNKNOWN_ID"],
    ["other-run-1", "UNKNOWN_ID"],
    ["", "UNKNOWN_ID"],
  ] as const) {
    const sink = follow(id);
    assert.match(
      sink.text,
      new RegExp(`^retry: \\d+\\nid: ${run}-5\\nevent: reset\\ndata: {"reason":"${reason}"}\\n\\n$`),
    );
    sink.end();
  }
  const sink = follow("nonsense");
  tell("f");
  assert.deepEqual(sink.peers, ["f"]);
});

test("a filter lets only its types through, and heartbeats carry the reader's place forward", () => {
  const { tell, follow, clock } = open();
  const sink = follow(undefined, new Set(["head"] as const));
  tell("a", "b");
  assert.equal(sink.ids.length, 1);
  clock.advance(15_000);
  assert.match(sink.text, /\n\n: heartbeat\nid: \S+-2\n\n$/);
  clock.advance(15_000);
  assert.equal(sink.text.match(/heartbeat/g)?.length, 2);
});

test("no heartbeat is left running when the last reader has gone", () => {
  const { follow, clock } = open();
  const [one, two] = [follow(), follow()];
  one.end();
  assert.equal(clock.timers, 1);
  two.end();
  assert.equal(clock.timers, 0);
});

test("what a slow reader's socket does not take waits in the ring", () => {
  const { tell, follow } = open({ held: 10, readers: 2, sinkBytes: 100 });
  const sink = follow();
  tell("a", "b", "c", "d");
  assert.ok(sink.peers.length < 4);
  while (sink.writableLength > 0 && sink.peers.length < 4) sink.flush();
  assert.deepEqual(sink.peers, ["a", "b", "c", "d"]);
});

test("a reader that falls behind the ring is cut and counted, and harms no other", () => {
  const { tell, follow, clock, logger } = open({ held: 4, readers: 2, sinkBytes: 100 });
  const [slow, quick] = [follow(), follow()];
  for (const peer of ["a", "b", "c", "d", "e", "f", "g"]) {
    tell(peer);
    quick.flush();
  }
  assert.deepEqual(quick.peers, ["a", "b", "c", "d", "e", "f", "g"]);
  clock.advance(15_000);
  assert.ok(slow.destroyed);
  assert.ok(!quick.destroyed);
  const line = logger.lines.find(({ message }) => message.includes("too slow"));
  assert.equal(line?.fields?.cut, 1);
});

test("there is room for a limited number of readers", () => {
  const { feed, follow } = open();
  const sinks = [follow(), follow()];
  assert.throws(feed.checkRoom, (error) => isCodedError(error, "TOO_MANY_SUBSCRIBERS"));
  sinks[0]?.end();
  feed.checkRoom();
});

test("closing ends every stream and takes no more", () => {
  const { feed, follow, clock } = open();
  const sink = follow();
  feed.close();
  assert.ok(sink.ended);
  assert.equal(clock.timers, 0);
  assert.throws(feed.checkRoom, (error) => isCodedError(error, "NOT_READY"));
});
