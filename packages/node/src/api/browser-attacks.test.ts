/** What a web page, a name in somebody else's DNS, or a hand-made request tries on a node of its reader's machine. */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import { BODY_PIECES_MAX } from "./body.ts";
import { createFakeBackend, openTestApi, serverOptions } from "./fake-backend.test-support.ts";
import { createApiServer } from "./server.ts";

/** Sends bytes as they are, and resolves with the answer's status line and all of its text. */
async function speak(
  port: number,
  lines: readonly string[],
  last: readonly string[] = ["Connection: close"],
): Promise<{ readonly status: number; readonly text: string }> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => {});
  socket.write(`${[...lines, ...last].join("\r\n")}\r\n\r\n`);
  await new Promise((resolve) => socket.once("close", resolve));
  const text = Buffer.concat(chunks).toString();
  return { status: Number(text.split(" ", 2)[1]), text };
}

async function startServer(): Promise<number> {
  const server = createApiServer(serverOptions(createFakeBackend()));
  after(() => server.stop());
  return Number(new URL((await server.start()).url).port);
}

test("the host of a whole URL counts, not the header beside it", async () => {
  const port = await startServer();
  const asked = (target: string, host: string) => speak(port, [`GET ${target} HTTP/1.1`, `Host: ${host}`]);
  assert.equal((await asked("http://evil.example/api/v1/wallets", "127.0.0.1")).status, 403);
  assert.equal((await asked("http://127.0.0.1:1@evil.example/api/v1/wallets", "127.0.0.1")).status, 403);
  assert.equal((await asked("http://127.0.0.1/api/v1/health", "127.0.0.1")).status, 200);
  assert.equal((await asked("/api/v1/health", "127.0.0.1")).status, 200);
});

test("several Host headers are refused, whichever of them is right", async () => {
  const port = await startServer();
  for (const hosts of [
    ["127.0.0.1", "evil.example"],
    ["evil.example", "127.0.0.1"],
    ["127.0.0.1", "127.0.0.1"],
  ]) {
    const { status, text } = await speak(port, [
      "GET /api/v1/health HTTP/1.1",
      ...hosts.map((host) => `host: ${host}`),
    ]);
    assert.ok(status === 400 || status === 403, `${status} for ${hosts}`);
    assert.ok(!text.includes('"ok"'));
  }
});

test("pages of other sites load nothing, with or without an Origin, but links to this node can be followed", async () => {
  const { get } = await openTestApi();
  for (const mode of ["no-cors", "cors", "websocket", "same-origin"]) {
    const answer = await get("/api/v1/wallets", { "sec-fetch-site": "cross-site", "sec-fetch-mode": mode });
    assert.equal(answer.status, 403, mode);
    assert.equal(answer.json.header, "Sec-Fetch-Site");
  }
  assert.equal((await get("/docs/", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" })).status, 200);
  for (const site of ["same-origin", "same-site", "none"]) {
    assert.equal((await get("/api/v1/wallets", { "sec-fetch-site": site, "sec-fetch-mode": "no-cors" })).status, 200);
  }
  const dapp = { origin: "http://localhost:5173", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" };
  assert.equal((await get("/api/v1/wallets", dapp)).status, 200, "localhost and 127.0.0.1 are two sites");
});

test("no answer can be framed, guessed at or taken by another site, the page of the documentation included", async () => {
  const { get } = await openTestApi();
  for (const path of ["/api/v1/health", "/docs/", "/docs/json", "/nothing"]) {
    const { headers } = await get(path);
    assert.equal(headers["x-frame-options"], "DENY", path);
    assert.match(String(headers["content-security-policy"]), /frame-ancestors 'none'/, path);
    assert.equal(headers["cross-origin-resource-policy"], "same-origin", path);
    assert.equal(headers["x-content-type-options"], "nosniff", path);
  }
  const policy = String((await get("/docs/")).headers["content-security-policy"]);
  assert.match(policy, /script-src 'self'/);
  // an API without TLS is served by http, and nobody else is told where it is
  assert.doesNotMatch(policy, /upgrade-insecure-requests|swagger\.io|unsafe-inline.*script/);
  assert.match((await get("/docs/static/swagger-initializer.js")).text, /"validatorUrl":null/);
});

test("paths out of the documentation's folder are not found, as a problem document like others", async () => {
  const port = await startServer();
  for (const path of [
    "/docs/static/../../../../etc/passwd",
    "/docs/static/%2e%2e%2f%2e%2e%2fpackage.json",
    "/docs/static/..%5c..%5cpackage.json",
    "/docs/static/nothing.js",
    "/docs/static/%00",
  ]) {
    const { status, text } = await speak(port, [`GET ${path} HTTP/1.1`, "Host: 127.0.0.1"]);
    assert.ok(status === 404 || status === 400, `${status} for ${path}`);
    assert.match(text, /application\/problem\+json/, path);
    assert.match(text, /x-request-id: /, path);
  }
});

test("a request id is this node's own, and is that of the problem", async () => {
  const { get } = await openTestApi();
  const { headers, json } = await get("/api/v1/blocks/0x12", { "x-request-id": "chosen" });
  assert.notEqual(headers["x-request-id"], "chosen");
  assert.equal(json.request_id, headers["x-request-id"]);
  assert.notEqual((await get("/api/v1/health")).headers["x-request-id"], headers["x-request-id"]);
});

test("ranges and conditions that a file of the documentation does not meet are the caller's mistake", async () => {
  const { get } = await openTestApi();
  for (const header of [{ range: "bytes=99999999-" }, { "if-unmodified-since": "Sat, 29 Oct 1994 19:43:31 GMT" }]) {
    const { status, json } = await get("/docs/static/swagger-ui.css", header);
    assert.deepEqual([status, json.code], [400, "INVALID_REQUEST"]);
  }
});

test("a body in pieces of a byte is refused long before its bytes are too many", async () => {
  const port = await startServer();
  const body = (pieces: number): string => `${"1\r\n \r\n".repeat(pieces)}2\r\n{}\r\n0`;
  for (const path of ["/", "/api/v1/wallets"]) {
    const head = [`POST ${path} HTTP/1.1`, "Host: 127.0.0.1", "Content-Type: application/json"];
    const send = (pieces: number) =>
      speak(port, [...head, "Transfer-Encoding: chunked", "Connection: close", "", body(pieces)], []);
    assert.notEqual((await send(BODY_PIECES_MAX - 1)).status, 413, path);
    const { status, text } = await send(2 * BODY_PIECES_MAX);
    assert.equal(status, 413, path);
    assert.match(text, /"code":"PAYLOAD_TOO_LARGE"/, path);
  }
});

test("an upgrade before the last answer, or of a path that is none, keeps no connection", {
  timeout: 20_000,
}, async () => {
  const port = await startServer();
  const upgrade = (path: string) => [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Connection: Upgrade, close",
  ];
  const early = await speak(port, ["GET /api/v1/health HTTP/1.1", "Host: 127.0.0.1", "", ...upgrade("/")], []);
  assert.deepEqual(early.text.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 405"]);
  assert.equal((await speak(port, upgrade("/%zz"), [])).status, 400);
  assert.equal((await speak(port, upgrade("/nowhere"), [])).status, 404);
});

test("a body that nobody reads may come in as many pieces as it likes: the next request is answered", async () => {
  const port = await startServer();
  for (const method of ["GET", "HEAD"]) {
    const head = [`${method} /api/v1/health HTTP/1.1`, "Host: 127.0.0.1", "Content-Type: application/json"];
    const body = `${"1\r\n \r\n".repeat(2 * BODY_PIECES_MAX)}0\r\n`;
    const next = ["GET /api/v1/version HTTP/1.1", "Host: 127.0.0.1"];
    const { text } = await speak(port, [...head, "Transfer-Encoding: chunked", "", body, ...next]);
    assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 2, method);
  }
});
