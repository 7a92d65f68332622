import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket as TcpSocket } from "node:net";
import { after, afterEach, describe, test } from "node:test";
import { createTimedClock } from "../../contracts/contracts.test-support.ts";
import { openTestEngine } from "../../engine/engine.test-support.ts";
import { createFakeBackend, rawRequest, serverOptions } from "../fake-backend.test-support.ts";
import { type ApiServer, type ApiServerOptions, createApiServer } from "../server.ts";
import { sealLogs } from "./following.test-support.ts";
import { SOCKETS_MAX } from "./websocket.ts";

const running: ApiServer[] = [];
const sockets: (WebSocket | TcpSocket)[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) "destroy" in socket ? socket.destroy() : socket.close();
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

async function start(options: Partial<ApiServerOptions> = {}) {
  const engine = openTestEngine();
  const fake = createFakeBackend(engine);
  const server = createApiServer(serverOptions(fake, options));
  running.push(server);
  const { url } = await server.start();
  return { engine, server, url, port: Number(new URL(url).port) };
}

interface Client {
  readonly socket: WebSocket;
  /** Messages in the order in which they come. */
  next<T = never>(): Promise<T>;
  ask(method: string, ...params: unknown[]): void;
  readonly closed: Promise<number>;
}

/** The runtime's own takes headers, as a browser's does not. */
type WithHeaders = new (url: string, options: { readonly headers: Record<string, string> }) => WebSocket;

async function open(url: string, headers: Record<string, string> = {}): Promise<Client> {
  const socket = new (WebSocket as unknown as WithHeaders)(url.replace("http", "ws"), { headers });
  sockets.push(socket);
  const come: string[] = [];
  let wake = (): void => {};
  socket.addEventListener("message", ({ data }) => {
    come.push(data as string);
    wake();
  });
  const closed = new Promise<number>((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  return {
    socket,
    closed,
    async next<T>() {
      while (come.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return JSON.parse(come.shift() as string) as T;
    },
    ask: (method, ...params) => socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })),
  };
}

const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** The head of the answer to an upgrade with these headers. */
async function upgrade(port: number, headers: Record<string, string>, path = "/"): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...UPGRADE, ...headers }).map(([k, v]) => `${k}: ${v}\r\n`);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return chunk.toString();
}

test("methods, batches and subscriptions work over WebSocket", async () => {
  const { url, engine } = await start();
  const client = await open(url);
  client.ask("eth_chainId");
  assert.deepEqual(await client.next(), { jsonrpc: "2.0", id: 1, result: "0x7a69" });
  client.socket.send('[{"jsonrpc":"2.0","id":7,"method":"eth_blockNumber"},{"jsonrpc":"2.0","id":8,"method":"nope"}]');
  const [number, unknown] = (await client.next()) as [{ result: string }, { error: { code: number } }];
  assert.deepEqual([number.result, unknown.error.code], ["0x0", -32601]);
  client.ask("eth_subscribe", "newHeads");
  const { result: subscription } = (await client.next()) as { result: string };
  const hash = await sealLogs(engine, 0);
  const told = (await client.next()) as { method: string; params: { subscription: string; result: { hash: string } } };
  assert.deepEqual(
    [told.method, told.params.subscription, told.params.result.hash],
    ["eth_subscription", subscription, hash],
  );
});

test("subscriptions over HTTP are refused in the words of others", async () => {
  const { url } = await start();
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] });
  const { text } = await rawRequest(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.deepEqual(JSON.parse(text).error, { code: -32601, message: "notifications not supported" });
});

describe("who may connect is as over HTTP", () => {
  test("an extension of a browser subscribes, and gets nothing signed", async () => {
    const { url } = await start();
    const { ask, next } = await open(url, { origin: "chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn" });
    ask("eth_subscribe", "newHeads");
    assert.match((await next<{ result: string }>()).result, /^0x/);
    for (const method of ["eth_accounts", "eth_sendTransaction", "personal_sign"]) {
      ask(method);
      assert.equal((await next<{ error: { code: number } }>()).error.code, -32601, method);
    }
  });

  test("a page of another origin, and a host that is not this node's, are refused", async () => {
    const { port } = await start();
    for (const headers of [{ origin: "https://evil.example" }, { host: "evil.example" }, { origin: "null" }]) {
      const answer = await upgrade(port, headers as Record<string, string>);
      assert.match(answer, /^HTTP\/1\.1 403 /);
      assert.match(answer, /HOST_NOT_ALLOWED/);
    }
    assert.match(await upgrade(port, { origin: "http://localhost:3000" }), /^HTTP\/1\.1 101 /);
    assert.match(await upgrade(port, { origin: `http://127.0.0.1:${port}` }), /^HTTP\/1\.1 101 /);
  });

  test("beyond loopback the token is needed", async () => {
    const { port } = await start({ host: "0.0.0.0", token: "secret" });
    assert.match(await upgrade(port, {}), /^HTTP\/1\.1 401 .*UNAUTHORIZED/s);
    assert.match(await upgrade(port, { authorization: "Bearer wrong" }), /^HTTP\/1\.1 401 /);
    assert.match(await upgrade(port, { authorization: "Bearer secret" }), /^HTTP\/1\.1 101 /);
  });

  test("a refused connection is closed", async () => {
    const { port } = await start();
    await upgrade(port, { origin: "https://evil.example" });
    const socket = sockets.at(-1) as TcpSocket;
    if (!socket.closed) await once(socket, "close");
  });
});

test("only / takes WebSocket, and takes nothing else by GET", async () => {
  const { port, url } = await start();
  assert.match(await upgrade(port, {}, "/api/v1/events"), /^HTTP\/1\.1 404 .*ROUTE_NOT_FOUND/s);
  assert.match(await upgrade(port, { "sec-websocket-version": "1" }), /^HTTP\/1\.1 4/);
  const { status, text, headers } = await rawRequest(url, {});
  assert.deepEqual([status, JSON.parse(text).code, headers.allow], [405, "METHOD_NOT_ALLOWED", "POST"]);
});

test("an offer of another protocol is answered as if there were none", async () => {
  const { url } = await start();
  const headers = { "content-type": "application/json", connection: "Upgrade, HTTP2-Settings", upgrade: "h2c" };
  const body = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}';
  const { text } = await rawRequest(url, { method: "POST", headers, body });
  assert.equal(JSON.parse(text).result, "0x7a69");
});

test("a message above 1 MiB, and one that is no text, end the connection", async () => {
  const { url } = await start();
  const large = await open(url);
  large.socket.send(`"${"x".repeat(1024 * 1024)}"`);
  assert.equal(await large.closed, 1009);
  const other = await open(url);
  other.ask("eth_chainId");
  assert.equal(((await other.next()) as { result: string }).result, "0x7a69");
});

test("a stopping node says so to whoever is connected, and does not wait for them", async () => {
  const { url, server } = await start();
  const client = await open(url);
  await server.stop();
  assert.equal(await client.closed, 1001);
});

test("who answers no ping is gone", async () => {
  const clock = createTimedClock();
  const { port } = await start({ clock });
  await upgrade(port, {});
  const socket = sockets.at(-1) as TcpSocket;
  socket.resume();
  clock.advance(30_000);
  // The ping has come, and is not answered: this end knows no WebSocket.
  await once(socket, "data");
  clock.advance(30_000);
  if (!socket.closed) await once(socket, "close");
});

test("there is room for a limited number of connections", async () => {
  const { port } = await start();
  const answers = await Promise.all(Array.from({ length: SOCKETS_MAX }, () => upgrade(port, {})));
  assert.ok(answers.every((answer) => answer.startsWith("HTTP/1.1 101 ")));
  assert.match(await upgrade(port, {}), /^HTTP\/1\.1 503 .*TOO_MANY_SUBSCRIBERS/s);
});

after(() => assert.equal(running.length, 0));
