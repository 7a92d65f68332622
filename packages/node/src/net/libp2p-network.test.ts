import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { isCodedError } from "@counterpart/core/base/errors";
import { createLibp2pNetwork } from "./libp2p-network.ts";
import { createPeerKey } from "./peer-key.ts";
import { startRawPeer } from "./testing/raw-peer.ts";
import { Cleanup, silentLogger, startNode, startServer, systemClock } from "./testing/real-network.ts";

const cleanup = new Cleanup();
after(() => cleanup.run());

const never = () => new AbortController().signal;
const hasCode = (code: ErrorCode) => (error: unknown) => isCodedError(error, code);
const webSocketAddress = (addresses: readonly string[]) => addresses.find((it) => it.includes("/ws/")) ?? "";

const OPTIONS = { host: "127.0.0.1", port: 0, peersMax: 50, logger: silentLogger, clock: systemClock };

test("a peer is dialled by host and port, by name, and by multiaddr with and without its id", async () => {
  const listener = await startNode(cleanup);
  const port = listener.address.split(":")[1];
  const { peerId } = listener.network;
  for (const address of [
    listener.address,
    `localhost:${port}`,
    `/ip4/127.0.0.1/tcp/${port}`,
    `/ip4/127.0.0.1/tcp/${port}/p2p/${peerId}`,
  ]) {
    const dialler = await startNode(cleanup);
    const link = await dialler.network.dial(address, never());
    assert.equal(link.peerId, peerId, address);
    assert.match(link.address, /^\/(ip4\/127\.0\.0\.1|dns4\/localhost)\/tcp\/\d+\/p2p\//);
  }
});

test("a peer is dialled over IPv6", async (t) => {
  const options = { ...OPTIONS, host: "::1", privateKey: await createPeerKey() };
  const listener = await createLibp2pNetwork(options);
  const dialler = await startNode(cleanup);
  try {
    await listener.start(dialler.recorder.accept);
  } catch (error) {
    // a machine without IPv6 says so with a code
    assert.ok(isCodedError(error, "INVALID_CONFIG"));
    t.diagnostic("no IPv6 on this machine");
    return;
  }
  cleanup.add(() => listener.stop());
  const port = /\/tcp\/(\d+)/.exec(listener.addresses()[0] ?? "")?.[1];
  assert.equal((await dialler.network.dial(`[::1]:${port}`, never())).peerId, listener.peerId);
});

test("frames and requests pass over WebSocket", async () => {
  const listener = await startNode(cleanup, { wsPort: 0 });
  const dialler = await startNode(cleanup);
  const link = await dialler.network.dial(webSocketAddress(listener.network.addresses()), never());
  const frames = [0, 1, 64 * 1024, 1024 * 1024].map((size) => new Uint8Array(size).fill(7));
  for (const frame of frames) assert.equal(link.send(frame), true);
  const far = await listener.recorder.link();
  await listener.recorder.until(() => far.frames.length === frames.length);
  assert.deepEqual(far.frames, frames);
  assert.deepEqual(await link.request(Uint8Array.of(1, 2), 20_000), Uint8Array.of(1, 2));
});

test("nothing listening, over TCP and over WebSocket", async () => {
  const { network } = await startNode(cleanup);
  await assert.rejects(network.dial("127.0.0.1:1", never()), hasCode("CONNECTION_REFUSED"));
  // a WebSocket does not tell why it failed
  await assert.rejects(network.dial("/ip4/127.0.0.1/tcp/1/ws", never()), hasCode("CONNECTION_FAILED"));
  await assert.rejects(network.dial("name.invalid:1", never()), hasCode("CONNECTION_FAILED"));
});

test("an HTTP server is no peer, and no WebSocket either", async () => {
  const { network } = await startNode(cleanup);
  const answer = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
  const address = await startServer(cleanup, (socket) => socket.once("data", () => socket.end(answer)));
  await assert.rejects(network.dial(address, never()), hasCode("NOT_A_PEER"));
  const port = address.split(":")[1];
  await assert.rejects(network.dial(`/ip4/127.0.0.1/tcp/${port}/ws`, never()), hasCode("CONNECTION_FAILED"));
});

test("a server that hangs up without a word is a failed connection", async () => {
  const { network } = await startNode(cleanup);
  const address = await startServer(cleanup, (socket) => socket.end());
  await assert.rejects(network.dial(address, never()), hasCode("CONNECTION_FAILED"));
});

test("a silent server is given up with the caller's signal, or at the time limit", async () => {
  const patient = await startNode(cleanup);
  const connected = Promise.withResolvers<void>();
  const address = await startServer(cleanup, () => connected.resolve());
  const controller = new AbortController();
  const dial = assert.rejects(patient.network.dial(address, controller.signal), hasCode("CONNECTION_TIMEOUT"));
  await connected.promise;
  controller.abort();
  await dial;
  const hasty = await startNode(cleanup, { limits: { dialMs: 100 } });
  await assert.rejects(hasty.network.dial(address, never()), hasCode("CONNECTION_TIMEOUT"));
});

test("a libp2p peer of another kind is no peer", async () => {
  const { network, recorder } = await startNode(cleanup);
  const stranger = await startRawPeer(cleanup);
  const hungUp = new Promise((resolve) => stranger.addEventListener("connection:close", resolve));
  await assert.rejects(network.dial(String(stranger.getMultiaddrs()[0]), never()), hasCode("NOT_A_PEER"));
  assert.equal(recorder.links.length, 0);
  await hungUp;
});

test("a node recognises itself at every address it has", async () => {
  const { network, recorder } = await startNode(cleanup, { wsPort: 0 });
  const addresses = network.addresses();
  assert.equal(addresses.length, 2);
  for (const address of addresses.flatMap((it) => [it, it.split("/p2p/")[0] as string])) {
    await assert.rejects(network.dial(address, never()), hasCode("SELF_CONNECTION"), address);
  }
  assert.equal(recorder.links.length, 0);
});

test("a port that is taken, and a host that is not this machine's, have codes", async () => {
  const { address } = await startNode(cleanup);
  const options = { ...OPTIONS, privateKey: await createPeerKey() };
  const port = Number(address.split(":")[1]);
  for (const [where, code, words] of [
    [{ host: "127.0.0.1", port }, "PORT_IN_USE", `peers' port ${port} on 127.0.0.1 is taken`],
    [{ host: "127.0.0.1", port: 0, wsPort: port }, "PORT_IN_USE", `peers' port 0 or WebSocket port ${port} on`],
    [{ host: "192.0.2.1", port: 0 }, "INVALID_CONFIG", "cannot listen at port 0"],
  ] as const) {
    const network = await createLibp2pNetwork({ ...options, ...where });
    await assert.rejects(
      network.start(() => assert.fail("no link")),
      (error) => hasCode(code)(error) && String(error).includes(words),
    );
    await network.stop();
  }
  await assert.rejects(createLibp2pNetwork({ ...options, host: "example.org", port: 0 }), hasCode("INVALID_CONFIG"));
});

test("the identity is the key's", async () => {
  const privateKey = await createPeerKey();
  const options = { ...OPTIONS, privateKey };
  const [first, second] = [await createLibp2pNetwork(options), await createLibp2pNetwork(options)];
  assert.equal(first.peerId, second.peerId);
});

test("crossed dials end in one and the same link, time after time", async () => {
  const privateKeys = [await createPeerKey(), await createPeerKey()];
  for (let round = 0; round < 20; round++) {
    const mine = new Cleanup();
    cleanup.add(() => mine.run());
    const [a, b] = [
      await startNode(mine, { privateKey: privateKeys[round % 2] as Uint8Array }),
      await startNode(mine, { privateKey: privateKeys[(round + 1) % 2] as Uint8Array }),
    ];
    const [fromA, fromB] = await Promise.all([a.network.dial(b.address, never()), b.network.dial(a.address, never())]);
    assert.deepEqual([a.recorder.links.length, b.recorder.links.length], [1, 1], `round ${round}`);
    assert.equal(a.recorder.links[0]?.link, fromA);
    assert.equal(b.recorder.links[0]?.link, fromB);
    // both ends belong to one connection: what goes in at one comes out at the other
    assert.notEqual(fromA.direction, fromB.direction);
    assert.equal(fromA.send(Uint8Array.of(1)), true);
    assert.equal(fromB.send(Uint8Array.of(2)), true);
    await Promise.all([
      a.recorder.until(() => a.recorder.links[0]?.frames.length === 1),
      b.recorder.until(() => b.recorder.links[0]?.frames.length === 1),
    ]);
    await mine.run();
    assert.deepEqual([a.recorder.links.length, b.recorder.links.length], [1, 1]);
    assert.deepEqual(
      [...a.recorder.links, ...b.recorder.links].map(({ closes }) => closes.length),
      [1, 1],
    );
  }
});

test("twelve nodes of one machine dial the same node at once, and each other crosswise", async () => {
  const centre = await startNode(cleanup);
  const nodes = await Promise.all(Array.from({ length: 12 }, () => startNode(cleanup)));
  await Promise.all([
    ...nodes.map(({ network }) => network.dial(centre.address, never())),
    ...nodes.map(({ address }) => centre.network.dial(address, never())),
  ]);
  assert.equal(centre.recorder.open.length, 12);
  assert.equal(new Set(centre.recorder.open.map(({ link }) => link.peerId)).size, 12);
  for (const { recorder } of nodes) assert.equal(recorder.open.length, 1);
});
