import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { ERROR_CATALOGUE } from "@counterpart/core/base/error-catalogue";
import { isCodedError } from "@counterpart/core/base/errors";
import { complaintOf } from "../exit-code.ts";
import { createApiClient } from "./api-client.ts";
import { answerJson, serve } from "./http.test-support.ts";
import { HINTED_CODES, NodeRefusal } from "./refusal.ts";

const coded = (code: string, words: RegExp) => (error: unknown) =>
  isCodedError(error, code as never) && words.test(error.message);

test("requests go below /api/v1 with query, token and exact body", async (t) => {
  const seen: string[] = [];
  const { url } = await serve(t, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { authorization = "", "content-type": type = "" } = request.headers;
    seen.push(`${request.method} ${request.url} ${authorization} ${type} ${Buffer.concat(chunks)}`);
    answerJson(response, 201, { ok: true });
  });
  const client = createApiClient({ url, token: "0xabc" });
  assert.deepEqual(await client.get("contracts", { name: "a b&c", limit: 5, owner: undefined }), { ok: true });
  const answer = await client.send("POST", "contracts", { amount: "1" }, { headers: { "idempotency-key": "k" } });
  assert.deepEqual(answer, { status: 201, body: { ok: true } });
  await createApiClient({ url }).send("DELETE", "network/bans/x");
  assert.deepEqual(seen, [
    "GET /api/v1/contracts?name=a+b%26c&limit=5 Bearer 0xabc  ",
    'POST /api/v1/contracts Bearer 0xabc application/json {"amount":"1"}',
    "DELETE /api/v1/network/bans/x   ",
  ]);
});

test("the answer to a source is waited for while it may be compiled, that to anything else is not", async (t) => {
  const given = Promise.withResolvers<void>();
  const { url } = await serve(t, async (_, response) => {
    await given.promise;
    answerJson(response, 201, {});
  });
  const client = createApiClient({ url, requestMs: 50 });
  const source = client.send("POST", "contracts", { sources: {} });
  await assert.rejects(client.send("POST", "contracts", { abi: [] }), coded("CONNECTION_TIMEOUT", /did not answer/));
  // The source was sent before, and has waited for longer.
  given.resolve();
  assert.equal((await source).status, 201);
});

test("a problem document is the node's refusal, whole", async (t) => {
  const problem = { code: "POOL_FULL", status: 503, detail: "no more", request_id: "r-1" };
  const { url } = await serve(t, (_, response) => {
    response.setHeader("retry-after", "7");
    answerJson(response, 503, problem);
  });
  await assert.rejects(createApiClient({ url }).get("x"), (error) => {
    assert.ok(error instanceof NodeRefusal);
    assert.deepEqual(
      [error.code, error.status, error.message, error.retryAfterSeconds],
      ["POOL_FULL", 503, "no more", 7],
    );
    assert.deepEqual(error.problem, problem);
    assert.equal(complaintOf(error), "counterpart: no more (POOL_FULL)\n  try again in 7 s; nothing was sent\n");
    return true;
  });
});

test("what a node says cannot draw on the terminal", () => {
  const detail = "the execution reverts: \u001b[2J\u202eno\n\n  way";
  const refusal = new NodeRefusal("EXECUTION_REVERTED", 422, { detail });
  assert.equal(
    complaintOf(refusal),
    "counterpart: the execution reverts: \\u{1b}[2J\\u{202e}no way (EXECUTION_REVERTED)\n",
  );
});

test("what a compiler complains of is shown in its lines, each complaint whole", () => {
  const errors = ["ParserError: no\n --> a.sol:1:2:\n  |\n1 | \u001b[31mx\n  |  ^", "TypeError: neither"];
  const problem = { title: "the Solidity source does not compile", detail: errors[0], errors };
  assert.equal(
    complaintOf(new NodeRefusal("COMPILATION_FAILED", 422, problem)),
    [
      "counterpart: the source does not compile (COMPILATION_FAILED)",
      "  ParserError: no",
      "   --> a.sol:1:2:",
      "    |",
      "  1 | \\u{1b}[31mx",
      "    |  ^",
      "  TypeError: neither",
      "",
    ].join("\n"),
  );
  const broken = new NodeRefusal("COMPILATION_FAILED", 422, { detail: "no", errors: [1] });
  assert.equal(complaintOf(broken), "counterpart: no (COMPILATION_FAILED)\n");
});

test("how numbers and lists are given is told where one of them was meant", () => {
  const complaint = (type: string) =>
    complaintOf(new NodeRefusal("INVALID_PARAMETER", 400, { detail: "no", abi_type: type }));
  for (const type of ["uint256", "int8", "address[]", "(bool a)"]) assert.match(complaint(type), /\n {2}amounts are/);
  assert.equal(complaint("address"), "counterpart: no (INVALID_PARAMETER)\n");
});

test("whoever lacks libraries is told how to give them", () => {
  const complaint = (libraries: unknown) =>
    complaintOf(new NodeRefusal("INVALID_BYTECODE", 400, { detail: "no", libraries }));
  assert.match(complaint(["a.sol:L"]), /\n {2}deploy each of them, then give --library Name=0x…\n$/);
  assert.equal(complaint([]), "counterpart: no (INVALID_BYTECODE)\n");
});

test("nothing there, something else there, silence and a broken answer are told apart", async (t) => {
  await assert.rejects(
    createApiClient({ url: "http://127.0.0.1:1" }).get("x"),
    coded("CONNECTION_REFUSED", /nothing answers/),
  );
  await assert.rejects(
    createApiClient({ url: "http://nowhere.invalid" }).get("x"),
    coded("CONNECTION_REFUSED", /nothing/),
  );
  const web = await serve(t, (_, response) => void response.writeHead(200).end("<html>"));
  await assert.rejects(createApiClient(web).get("x"), coded("CONNECTION_FAILED", /is no node's API \(status 200\)/));
  const silent = await serve(t, () => {});
  const impatient = createApiClient({ url: silent.url, requestMs: 50 });
  await assert.rejects(impatient.get("x"), coded("CONNECTION_TIMEOUT", /did not answer within 0.05 s/));
  const broken = await serve(t, (request, response) => {
    response.writeHead(200, { "content-length": "100" }).write("{");
    setImmediate(() => request.socket.destroy());
  });
  await assert.rejects(createApiClient(broken).get("x"), coded("CONNECTION_FAILED", /broke/));
  const encrypted = createApiClient({ url: silent.url.replace("http:", "https:") });
  await assert.rejects(encrypted.get("x"), coded("CONNECTION_FAILED", /speaks no TLS: a node itself has http:/));
  const other = createServer((socket) => socket.end("220 mail.example ESMTP\r\n")).listen(0, "127.0.0.1");
  t.after(() => other.close());
  await once(other, "listening");
  const mail = createApiClient({ url: `http://127.0.0.1:${(other.address() as AddressInfo).port}` });
  await assert.rejects(mail.get("x"), coded("CONNECTION_FAILED", /speaks no HTTP/));
});

test("http:// where TLS is spoken is told as what it is, or is likely to be", async (t) => {
  // A server of TLS hangs up on a request in the clear; those of proxies say so themselves.
  const mute = createServer((socket) => socket.once("data", () => socket.end())).listen(0, "127.0.0.1");
  t.after(() => mute.close());
  await once(mute, "listening");
  const { port } = mute.address() as AddressInfo;
  const likely = coded(
    "CONNECTION_FAILED",
    /hung up without an answer; if it speaks TLS, give https:\/\/127\.0\.0\.1:/,
  );
  await assert.rejects(createApiClient({ url: `http://127.0.0.1:${port}` }).get("x"), likely);
  const said = [
    "<h1>400 Bad Request</h1><center>The plain HTTP request was sent to HTTPS port</center>",
    "Client sent an HTTP request to an HTTPS server.\n",
  ];
  for (const text of said) {
    const proxy = await serve(t, (_, response) => void response.writeHead(400).end(text));
    const certain = coded("CONNECTION_FAILED", /speaks TLS: give https:\/\/127\.0\.0\.1:/);
    await assert.rejects(createApiClient(proxy).get("x"), certain);
  }
});

test("a body that no node takes is not sent", async () => {
  const client = createApiClient({ url: "http://127.0.0.1:1" });
  const large = client.send("POST", "contracts", { source: "é".repeat(600_000) });
  await assert.rejects(large, coded("PAYLOAD_TOO_LARGE", /1200013 bytes, and a node takes 1048576 at most/));
});

test("hints are for errors that there are", () => {
  for (const code of HINTED_CODES) assert.ok(Object.hasOwn(ERROR_CATALOGUE, code), code);
});
