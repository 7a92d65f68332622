import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { after, test } from "node:test";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { SyncView } from "../driver/types.ts";
import { accountOf, openTestEngine, transactionOf } from "../engine/engine.test-support.ts";
import type { Engine } from "../engine/types.ts";
import { createMetricsRegistry } from "../telemetry/metrics.ts";
import {
  ALONE,
  CONTRACT,
  CONTRACT_VIEW,
  createFakeBackend,
  createRecordingLogger,
  openTestApi,
  rawRequest,
  serverOptions,
} from "./fake-backend.test-support.ts";
import { RPC_LIMITS } from "./rpc/limits.ts";
import { type ApiServer, buildServer, createApiServer } from "./server.ts";

const CONNECT = "/api/v1/network/connect";

/** A listening server, stopped when the tests of this file have ended. */
async function started(options = {}, fake = createFakeBackend()) {
  const server = createApiServer({ ...serverOptions(fake), ...options });
  after(() => server.stop());
  const { url } = await server.start();
  return { server, url, fake };
}

test("an unknown path is a problem document with a request id", async () => {
  const { get } = await openTestApi();
  const { status, headers, json } = await get("/api/v1/nothing?x=1");
  assert.equal(status, 404);
  assert.match(String(headers["content-type"]), /^application\/problem\+json/);
  assert.deepEqual(json, {
    type: "urn:counterpart:error:ROUTE_NOT_FOUND",
    title: "no such endpoint",
    status: 404,
    detail: "there is no /api/v1/nothing",
    code: "ROUTE_NOT_FOUND",
    instance: "/api/v1/nothing",
    request_id: headers["x-request-id"],
  });
});

test("request ids differ", async () => {
  const { get } = await openTestApi();
  const ids = await Promise.all([1, 2, 3].map(async () => (await get("/api/v1/health")).headers["x-request-id"]));
  assert.equal(new Set(ids).size, 3);
});

test("a known path with another method says which methods it has", async () => {
  const api = await openTestApi();
  const answer = await api.send("PUT", `/api/v1/contracts/${CONTRACT}/execute`, {});
  assert.equal(answer.status, 405);
  assert.equal(answer.json.code, "METHOD_NOT_ALLOWED");
  assert.equal(answer.headers.allow, "POST");
  assert.equal((await api.get("/")).status, 405);
  const blocks = await api.send("POST", "/api/v1/blocks", {});
  assert.match(String(blocks.headers.allow), /^GET, HEAD$/);
});

test("a body that is not JSON is MALFORMED_JSON", async () => {
  const { send } = await openTestApi();
  for (const body of ['{"address": ', "address=1", '{"a":{"__proto__":1}}', "[".repeat(1000)]) {
    const { status, json } = await send("POST", CONNECT, body);
    assert.equal(status, 400, body);
    assert.equal(json.code, "MALFORMED_JSON", body);
  }
});

test("a body that is nested too deeply is told so, and is not said to be no JSON", async () => {
  const { send } = await openTestApi();
  const { json } = await send("POST", CONNECT, `{"a":${"[".repeat(32)}${"]".repeat(32)}}`);
  assert.deepEqual(
    [json.code, json.detail, json.title],
    [
      "MALFORMED_JSON",
      "JSON nested deeper than 32 levels",
      "the body is not valid JSON, or has too many values or levels",
    ],
  );
});

test("another content type, or none, is UNSUPPORTED_MEDIA_TYPE", async () => {
  const { server, send } = await openTestApi();
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
    const { status, json } = await send("POST", CONNECT, "{}", { "content-type": type });
    assert.equal(status, 415, type);
    assert.equal(json.code, "UNSUPPORTED_MEDIA_TYPE", type);
  }
  const bare = await server.inject({ method: "POST", url: "/api/v1/network/disconnect" });
  assert.equal(bare.statusCode, 415);
});

test("a request that deletes needs no content type", async () => {
  const { server, network } = await openTestApi();
  network.set({ liftBan: () => false });
  const url = "/api/v1/network/bans/12D3KooWRBy97UB99e3J6hiPesre1MZeuNQvfan4gBziswrRJsNK";
  const { statusCode, payload } = await server.inject({ method: "DELETE", url });
  assert.deepEqual([statusCode, JSON.parse(payload)], [200, { lifted: false }]);
  const typed = await server.inject({ method: "DELETE", url, headers: { "content-type": "text/plain" } });
  assert.equal(typed.statusCode, 415);
});

test("a method that fastify wants a body with is refused like any other that a path does not have", async () => {
  const { url } = await started();
  for (const headers of [{}, { "content-type": "application/json" }] as Record<string, string>[]) {
    const { status, text } = await rawRequest(`${url}/api/v1/wallets`, { method: "QUERY", headers });
    assert.equal(status, 405);
    assert.equal((JSON.parse(text) as { code: string }).code, "METHOD_NOT_ALLOWED");
  }
});

test("an expectation that is not known does not keep a request from its answer", async () => {
  const { url } = await started();
  const { status, text } = await rawRequest(`${url}/api/v1/health`, { headers: { expect: "a-miracle" } });
  assert.deepEqual([status, JSON.parse(text)], [200, { status: "ok" }]);
});

test("a body above the limit is PAYLOAD_TOO_LARGE, announced or not", async () => {
  const { url } = await started();
  const large = `{"address": "${"x".repeat(1024 * 1024)}"}`;
  const headers = { "content-type": "application/json" };
  const announced = { ...headers, "content-length": String(large.length) };
  for (const given of [announced, { ...headers, "transfer-encoding": "chunked" }]) {
    const { status, text } = await rawRequest(`${url}${CONNECT}`, { method: "POST", headers: given, body: large });
    assert.equal(status, 413);
    const { code, detail } = JSON.parse(text) as { code: string; detail: string };
    assert.deepEqual([code, detail], ["PAYLOAD_TOO_LARGE", "the body is larger than the limit, 1048576 bytes"]);
  }
});

test("a body above the limit of JSON-RPC is told which option sets it, and one at the limit is taken", async () => {
  const call = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] });
  for (const [requestBytesMax, status] of [
    [call.length, 200],
    [call.length - 1, 413],
  ] as const) {
    const api = await openTestApi({ rpcLimits: { ...RPC_LIMITS, requestBytesMax } });
    const answer = await api.send("POST", "/", call);
    assert.equal(answer.status, status);
    if (status === 200) continue;
    assert.match(String(answer.json.detail), new RegExp(`limit, ${requestBytesMax} bytes; --rpc-request-bytes-max`));
  }
});

test("a schema violation names the field", async () => {
  const { send, get } = await openTestApi();
  const cases: [body: unknown, field: string | undefined, message: RegExp][] = [
    [{}, "address", /body\.address is required/],
    ["", "address", /body\.address is required/],
    [{ address: 5 }, "address", /body\.address must be string/],
    [{ address: "127.0.0.1:5000", wait_ms: "1" }, "wait_ms", /body\.wait_ms must be integer/],
    [{ address: "127.0.0.1:5000", wait_ms: 1.5 }, "wait_ms", /body\.wait_ms must be integer/],
    [{ address: "127.0.0.1:5000", wait_ms: 1e9 }, "wait_ms", /body\.wait_ms must be <= 600000/],
    [{ address: "127.0.0.1:5000", port: 1 }, "port", /body\.port is not a known field/],
    [
      { adress: "127.0.0.1:5000" },
      "address",
      /body\.address is required; body\.adress is not .* did you mean address\?$/,
    ],
    [[], undefined, /body must be object/],
    ["null", undefined, /body must be object/],
  ];
  for (const [body, field, message] of cases) {
    const { status, json } = await send("POST", CONNECT, body);
    assert.equal(status, 400);
    assert.equal(json.code, "INVALID_REQUEST");
    assert.equal(json.field, field);
    assert.match(String(json.detail), message);
  }
  const query = await get("/api/v1/blocks?limit=1000&x=1");
  assert.equal(query.status, 400);
  assert.match(String(query.json.detail), /querystring\.x is not a known field|query\.x is not a known field/);
  for (const limit of ["1.5", "", "true", "0x10", "-1", "1&limit=2"]) {
    assert.equal((await get(`/api/v1/blocks?limit=${limit}`)).status, 400, limit);
  }
});

test("a query is refused where none is read, instead of being taken for heard", async () => {
  const { get, send } = await openTestApi();
  const asked = [
    await get(`/api/v1/contracts/${CONTRACT}?block=5`),
    await get("/api/v1/wallets?block=5"),
    await send("POST", `${CONNECT}?block=5`, { address: "127.0.0.1:5000" }),
  ];
  for (const { status, json } of asked) {
    assert.equal(status, 400);
    assert.equal(json.code, "INVALID_REQUEST");
    assert.equal(json.field, "block");
  }
  assert.equal((await get("/api/v1/health?probe=7")).status, 200);
});

test("a coded error keeps its status, code and details", async () => {
  const api = await openTestApi();
  api.network.set({
    connect: () =>
      Promise.reject(new CodedError("WRONG_CHAIN", "another chain", { ours: 31337n, bytes: new Uint8Array([1]) })),
  });
  const { status, json } = await api.send("POST", CONNECT, { address: "127.0.0.1:5000" });
  assert.equal(status, 409);
  assert.equal(json.code, "WRONG_CHAIN");
  assert.equal(json.detail, "another chain");
  assert.equal(json.ours, "31337");
  assert.equal(json.bytes, "0x01");
});

test("details cannot take the place of a problem's own members", async () => {
  const api = await openTestApi();
  api.network.set({
    connect: () => Promise.reject(new CodedError("NOT_A_PEER", "no peer", { status: 200, code: "OK", detail: "fine" })),
  });
  const { status, json } = await api.send("POST", CONNECT, { address: "127.0.0.1:5000" });
  assert.deepEqual([status, json.status, json.code, json.detail], [502, 502, "NOT_A_PEER", "no peer"]);
});

test("an unexpected failure shows nothing of itself and is logged under its request id", async () => {
  const api = await openTestApi();
  for (const failure of [new Error("secret path /etc"), new CodedError("INVARIANT_BROKEN", "secret invariant")]) {
    api.network.set({ connect: () => Promise.reject(failure) });
    const { status, text, json } = await api.send("POST", CONNECT, { address: "127.0.0.1:5000" });
    assert.equal(status, 500);
    assert.equal(json.code, "INTERNAL_ERROR");
    assert.doesNotMatch(text, /secret/);
    const line = api.logger.lines.findLast(({ level }) => level === "error");
    assert.equal(line?.fields?.requestId, json.request_id);
    assert.match(String(line?.fields?.stack), /secret/);
  }
});

test("a client that hangs up within its body is no failure of the node", async () => {
  const metrics = createMetricsRegistry(false);
  const logger = createRecordingLogger();
  const server = await buildServer(serverOptions(createFakeBackend(), { logger, metrics }));
  after(() => server.close());
  await server.listen({ host: "127.0.0.1", port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  socket.write(`POST ${CONNECT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n`);
  socket.write("Content-Length: 100\r\n\r\n{");
  const [request] = (await once(server.server, "request")) as [IncomingMessage];
  const gone = new Promise((resolve) => request.once("close", resolve));
  await once(request, "readable");
  socket.destroy();
  await gone;
  assert.deepEqual(
    logger.lines.filter(({ level }) => level === "error"),
    [],
  );
  assert.doesNotMatch(await metrics.text(), /problems_total\{/);
});

test("a URL that cannot be decoded is a problem, not a failure", async () => {
  const { get } = await openTestApi();
  const { status, json } = await get("/api/v1/contracts/%zz");
  assert.equal(status, 400);
  assert.equal(json.code, "INVALID_REQUEST");
});

test("a URL that cannot be decoded is let in and answered as any other", async () => {
  const { server } = await openTestApi();
  const asked = async (origin: string) => {
    const answer = await server.inject({ url: "/api/v1/blocks/%ff", headers: { host: "localhost", origin } });
    return { status: answer.statusCode, headers: answer.headers, problem: answer.json<{ request_id: string }>() };
  };
  const { status, headers, problem } = await asked("http://localhost:3000");
  assert.equal(status, 400);
  assert.equal(headers["x-request-id"], problem.request_id);
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["access-control-allow-origin"], "http://localhost:3000");
  const stranger = await asked("https://evil.example");
  assert.equal(stranger.status, 403);
  assert.equal(stranger.headers["access-control-allow-origin"], undefined);
});

test("a path parameter of any length is refused cleanly", async () => {
  const { get } = await openTestApi();
  const { status, json } = await get(`/api/v1/contracts/0x${"a".repeat(5000)}`);
  assert.equal(status, 400);
  assert.equal(json.code, "INVALID_REQUEST");
});

test("bytes that are no HTTP get a problem document too", async () => {
  const { url } = await started();
  const { hostname, port } = new URL(url);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write("\x00\x01 nonsense\r\n\r\n"));
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /application\/problem\+json/);
  assert.equal((JSON.parse(answer.split("\r\n\r\n")[1] as string) as { code: string }).code, "INVALID_REQUEST");
});

test("a taken port is PORT_IN_USE", async () => {
  const { url } = await started();
  const second = createApiServer({ ...serverOptions(createFakeBackend()), port: Number(new URL(url).port) });
  await assert.rejects(second.start(), (error) => isCodedError(error, "PORT_IN_USE"));
});

test("an address that is not this machine's is INVALID_CONFIG", async () => {
  const server = createApiServer({ ...serverOptions(createFakeBackend()), host: "192.0.2.1", token: "s3cret" });
  await assert.rejects(server.start(), (error) => isCodedError(error, "INVALID_CONFIG"));
});

test("a request that arrives while the server stops is turned away", async () => {
  let stopping = false;
  const server = await buildServer(serverOptions(createFakeBackend()), () => stopping);
  assert.equal((await server.inject("/api/v1/health")).statusCode, 200);
  stopping = true;
  const answer = await server.inject("/api/v1/health");
  assert.equal(answer.statusCode, 503);
  assert.equal((answer.json() as { code: string }).code, "NOT_READY");
});

test("stopping lets a request under way end and closes idle sockets", async () => {
  const fake = createFakeBackend();
  let release: () => void = () => {};
  const entered = new Promise<void>((resolve) => {
    fake.contracts.set({
      get: () => {
        resolve();
        return new Promise((done) => {
          release = () => done(CONTRACT_VIEW);
        });
      },
    });
  });
  const { server, url } = await started({}, fake);
  await (await fetch(`${url}/api/v1/health`)).text(); // leaves an idle socket in fetch's pool
  const underWay = fetch(`${url}/api/v1/contracts/${CONTRACT}`);
  await entered;
  const stopped = server.stop();
  release();
  const answer = await underWay;
  assert.equal(answer.status, 200);
  await answer.text();
  await stopped;
  await assert.rejects(fetch(`${url}/api/v1/health`));
});

test("stopping waits no longer than its grace period", async () => {
  const fake = createFakeBackend();
  const entered = new Promise<void>((resolve) => {
    fake.contracts.set({
      get: () => {
        resolve();
        return new Promise(() => {});
      },
    });
  });
  let expire: () => void = () => {};
  const clock: Clock = {
    now: () => 0,
    setTimer(_delayMs, callback) {
      expire = callback;
      return () => {};
    },
  };
  const { server, url } = await started({ clock }, fake);
  const underWay = fetch(`${url}/api/v1/contracts/${CONTRACT}`);
  await entered;
  const stopped = server.stop();
  expire();
  await assert.rejects(underWay);
  await stopped;
});

test("while it stops the node is not ready", async () => {
  let serving = true;
  const { get } = await openTestApi({ ready: () => serving });
  assert.equal((await get("/api/v1/ready")).status, 200);
  serving = false;
  const { status, json, headers } = await get("/api/v1/ready");
  assert.equal(status, 503);
  assert.equal(json.code, "NOT_READY");
  assert.equal(headers["retry-after"], "1");
  assert.equal((await get("/api/v1/health")).status, 200);
});

test("while it is behind and only replicas are ahead the node is not ready, says why, and serves what it has", async () => {
  const api = await openTestApi();
  api.network.set({ needsFullNode: () => true });
  const { status, json } = await api.get("/api/v1/ready");
  assert.deepEqual([status, json.code], [503, "NOT_READY"]);
  assert.match(String(json.detail), /connect it to a full node/);
  assert.equal((await api.get("/api/v1/health")).status, 200);
  assert.equal((await api.get(`/api/v1/wallets/${accountOf(1)}`)).status, 200);
  api.network.set({ needsFullNode: () => false });
  assert.equal((await api.get("/api/v1/ready")).status, 200);
});

test("while its head is dated so far ahead that others refuse it the node is not ready, and says by how much", async () => {
  const api = await openTestApi();
  api.network.set({ withheldS: () => 3_600 });
  const { status, json } = await api.get("/api/v1/ready");
  assert.deepEqual([status, json.code, json.ahead_s], [503, "NOT_READY", 3_600]);
  assert.match(String(json.detail), /block 0, is dated 3600 s ahead of this node's clock: other nodes refuse it/);
  assert.equal((await api.get("/api/v1/health")).status, 200);
  api.network.set({ withheldS: () => undefined });
  assert.equal((await api.get("/api/v1/ready")).status, 200);
});

test("until the first state is there a node that takes one over is not ready, and says what it waits for", async () => {
  const asked = async (engine: Engine, sync: Partial<SyncView>) => {
    const api = await openTestApi({}, createFakeBackend(engine));
    api.network.set({ sync: () => ({ ...ALONE, ...sync }) });
    const { status, json } = await api.get("/api/v1/ready");
    return status === 200 ? 200 : [json.code, json.detail];
  };
  const takingOver = ["NOT_READY", "the node is still taking the state over from its peers"];
  const full = openTestEngine();
  assert.deepEqual(await asked(full, { state: "syncing", stage: "headers" }), takingOver);
  assert.deepEqual(await asked(full, { state: "syncing", stage: "state" }), takingOver);
  assert.equal(await asked(full, { state: "syncing", stage: "blocks" }), 200);
  assert.equal(await asked(full, {}), 200);
  const replica = openTestEngine({ replica: "all" });
  assert.deepEqual(await asked(replica, { state: "syncing" }), takingOver);
  const nobody = "the replica has no state yet, and no peer to take it over from";
  assert.deepEqual(await asked(replica, {}), ["NOT_READY", nobody]);
  assert.equal(await asked(replica, { state: "synced" }), 200);
  await full.submit(transactionOf(1, 0), "local");
  await full.seal();
  assert.equal(await asked(full, { state: "syncing", stage: "headers" }), 200);
});

test("while its database is damaged or takes nothing more the node is not ready, and says why", async () => {
  let damage: CodedError | undefined;
  const { get } = await openTestApi({ damage: () => damage });
  assert.equal((await get("/api/v1/ready")).status, 200);
  for (const [code, expected] of [
    ["STORE_CORRUPT", 500],
    ["STORE_WRITE_FAILED", 507],
  ] as const) {
    damage = new CodedError(code, "row 0x01 of table codes fails its checksum");
    const { status, json } = await get("/api/v1/ready");
    assert.deepEqual([status, json.code, json.detail], [expected, code, damage.message]);
  }
  assert.equal((await get("/api/v1/health")).status, 200);
});

test("while the node has diverged it is not ready, answers nothing from its state, and the rest as before", async () => {
  const api = await openTestApi();
  const block = { hash: `0x${"0a".repeat(32)}` as const, number: 7 };
  const evidence = "divergence/7-0x0a.json";
  api.network.set({ divergence: () => ({ block, sealedHere: false, sinceMs: 5, evidence }) });
  const address = accountOf(1);
  const [raw, data] = ["0x01", "0x"];
  const refused = [
    ...[
      "ready",
      "contracts",
      `contracts/${address}`,
      `contracts/${address}/proof`,
      `wallets/${address}`,
      "wallets",
    ].map((path) => api.get(`/api/v1/${path}`)),
    api.get(`/api/v1/contracts/${address}/balance/${address}`),
    api.send("POST", "/api/v1/transactions", { raw }),
    api.send("POST", "/api/v1/contracts", { contract_type: "token", name: "A", symbol: "A" }),
    api.send("POST", `/api/v1/contracts/${address}/call`, { function: "x" }),
  ];
  for (const { status, json } of await Promise.all(refused)) {
    assert.deepEqual([status, json.code, json.evidence, json.block], [503, "DIVERGED", evidence, block]);
  }
  const state = [
    api.rpc("eth_getBalance", address, "latest"),
    api.rpc("eth_getProof", address, [], "latest"),
    api.rpc("eth_call", { to: address, data }, "latest"),
    api.rpc("eth_estimateGas", { to: address, data }),
    api.rpc("eth_sendRawTransaction", raw),
  ];
  for (const { error } of await Promise.all(state)) assert.match(error?.message ?? "", /contradicts block 7/);
  assert.equal((await api.rpc("eth_blockNumber")).result, "0x0");
  for (const path of ["health", "version", "network", "blocks"]) {
    assert.equal((await api.get(`/api/v1/${path}`)).status, 200, path);
  }
});

test("a server that never started stops, and one that stopped stops again", async () => {
  const server: ApiServer = createApiServer(serverOptions(createFakeBackend()));
  await server.stop();
  const other = createApiServer(serverOptions(createFakeBackend()));
  await other.start();
  await other.stop();
  await other.stop();
});

test("whoever is told that his request is none, and stays, holds no connection", { timeout: 30_000 }, async () => {
  const server = await buildServer(serverOptions(createFakeBackend()));
  after(() => server.close());
  await server.listen({ host: "127.0.0.1", port: 0 });
  const gone = new Promise((resolve) => server.server.once("connection", (held) => held.once("close", resolve)));
  const { port } = server.server.address() as AddressInfo;
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.write("\x00\x01 nonsense\r\n\r\n");
  await once(socket.resume(), "end");
  await gone;
  socket.destroy();
});
