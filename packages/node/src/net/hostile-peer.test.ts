import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import type { Connection, Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { encodeFrame } from "./frame-writer.ts";
import { encodeHello } from "./handshake.ts";
import { NET_LIMITS } from "./limits.ts";
import { ANNOUNCE_PROTOCOL } from "./link-table.ts";
import { PING_PROTOCOL } from "./liveness.ts";
import { REQUEST_PROTOCOL } from "./request-client.ts";
import { closed, openRawLink, startRawPeer } from "./testing/raw-peer.ts";
import { Cleanup, startNode, startProxy } from "./testing/real-network.ts";

const cleanup = new Cleanup();
after(() => cleanup.run());

const never = () => new AbortController().signal;
const PREFIX_OF_4_GIB = Uint8Array.of(255, 255, 255, 255);

async function dialRaw(address: string) {
  const raw = await startRawPeer(cleanup);
  const [host, port] = address.split(":");
  return raw.dial(multiaddr(`/ip4/${host}/tcp/${port}`));
}

/** Sends a byte whenever the last one has been taken, until the stream is closed. */
async function drip(stream: Stream): Promise<void> {
  const timer = setInterval(() => {
    if (stream.writeStatus === "writable") stream.send(Uint8Array.of(0));
  }, 5);
  await closed(stream);
  clearInterval(timer);
}

test("a frame longer than the cap ends the link before its payload, and the peer is named", async () => {
  for (const bytes of [PREFIX_OF_4_GIB, Uint8Array.of(0, 16, 0, 1), new Uint8Array(5_000).fill(0xa5)]) {
    const node = await startNode(cleanup);
    const { connection, stream } = await openRawLink(await startRawPeer(cleanup), node.address);
    const link = await node.recorder.link();
    stream.send(encodeFrame(Uint8Array.of(1)));
    stream.send(bytes);
    await node.recorder.until(() => link.closes.length > 0);
    assert.deepEqual(link.closes, ["BAD_MESSAGE"]);
    assert.deepEqual(link.frames, [Uint8Array.of(1)]);
    await closed(connection);
  }
});

test("a request longer than the cap ends the link, and no handler sees it", async () => {
  const node = await startNode(cleanup);
  const { connection } = await openRawLink(await startRawPeer(cleanup), node.address);
  const stream = await connection.newStream(REQUEST_PROTOCOL);
  stream.send(PREFIX_OF_4_GIB);
  const link = await node.recorder.link();
  await node.recorder.until(() => link.closes.length > 0);
  assert.deepEqual(link.closes, ["BAD_MESSAGE"]);
  assert.equal(node.recorder.requests.length, 0);
});

test("a request that never comes, or comes byte by byte, is cut at the time limit and costs no link", async () => {
  const node = await startNode(cleanup, { limits: { requestReadMs: 100 } });
  const { connection } = await openRawLink(await startRawPeer(cleanup), node.address);
  const silent = await connection.newStream(REQUEST_PROTOCOL);
  await closed(silent);
  const slow = await connection.newStream(REQUEST_PROTOCOL);
  slow.send(Uint8Array.of(0, 1, 0, 0));
  await drip(slow);
  assert.equal(node.recorder.requests.length, 0);
  assert.equal(node.recorder.open.length, 1);
});

test("a second request on one stream resets it", async () => {
  const node = await startNode(cleanup, {}, { onRequest: () => new Promise(() => {}) });
  const { connection } = await openRawLink(await startRawPeer(cleanup), node.address);
  const stream = await connection.newStream(REQUEST_PROTOCOL);
  stream.send(encodeFrame(Uint8Array.of(1)));
  stream.send(encodeFrame(Uint8Array.of(2)));
  await closed(stream);
  assert.deepEqual(node.recorder.requests, [Uint8Array.of(1)]);
  assert.equal(node.recorder.open.length, 1);
});

test("requests that are opened and dropped do not run more handlers than the limit", async () => {
  const node = await startNode(cleanup, {}, { onRequest: () => new Promise(() => {}) });
  const { connection } = await openRawLink(await startRawPeer(cleanup), node.address);
  for (let i = 0; i < NET_LIMITS.requestsServedMax; i++) {
    const stream = await connection.newStream(REQUEST_PROTOCOL);
    stream.send(encodeFrame(Uint8Array.of(i)));
    await node.recorder.until(() => node.recorder.requests.length === i + 1);
    stream.abort(new Error("changed my mind"));
  }
  const oneMore = await connection.newStream(REQUEST_PROTOCOL);
  if (oneMore.writeStatus === "writable") oneMore.send(encodeFrame(Uint8Array.of(99)));
  await closed(oneMore);
  assert.equal(node.recorder.requests.length, NET_LIMITS.requestsServedMax);
});

test("a handler that never answers gives its place back at the time limit", async () => {
  let hang = true;
  const onRequest = (frame: Uint8Array) => (hang ? new Promise<Uint8Array>(() => {}) : Promise.resolve(frame));
  const node = await startNode(cleanup, { limits: { requestServeMs: 100, requestsServedMax: 1 } }, { onRequest });
  const other = await startNode(cleanup);
  const link = await other.network.dial(node.address, never());
  await assert.rejects(link.request(Uint8Array.of(1), 20_000), { code: "PEER_ERROR" });
  hang = false;
  assert.deepEqual(await link.request(Uint8Array.of(2), 20_000), Uint8Array.of(2));
});

test("an answer that is too long, doubled or missing is reported as such", async () => {
  const node = await startNode(cleanup);
  const raw = await startRawPeer(cleanup);
  let answer = (_stream: Stream) => {};
  await raw.handle(REQUEST_PROTOCOL, (stream) => answer(stream));
  await openRawLink(raw, node.address);
  const { link } = await node.recorder.link();
  const request = () => link.request(Uint8Array.of(1), 20_000);
  answer = (stream) => stream.send(PREFIX_OF_4_GIB);
  await assert.rejects(request(), { code: "BAD_MESSAGE" });
  answer = (stream) => {
    stream.send(encodeFrame(Uint8Array.of(1)));
    stream.send(encodeFrame(Uint8Array.of(2)));
  };
  await assert.rejects(request(), { code: "BAD_MESSAGE" });
  answer = (stream) => void stream.close();
  await assert.rejects(request(), { code: "PEER_ERROR" });
  answer = (stream) => stream.abort(new Error("no"));
  await assert.rejects(request(), { code: "PEER_ERROR" });
  answer = (stream) => {
    stream.send(encodeFrame(Uint8Array.of(5)));
    void stream.close();
  };
  assert.deepEqual(await request(), Uint8Array.of(5));
});

test("an answer that comes byte by byte is cut at the time limit", async () => {
  const node = await startNode(cleanup);
  const raw = await startRawPeer(cleanup);
  await raw.handle(REQUEST_PROTOCOL, (stream) => {
    stream.send(Uint8Array.of(0, 1, 0, 0));
    void drip(stream);
  });
  await openRawLink(raw, node.address);
  const { link } = await node.recorder.link();
  await assert.rejects(link.request(Uint8Array.of(1), 200), { code: "REQUEST_TIMEOUT" });
});

test("a connection that does not become a link is cut", async () => {
  const node = await startNode(cleanup, { limits: { unlinkedMs: 100 } });
  await closed(await dialRaw(node.address));
  const dripping = await dialRaw(node.address);
  await drip(await dripping.newStream(ANNOUNCE_PROTOCOL));
  await closed(dripping);
  assert.equal(node.recorder.links.length, 0);
});

test("a handshake that is not kept costs the connection", async () => {
  const node = await startNode(cleanup);
  const openings: readonly (readonly Uint8Array[])[] = [
    [new Uint8Array(9)],
    [new Uint8Array(0)],
    [encodeHello(1n).subarray(0, 8)],
  ];
  for (const frames of openings) {
    const connection = await dialRaw(node.address);
    const stream = await connection.newStream(ANNOUNCE_PROTOCOL);
    for (const frame of frames) stream.send(encodeFrame(frame));
    await closed(connection);
  }
  const connection = await dialRaw(node.address);
  (await connection.newStream(ANNOUNCE_PROTOCOL)).send(PREFIX_OF_4_GIB);
  await closed(connection);
  assert.equal(node.recorder.links.length, 0);
});

test("a verdict that is none, or never comes, fails the dial", async () => {
  const raw = await startRawPeer(cleanup);
  const [node, hasty] = [await startNode(cleanup), await startNode(cleanup, { limits: { handshakeMs: 100 } })];
  const address = String(raw.getMultiaddrs()[0]);
  await raw.handle(ANNOUNCE_PROTOCOL, (stream) => void stream.send(encodeFrame(new Uint8Array(3))));
  await assert.rejects(node.network.dial(address, never()), { code: "NOT_A_PEER" });
  await raw.handle(ANNOUNCE_PROTOCOL, () => {}, { force: true });
  await assert.rejects(hasty.network.dial(address, never()), { code: "CONNECTION_TIMEOUT" });
  await raw.handle(ANNOUNCE_PROTOCOL, (stream) => stream.abort(new Error("no")), { force: true });
  await assert.rejects(node.network.dial(address, never()), { code: "CONNECTION_FAILED" });
  assert.deepEqual([node.recorder.links.length, hasty.recorder.links.length], [0, 0]);
});

test("only links have requests, and a connection has one announcement stream, the dialler's", async () => {
  const node = await startNode(cleanup);
  const unlinked = await dialRaw(node.address);
  const early = await unlinked.newStream(REQUEST_PROTOCOL);
  await closed(early);
  assert.equal(node.recorder.requests.length, 0);

  const raw = await startRawPeer(cleanup);
  const { connection, stream } = await openRawLink(raw, node.address);
  await closed(await connection.newStream(ANNOUNCE_PROTOCOL, { maxOutboundStreams: 10 }));
  assert.equal(stream.status, "open");
  assert.equal(node.recorder.open.length, 1);

  const second = await raw.dial(connection.remoteAddr, { force: true });
  const beside = await second.newStream(REQUEST_PROTOCOL);
  if (beside.writeStatus === "writable") beside.send(encodeFrame(Uint8Array.of(1)));
  await closed(beside);
  assert.equal(node.recorder.requests.length, 0, "not even those of a linked peer on another connection");
});

test("a flood of pings that are not read is cut, and an honest ping is answered", async () => {
  const node = await startNode(cleanup);
  const { connection } = await openRawLink(await startRawPeer(cleanup), node.address);
  const flood = await connection.newStream(PING_PROTOCOL);
  flood.send(new Uint8Array(100_000));
  await closed(flood);
  const ping = await connection.newStream(PING_PROTOCOL);
  const payload = Uint8Array.from({ length: 32 }, (_, i) => i);
  const echo = new Promise<Uint8Array>((resolve) =>
    ping.addEventListener("message", ({ data }) => resolve(data.slice())),
  );
  ping.send(payload.subarray(0, 10));
  ping.send(payload.subarray(10));
  assert.deepEqual(await echo, payload);
  assert.equal(node.recorder.open.length, 1);
});

/** The encrypted stream below a connection's muxer, which libp2p keeps to itself. */
function belowMuxer(connection: Connection): Pick<Stream, "send"> {
  return Reflect.get(Reflect.get(connection, "muxer"), "maConn");
}

test("garbage below the streams ends the connection, with work under way on it, and nothing else", async () => {
  const node = await startNode(cleanup, {}, { onRequest: () => new Promise(() => {}) });
  const honest = await startNode(cleanup);
  const kept = await honest.network.dial(node.address, never());
  for (const fill of [0, 0x01, 0xee, 0xff]) {
    const { connection } = await openRawLink(await startRawPeer(cleanup), node.address);
    const recorded = node.recorder.links.at(-1);
    const request = await connection.newStream(REQUEST_PROTOCOL);
    request.send(encodeFrame(Uint8Array.of(1)));
    const served = node.recorder.requests.length;
    await node.recorder.until(() => node.recorder.requests.length > served);
    const pending = assert.rejects(recorded?.link.request(Uint8Array.of(1), 20_000) ?? Promise.resolve());
    for (let i = 0; i < 30; i++) recorded?.link.send(new Uint8Array(64 * 1024));
    belowMuxer(connection).send(new Uint8Array(1000).fill(fill));
    await node.recorder.until(() => recorded?.closes.length === 1);
    await pending;
  }
  const unlinked = await dialRaw(node.address);
  await unlinked.newStream(ANNOUNCE_PROTOCOL);
  belowMuxer(unlinked).send(new Uint8Array(1000).fill(0xee));
  await closed(unlinked);
  assert.equal(node.recorder.open.length, 1);
  assert.equal(kept.send(Uint8Array.of(1)), true);
});

test("garbage on the socket, before and after encryption, costs that socket only", async () => {
  const node = await startNode(cleanup);
  for (const bytes of [new Uint8Array(100_000).fill(0xff), new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")]) {
    const socket = connect(Number(node.address.split(":")[1]), "127.0.0.1");
    socket.on("error", () => {});
    const hungUp = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    socket.end(bytes);
    await hungUp;
  }
  const proxy = await startProxy(cleanup, node.address);
  const dialler = await startNode(cleanup);
  await dialler.network.dial(proxy.address, never());
  proxy.inject(new Uint8Array(100_000).fill(0x55));
  await node.recorder.until(() => node.recorder.links.length === 1 && node.recorder.open.length === 0);
  await dialler.recorder.until(() => dialler.recorder.open.length === 0);
  const link = await dialler.network.dial(node.address, never());
  assert.deepEqual(await link.request(Uint8Array.of(1), 20_000), Uint8Array.of(1));
});
