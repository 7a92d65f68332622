import assert from "node:assert/strict";
import { after, test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { createFakeBackend, openTestApi, rawRequest, serverOptions } from "./fake-backend.test-support.ts";
import { createApiServer } from "./server.ts";

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

test("on loopback the token is not asked for", async () => {
  const { send } = await openTestApi({ token: "s3cret" });
  assert.equal((await send("POST", "/api/v1/wallets", {})).status, 201);
});
