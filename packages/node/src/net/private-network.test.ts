import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { isCodedError } from "@counterpart/core/base/errors";
import type { LogFields, Logger } from "@counterpart/core/ports/runtime";
import { noise } from "@libp2p/noise";
import { preSharedKey } from "@libp2p/pnet";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import { createMetricsRegistry } from "../telemetry/metrics.ts";
import { networkKeyText } from "./network-key.ts";
import { freePort } from "./testing/free-port.ts";
import { openRawLink } from "./testing/raw-peer.ts";
import { Cleanup, startNode, startServer } from "./testing/real-network.ts";
import { createTransports } from "./transports.ts";

const cleanup = new Cleanup();
after(() => cleanup.run());

const never = () => new AbortController().signal;
const hasCode = (code: ErrorCode) => (error: unknown) => isCodedError(error, code);
const webSocketAddress = (addresses: readonly string[]) => addresses.find((it) => it.includes("/ws/")) ?? "";

const KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(8);
const MIB = 1024 * 1024;

/** What a node refuses is counted; resolves when that has come to `count`. */
async function refused(metrics: ReturnType<typeof createMetricsRegistry>, reason: string, count: number) {
  const line = new RegExp(`^counterpart_net_refused_connections_total\\{reason="${reason}"\\} ${count}$`, "m");
  while (!line.test(await metrics.text())) await new Promise((resolve) => setTimeout(resolve, 5));
}

function recordingLogger() {
  const lines: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
  const add = (message: string, fields?: LogFields) => void lines.push({ message, fields });
  const logger: Logger = { debug: () => {}, info: () => {}, warn: add, error: add, child: () => logger };
  return { lines, logger };
}

for (const transport of ["TCP", "WebSocket"] as const) {
  const addressOf = async (networkKey: Uint8Array | undefined, metrics = createMetricsRegistry()) => {
    const node = await startNode(cleanup, { networkKey, wsPort: 0, metrics });
    const address = transport === "TCP" ? node.address : webSocketAddress(node.network.addresses());
    return { ...node, metrics, address };
  };

  test(`nodes with one key speak over ${transport}, in frames of every size, at once in both directions`, async () => {
    const listener = await addressOf(KEY);
    const diallers = [await startNode(cleanup, { networkKey: KEY }), await startNode(cleanup, { networkKey: KEY })];
    const links = await Promise.all(diallers.map(({ network }) => network.dial(listener.address, never())));
    const frames = [0, 1, 63, 64, 65, 100_000, MIB].map((size) => new Uint8Array(size).fill(size % 251));
    await listener.recorder.until(() => listener.recorder.open.length === links.length);
    for (const frame of frames) {
      for (const link of links) assert.equal(link.send(frame), true);
      for (const { link } of listener.recorder.open) assert.equal(link.send(frame), true);
    }
    const all = [listener.recorder, ...diallers.map(({ recorder }) => recorder)];
    for (const recorder of all) {
      await recorder.until(() => recorder.open.every((it) => it.frames.length === frames.length));
      for (const it of recorder.open) assert.deepEqual(it.frames, frames);
    }
    for (const link of links) assert.deepEqual(await link.request(Uint8Array.of(1, 2), 60_000), Uint8Array.of(1, 2));
  });

  for (const [what, theirs, ours] of [
    ["a node without key meets a private network", KEY, undefined],
    ["a node with a key meets an open network", undefined, KEY],
    ["a node meets a network with another key", KEY, OTHER_KEY],
  ] as const) {
    test(`${what} over ${transport}: the dialler is told why, the other side counts it, nobody is linked`, async () => {
      const listener = await addressOf(theirs);
      const dialler = await startNode(cleanup, { networkKey: ours });
      for (let round = 1; round <= 4; round++) {
        await assert.rejects(dialler.network.dial(listener.address, never()), hasCode("NETWORK_KEY_MISMATCH"));
        await refused(listener.metrics, "key", round);
      }
      assert.deepEqual([listener.recorder.links.length, dialler.recorder.links.length], [0, 0]);
    });
  }
}

test("a node that comes back with the right key is linked by the same peer id", async () => {
  const { lines, logger } = recordingLogger();
  const listener = await startNode(cleanup, { networkKey: KEY, logger });
  const mine = new Cleanup();
  const wrong = await startNode(mine, { networkKey: OTHER_KEY });
  await assert.rejects(wrong.network.dial(listener.address, never()), hasCode("NETWORK_KEY_MISMATCH"));
  await assert.rejects(wrong.network.dial(listener.address, never()), hasCode("NETWORK_KEY_MISMATCH"));
  await mine.run();
  const right = await startNode(cleanup, { networkKey: KEY, privateKey: wrong.privateKey });
  const link = await right.network.dial(listener.address, never());
  assert.equal(link.peerId, listener.network.peerId);
  assert.equal(listener.recorder.open[0]?.link.peerId, wrong.network.peerId);
  assert.equal(lines.filter(({ message }) => message.includes("network's key")).length, 1);
});

test("crossed dials of a private network end in one link", async () => {
  const [a, b] = [await startNode(cleanup, { networkKey: KEY }), await startNode(cleanup, { networkKey: KEY })];
  const [fromA, fromB] = await Promise.all([a.network.dial(b.address, never()), b.network.dial(a.address, never())]);
  assert.notEqual(fromA.direction, fromB.direction);
  assert.deepEqual([a.recorder.open.length, b.recorder.open.length], [1, 1]);
});

test("what answers with text is no peer, with a key as without, and silence is waited out", async () => {
  const { network } = await startNode(cleanup, { networkKey: KEY, limits: { dialMs: 200 } });
  const http = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
  const server = await startServer(cleanup, (socket) => socket.once("data", () => socket.end(http)));
  await assert.rejects(network.dial(server, never()), hasCode("NOT_A_PEER"));
  const silent = await startServer(cleanup, () => {});
  await assert.rejects(network.dial(silent, never()), hasCode("CONNECTION_TIMEOUT"));
  const hangsUp = await startServer(cleanup, (socket) => socket.end());
  await assert.rejects(network.dial(hangsUp, never()), hasCode("CONNECTION_FAILED"));
});

test("whoever sends garbage is hung up on, and nothing of the network's is said to him but a nonce", async () => {
  const metrics = createMetricsRegistry();
  const { address } = await startNode(cleanup, { networkKey: KEY, metrics });
  const heard: Buffer[] = [];
  const socket = connect(Number(address.split(":")[1]), "127.0.0.1");
  socket.on("data", (bytes) => heard.push(bytes));
  socket.write(new Uint8Array(500).fill(1));
  await new Promise((resolve) => socket.once("close", resolve));
  assert.equal(Buffer.concat(heard).length, 24);
  await refused(metrics, "key", 1);
});

for (const [what, networkKey] of [
  ["an open", undefined],
  ["a private", KEY],
] as const) {
  test(`an HTTP request on the peers' port of ${what} network is hung up on, and no mismatch of keys`, async () => {
    const metrics = createMetricsRegistry();
    const { lines, logger } = recordingLogger();
    const { address } = await startNode(cleanup, { networkKey, metrics, logger });
    const socket = connect(Number(address.split(":")[1]), "127.0.0.1");
    socket.resume().write(`GET /metrics HTTP/1.1\r\nHost: ${address}\r\n\r\n`);
    await new Promise((resolve) => socket.once("close", resolve));
    await refused(metrics, "foreign", 1);
    assert.doesNotMatch(await metrics.text(), /reason="key"/);
    assert.match(lines[0]?.message ?? "", /begins with text, such as HTTP/);
  });
}

test("the reference implementation of private networks is understood, whichever side dials", async () => {
  const ours = await startNode(cleanup, { networkKey: KEY });
  const reference = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: createTransports(100),
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: 512 * 1024 } })],
    connectionProtector: preSharedKey({ psk: new TextEncoder().encode(networkKeyText(KEY)) }),
    connectionMonitor: { enabled: false },
  });
  cleanup.add(() => reference.stop());
  const { connection } = await openRawLink(reference, ours.address);
  assert.equal(connection.remotePeer.toString(), ours.network.peerId);
  assert.equal(ours.recorder.open.length, 1);
  await connection.close();
  // it has none of our protocols: that this is what it says means that it was understood
  await assert.rejects(ours.network.dial(String(reference.getMultiaddrs()[0]), never()), hasCode("NOT_A_PEER"));
});

test("a stranger is told that it is not allowed, whoever dials, and a listed peer is linked", async () => {
  const friend = await startNode(cleanup);
  const stranger = await startNode(cleanup);
  const { lines, logger } = recordingLogger();
  const metrics = createMetricsRegistry();
  const node = await startNode(cleanup, { allowedPeers: new Set([friend.network.peerId]), logger, metrics });
  await assert.rejects(stranger.network.dial(node.address, never()), (error: unknown) => {
    assert.ok(isCodedError(error, "PEER_NOT_ALLOWED"));
    return error.details.peerId === stranger.network.peerId;
  });
  await refused(metrics, "stranger", 1);
  assert.equal(lines[0]?.fields?.who, stranger.network.peerId);
  for (const address of [stranger.address, `${stranger.network.addresses()[0]}`]) {
    await assert.rejects(node.network.dial(address, never()), hasCode("PEER_NOT_ALLOWED"));
  }
  await friend.network.dial(node.address, never());
  await node.network.dial(friend.address, never());
  assert.deepEqual([node.recorder.links.length, stranger.recorder.links.length], [1, 0]);
});

test("a stranger in place of a listed peer gets nowhere, and the listed one comes back to its place", async () => {
  const mine = new Cleanup();
  const port = await freePort();
  const friend = await startNode(mine, { port });
  const node = await startNode(cleanup, { allowedPeers: new Set([friend.network.peerId]) });
  await node.network.dial(friend.address, never());
  await mine.run();
  await node.recorder.until(() => node.recorder.open.length === 0);
  const theirs = new Cleanup();
  await startNode(theirs, { port });
  await assert.rejects(node.network.dial(friend.address, never()), hasCode("PEER_NOT_ALLOWED"));
  await theirs.run();
  await startNode(cleanup, { port, privateKey: friend.privateKey });
  assert.equal((await node.network.dial(friend.address, never())).peerId, friend.network.peerId);
});

test("an empty list allows nobody", async () => {
  const [node, other] = [await startNode(cleanup, { allowedPeers: new Set() }), await startNode(cleanup)];
  await assert.rejects(other.network.dial(node.address, never()), hasCode("PEER_NOT_ALLOWED"));
});
