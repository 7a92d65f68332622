import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { TcpProxy, type Way } from "./tcp-proxy.ts";

let echo: Server;
let address: string;
const sockets = new Set<Socket>();

beforeEach(async () => {
  echo = createServer((socket) => socket.on("error", () => {}).pipe(socket));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  address = `127.0.0.1:${(echo.address() as { readonly port: number }).port}`;
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  echo.close();
});

function dial(proxy: TcpProxy): Socket {
  const [host, port] = proxy.address.split(":");
  const socket = tcpConnect({ host, port: Number(port) });
  socket.on("error", () => {});
  sockets.add(socket);
  return socket;
}

/** Bytes that come back, until there are so many. */
async function receive(socket: Socket, bytes: number): Promise<string> {
  let text = "";
  for await (const part of socket.iterator({ destroyOnReturn: false })) {
    text += part;
    if (text.length >= bytes) return text;
  }
  return text;
}

async function roundTripMs(way: Way, bytes: number): Promise<number> {
  await using proxy = await TcpProxy.listen(address, way);
  const socket = dial(proxy);
  await once(socket, "connect");
  const start = performance.now();
  socket.write("x".repeat(bytes));
  assert.equal((await receive(socket, bytes)).length, bytes);
  return performance.now() - start;
}

test("delay is added each way, and order and content stay", async () => {
  assert.ok((await roundTripMs({ delayMs: 40 }, 100_000)) >= 80);
});

test("a throttled way takes bytes at its rate", async () => {
  assert.ok((await roundTripMs({ bytesPerSecond: 1_000_000 }, 200_000)) >= 200);
});

test("a stalled way delivers nothing until it becomes another, and then everything in order", async () => {
  await using proxy = await TcpProxy.listen(address, { stalled: true });
  const socket = dial(proxy);
  let arrived = "";
  socket.on("data", (bytes) => {
    arrived += bytes;
  });
  socket.write("one ");
  await using other = await TcpProxy.listen(address);
  const probe = dial(other);
  probe.write("probe");
  assert.equal(await receive(probe, 5), "probe");
  assert.equal(arrived, "");
  socket.write("two");
  const done = new Promise<void>((resolve) => {
    socket.on("data", () => {
      if (arrived.length === 7) resolve();
    });
  });
  proxy.become({});
  await done;
  assert.equal(arrived, "one two");
});

test("a half-open way loses what the dialled side says", async () => {
  await using proxy = await TcpProxy.listen(address, { halfOpen: true });
  const socket = dial(proxy);
  const reachedEcho = once(echo, "connection").then(([there]) => once(there as Socket, "data"));
  socket.write("lost");
  assert.equal(String((await reachedEcho)[0]), "lost");
  await using other = await TcpProxy.listen(address);
  const probe = dial(other);
  probe.write("probe");
  assert.equal(await receive(probe, 5), "probe");
  proxy.become({});
  socket.write("heard");
  assert.equal(await receive(socket, 5), "heard");
});

test("a cut ends connections and refuses new ones until it is mended", async () => {
  await using proxy = await TcpProxy.listen(address);
  const socket = dial(proxy);
  socket.write("here");
  assert.equal(await receive(socket, 4), "here");
  const closed = once(socket, "close");
  proxy.cut();
  await closed;
  await once(dial(proxy), "close");
  proxy.mend();
  const again = dial(proxy);
  again.write("again");
  assert.equal(await receive(again, 5), "again");
});
