import assert from "node:assert/strict";
import { after, test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { accountOf } from "../engine/engine.test-support.ts";
import { createFakeBackend, openTestApi, rawRequest, serverOptions } from "./fake-backend.test-support.ts";
import { createApiServer } from "./server.ts";

const TRANSFER = { from: accountOf(1), to: accountOf(2), value: "0x1" };

/** A listening server, stopped when the tests of this file have ended. */
async function started(options = {}, fake = createFakeBackend()) {
  const server = createApiServer({ ...serverOptions(fake), ...options });
  after(() => server.stop());
  const { url } = await server.start();
  return { server, url, fake };
}

test("a name that DNS may have rebound is refused, on every route", async () => {
  const { url } = await started();
  for (const path of ["/api/v1/health", "/docs/json", "/", "/nothing"]) {
    const { status, text } = await rawRequest(`${url}${path}`, { headers: { host: "evil.example" } });
    assert.equal(status, 403, path);
    assert.equal((JSON.parse(text) as { code: string }).code, "HOST_NOT_ALLOWED", path);
  }
  const ok = await rawRequest(`${url}/api/v1/health`, { headers: { host: "localhost:1234" } });
  assert.equal(ok.status, 200);
});

test("a page of another origin can neither read nor write", async () => {
  const api = await openTestApi();
  const headers = { origin: "https://evil.example" };
  assert.equal((await api.get("/api/v1/wallets", headers)).json.code, "HOST_NOT_ALLOWED");
  assert.equal((await api.send("POST", "/api/v1/wallets", {}, headers)).status, 403);
  assert.equal((await api.send("POST", "/", { jsonrpc: "2.0", id: 1, method: "eth_chainId" }, headers)).status, 403);
  assert.equal(api.backend.keys.accounts().length, 1);
});

const REBOUND = { host: "evil.example:8080", "content-type": "application/json" };
const SIGNING = ["eth_accounts", "eth_sendTransaction", "eth_sign", "personal_sign", "eth_signTypedData_v4"];

test("what a stranger's page can send makes the node sign nothing", async () => {
  const { url, fake } = await started();
  const json = { "content-type": "application/json" };
  const tricks: readonly (readonly [string, Record<string, string>])[] = [
    ["another origin", { ...json, origin: "https://evil.example" }],
    ["a sandboxed frame or a file", { ...json, origin: "null" }],
    ["an origin that only looks local", { ...json, origin: "http://localhost.evil.example" }],
    ["a page that only looks like an extension", { ...json, origin: "chrome-extension://abc.evil.example" }],
    ["a name that DNS rebinds", REBOUND],
    ["a rebound name, its own origin", { ...REBOUND, origin: "http://evil.example:8080" }],
    ["a form, which needs no preflight", { "content-type": "text/plain" }],
    ["a form with an origin", { "content-type": "application/x-www-form-urlencoded", origin: "https://evil.example" }],
    ["no content type", {}],
  ];
  for (const method of SIGNING) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: [{ from: accountOf(1), to: accountOf(2) }] });
    for (const [trick, headers] of tricks) {
      const { status, text, headers: answered } = await rawRequest(url, { method: "POST", headers, body });
      assert.ok([403, 415].includes(status), `${method}, ${trick}: ${status} ${text}`);
      assert.equal(answered["access-control-allow-origin"], undefined, trick);
    }
  }
  assert.equal(fake.engine.head().number, 0);
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_sendTransaction", params: [TRANSFER] });
  const local = await rawRequest(url, { method: "POST", headers: { ...json, origin: "http://localhost:5173" }, body });
  assert.equal(local.status, 200, local.text);
  assert.equal(local.headers["access-control-allow-origin"], "http://localhost:5173");
  assert.equal(fake.engine.head().number, 1);
});

test("an extension of a browser reads and hands in what is signed, and gets nothing signed", async () => {
  const { url, fake } = await started();
  const extensions = ["chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn", "moz-extension://0b2a-4c"];
  for (const origin of extensions) {
    const headers = { "content-type": "application/json", origin };
    const ask = async (method: string, ...params: unknown[]) => {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
      const { status, text, headers: answered } = await rawRequest(url, { method: "POST", headers, body });
      assert.deepEqual([status, answered["access-control-allow-origin"]], [200, origin]);
      return JSON.parse(text) as { readonly result?: unknown; readonly error?: { readonly code: number } };
    };
    assert.equal((await ask("eth_chainId")).result, "0x7a69");
    for (const method of SIGNING) assert.equal((await ask(method, TRANSFER)).error?.code, -32601, method);
    assert.equal((await rawRequest(`${url}/api/v1/wallets`, { headers })).status, 403);
    const made = await rawRequest(`${url}/api/v1/wallets`, { method: "POST", headers, body: "{}" });
    assert.equal(made.status, 403);
  }
  assert.equal(fake.engine.head().number, 0);
});

test("beyond loopback nobody signs without the token", async () => {
  const api = await openTestApi({ host: "0.0.0.0", token: "s3cret" });
  const request = { jsonrpc: "2.0", id: 1, method: "eth_sendTransaction", params: [TRANSFER] };
  assert.equal((await api.send("POST", "/", request)).status, 401);
  assert.equal((await api.send("POST", "/", [request])).status, 401);
  assert.equal(api.engine.head().number, 0);
  assert.equal((await api.send("POST", "/", request, { authorization: "Bearer s3cret" })).status, 200);
  assert.equal(api.engine.head().number, 1);
});

test("a page on loopback is answered, its preflight too", async () => {
  const { server, get } = await openTestApi();
  const origin = "http://localhost:5173";
  const read = await get("/api/v1/health", { origin });
  assert.equal(read.headers["access-control-allow-origin"], origin);
  const preflight = await server.inject({
    method: "OPTIONS",
    url: "/",
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
  });
  assert.equal(preflight.statusCode, 204);
  const allowed = String(preflight.headers["access-control-allow-headers"]).split(", ");
  assert.deepEqual(allowed, ["authorization", "content-type", "idempotency-key", "last-event-id"]);
  const foreign = await server.inject({
    method: "OPTIONS",
    url: "/",
    headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
  });
  assert.equal(foreign.statusCode, 403);
  assert.equal(foreign.headers["access-control-allow-origin"], undefined);
  assert.equal(foreign.headers["access-control-allow-headers"], undefined);
});

test("names and pages that the operator allows are answered, and their preflights", async () => {
  const origin = "https://dapp.example";
  const { url } = await started({ allowedHosts: ["Node.example"], allowedOrigins: ["https://Dapp.example:443"] });
  const named = await rawRequest(`${url}/api/v1/health`, { headers: { host: "node.example:8080", origin } });
  assert.equal(named.status, 200);
  assert.equal(named.headers["access-control-allow-origin"], origin);
  const preflight = await rawRequest(url, {
    method: "OPTIONS",
    headers: { host: "node.example", origin, "access-control-request-method": "POST" },
  });
  assert.equal(preflight.status, 204);
  for (const headers of [{ host: "other.example" }, { origin: "https://evil.example" }]) {
    assert.equal((await rawRequest(`${url}/api/v1/health`, { headers })).status, 403);
  }
});

test("beyond loopback a token is needed to listen at all", async () => {
  const server = createApiServer({ ...serverOptions(createFakeBackend()), host: "0.0.0.0" });
  await assert.rejects(server.start(), (error) => isCodedError(error, "INVALID_CONFIG"));
});

test("beyond loopback writes need the token, reads do not", async () => {
  const api = await openTestApi({ host: "0.0.0.0", token: "s3cret" });
  assert.equal((await api.get("/api/v1/health")).status, 200);
  for (const authorization of [undefined, "Bearer wrong", "s3cret"]) {
    const given = authorization === undefined ? {} : { authorization };
    const refused = await api.send("POST", "/api/v1/wallets", {}, given);
    assert.equal(refused.status, 401);
    assert.equal(refused.json.code, "UNAUTHORIZED");
    assert.equal(refused.headers["www-authenticate"], "Bearer");
    const rpc = await api.send("POST", "/", { jsonrpc: "2.0", id: 1, method: "eth_chainId" }, given);
    assert.equal(rpc.status, 401);
  }
  const accepted = await api.send("POST", "/api/v1/wallets", {}, { authorization: "Bearer s3cret" });
  assert.equal(accepted.status, 201);
});

test("beyond loopback there is no route that changes anything and does not need the token", async () => {
  const { get, server } = await openTestApi({ host: "0.0.0.0", token: "s3cret" });
  const paths = Object.entries((await get("/docs/json")).json.paths as Record<string, object>);
  const writes = paths.flatMap(([path, operations]) =>
    (["post", "put", "patch", "delete"] as const).flatMap((method) => (method in operations ? [{ method, path }] : [])),
  );
  assert.deepEqual([...new Set(writes.map(({ method }) => method))].sort(), ["delete", "post", "put"]);
  for (const { method, path } of writes) {
    const { statusCode } = await server.inject({ method, url: path.replaceAll(/\{\w+\}/g, "1") });
    assert.equal(statusCode, 401, `${method} ${path}`);
  }
});

test("on loopback the token is not asked for", async () => {
  const { send } = await openTestApi({ token: "s3cret" });
  assert.equal((await send("POST", "/api/v1/wallets", {})).status, 201);
});
