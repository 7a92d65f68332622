import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetricsRegistry } from "../telemetry/metrics.ts";
import { documentOf, type Operation } from "./documented.test-support.ts";
import { CONTRACT, CONTRACT_VIEW, openTestApi } from "./fake-backend.test-support.ts";
import { INCLUDED } from "./rest/contracts.test-support.ts";

const EXPECTED = [
  "DELETE /api/v1/network/bans/{peer_id}",
  "DELETE /api/v1/replica/contracts/{address}",
  "GET /api/v1/blocks",
  "GET /api/v1/blocks/{block}",
  "GET /api/v1/contracts",
  "GET /api/v1/contracts/{address}",
  "GET /api/v1/contracts/{address}/balance/{wallet}",
  "GET /api/v1/contracts/{address}/proof",
  "GET /api/v1/events",
  "GET /api/v1/health",
  "GET /api/v1/network",
  "GET /api/v1/network/bans",
  "GET /api/v1/network/peers",
  "GET /api/v1/network/sync",
  "GET /api/v1/ready",
  "GET /api/v1/replica",
  "GET /api/v1/transactions/{hash}",
  "GET /api/v1/version",
  "GET /api/v1/wallets",
  "GET /api/v1/wallets/{address}",
  "GET /metrics",
  "POST /",
  "POST /api/v1/contracts",
  "POST /api/v1/contracts/{address}/call",
  "POST /api/v1/contracts/{address}/execute",
  "POST /api/v1/network/connect",
  "POST /api/v1/network/disconnect",
  "POST /api/v1/transactions",
  "POST /api/v1/wallets",
  "PUT /api/v1/contracts/{address}/artifact",
  "PUT /api/v1/replica/contracts/{address}",
];

async function openDocument() {
  const api = await openTestApi({ metrics: createMetricsRegistry(false) });
  const document = documentOf(api.server);
  const operations: [name: string, path: string, operation: Operation][] = Object.entries(document.paths).flatMap(
    ([path, item]) =>
      Object.entries(item).map(([method, operation]): [string, string, Operation] => [
        `${method.toUpperCase()} ${path}`,
        path,
        operation,
      ]),
  );
  return { api, document, operations };
}

test("the document is OpenAPI 3.1 and lists exactly the routes there are", async () => {
  const { document, operations } = await openDocument();
  assert.match(document.openapi, /^3\.1\./);
  assert.deepEqual(operations.map(([name]) => name).sort(), EXPECTED);
});

test("every documented route exists", async () => {
  const { api, operations } = await openDocument();
  for (const [name, path] of operations) {
    const [method, url] = [name.split(" ")[0] as "GET", path.replace(/\{(\w+)\}/g, ":$1")];
    assert.ok(api.server.hasRoute({ method, url }), name);
  }
});

test("every operation has an id of its own, a summary, a tag that is described, and its failures", async () => {
  const { document, operations } = await openDocument();
  const ids = operations.map(([, , operation]) => operation.operationId);
  assert.equal(new Set(ids).size, operations.length);
  const tags = (document as unknown as { tags: { name: string }[] }).tags.map(({ name }) => name);
  for (const [name, path, operation] of operations) {
    assert.ok(operation.operationId && operation.summary, name);
    assert.ok(
      operation.tags?.every((tag) => tags.includes(tag)),
      name,
    );
    if (path === "/") continue;
    assert.ok(operation.responses.default?.content?.["application/problem+json"], name);
    assert.ok(
      Object.keys(operation.responses).some((status) => /^20\d$/.test(status)),
      name,
    );
  }
});

test("path parameters are documented, and no others", async () => {
  const { operations } = await openDocument();
  for (const [name, path, { parameters = [] }] of operations) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    assert.deepEqual(
      parameters
        .filter((parameter) => parameter.in === "path")
        .map((p) => p.name)
        .sort(),
      inPath.sort(),
      name,
    );
  }
});

test("every reference in the document leads somewhere", async () => {
  const { document } = await openDocument();
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] as string);
  assert.ok(references.length > 10);
  for (const reference of references) {
    const name = reference.replace("#/components/schemas/", "");
    assert.ok(Object.hasOwn(document.components.schemas, name), reference);
  }
});

test("bodies are closed: a caller's misspelt field is refused", async () => {
  const { operations } = await openDocument();
  for (const [name, path, { requestBody }] of operations) {
    const schema = requestBody?.content["application/json"]?.schema;
    if (schema === undefined || path === "/") continue;
    const variants = (schema.anyOf ?? [schema]) as Record<string, unknown>[];
    for (const variant of variants) assert.equal(variant.additionalProperties, false, name);
  }
});

test("bodies say whose account is meant where none is named", async () => {
  const { operations } = await openDocument();
  const said = (action: string): string => {
    const found = operations.find(([name]) => name === `POST /api/v1/contracts${action}`)?.[2].requestBody;
    return JSON.stringify(found?.content["application/json"]?.schema);
  };
  assert.match(said(""), /"an account that this node signs for; its own account when absent"/);
  assert.match(said("/{address}/execute"), /"an account that this node signs for; the contract's owner when absent"/);
  assert.match(said("/{address}/call"), /"any account; the contract's owner when absent"/);
});

test("bodies that callers must write have an example that fits, and optional parameters have none", async () => {
  const { api, operations } = await openDocument();
  const examples = operations.flatMap(([name, path, { requestBody }]) => {
    const example = (requestBody?.content["application/json"] as { example?: unknown } | undefined)?.example;
    return example === undefined ? [] : [{ name, path: path.replace("{address}", CONTRACT), example }];
  });
  assert.deepEqual(
    examples.map(({ name }) => name),
    [
      "POST /api/v1/network/disconnect",
      "POST /api/v1/contracts/{address}/execute",
      "POST /api/v1/contracts/{address}/call",
      "PUT /api/v1/contracts/{address}/artifact",
      "POST /api/v1/transactions",
      "POST /",
    ],
  );
  api.network.set({ disconnect: async () => 1 });
  api.contracts.set({
    execute: async () => INCLUDED,
    call: async () => 1n,
    publish: async () => ({ view: CONTRACT_VIEW }),
  });
  for (const { name, path, example } of examples) {
    const { status, text } = await api.send(name.startsWith("PUT") ? "PUT" : "POST", path, example);
    assert.equal(status, 200, `${name}: ${text}`);
  }
  for (const [name, , { parameters = [] }] of operations) {
    for (const parameter of parameters) assert.ok(parameter.in !== "query" || !("example" in parameter), name);
  }
});

test("the document and its page are served", async () => {
  const { api, document } = await openDocument();
  const json = await api.get("/docs/json");
  assert.equal(json.status, 200);
  assert.deepEqual(JSON.parse(json.text), JSON.parse(JSON.stringify(document)));
  const page = await api.get("/docs");
  assert.equal(page.status, 200);
  assert.match(String(page.headers["content-type"]), /text\/html/);
  assert.equal((await api.get("/docs/static/swagger-ui.css")).status, 200);
  assert.match(page.text, /src="\/docs\/static\/theme\/viewport\.js"/);
  assert.match((await api.get("/docs/static/theme/viewport.js")).text, /name="viewport"/);
});
