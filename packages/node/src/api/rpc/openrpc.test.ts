import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Compile } from "typebox/schema";
import { createFakeBackend, methodsOf, openTestApi } from "../fake-backend.test-support.ts";
import { ask } from "./asking.test-support.ts";
import { resolved } from "./documented-results.test-support.ts";
import { METHOD_DOCUMENTS, openRpcDocument } from "./openrpc.ts";

interface ShownMethod {
  readonly name: string;
  readonly summary: string;
  readonly params: readonly { readonly name: string; readonly required: boolean; readonly schema: object }[];
  readonly result: { readonly name: string; readonly schema: object };
}

interface ShownDocument {
  readonly openrpc: string;
  readonly info: { readonly version: string };
  readonly methods: readonly ShownMethod[];
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

async function openDocument() {
  const fake = createFakeBackend();
  const api = await openTestApi({}, fake);
  const methods = methodsOf(fake.backend);
  return { methods, document: await ask<ShownDocument>(api, "rpc.discover") };
}

test("the document lists exactly the methods there are, each with what it takes", async () => {
  const { methods, document } = await openDocument();
  assert.deepEqual([document.openrpc, document.info.version], ["1.3.2", "0.1.0"]);
  assert.deepEqual(
    document.methods.map(({ name }) => name),
    [...methods.keys()].sort(),
  );
  for (const { name, params } of document.methods) {
    const takes = methods.get(name)?.takes ?? [];
    assert.deepEqual(
      params.map(({ required }) => required),
      takes.map(({ isRequired }) => isRequired),
      name,
    );
  }
});

/** What is named like a method and is sent by the node. */
const NOTIFICATION = "eth_subscription";

test("docs/API.md names every method, and none that there is not", async () => {
  const { methods } = await openDocument();
  const text = readFileSync(new URL("../../../../../docs/API.md", import.meta.url), "utf8");
  const section = text.slice(text.indexOf("## JSON-RPC"));
  const named = new Set(section.match(/(?<=`)(?:(?:eth|net|web3|debug|txpool|personal)_|rpc\.)[a-zA-Z0-9_]+(?=`)/g));
  assert.deepEqual(
    [...methods.keys()].filter((name) => !named.has(name)),
    [],
  );
  assert.deepEqual(
    [...named].filter((name) => !Object.hasOwn(METHOD_DOCUMENTS, name)),
    [NOTIFICATION],
  );
});

test("its names are unique, its parameters named, and its schemas are schemas", async () => {
  const { document } = await openDocument();
  for (const { name, summary, params, result } of document.methods) {
    assert.match(summary, /^[A-Z].*\.$|^[a-z0-9]+ .*\.$/, name);
    const names = params.map((param) => param.name);
    assert.equal(new Set(names).size, names.length, name);
    assert.ok(
      params.every(({ required }, at) => at === 0 || !required || params[at - 1]?.required === true),
      name,
    );
    for (const { schema } of [...params, result]) Compile(resolved(schema) as Record<string, unknown>);
  }
  const text = JSON.stringify(document);
  for (const name of Object.keys(document.components.schemas)) {
    assert.ok(text.includes(`"#/components/schemas/${name}"`), `nothing refers to ${name}`);
  }
});

test("what a node has not is not in its document", () => {
  const { methods } = openRpcDocument(["eth_chainId", "eth_nothing", "toString"], "1.2.3");
  assert.deepEqual(
    methods.map(({ name }) => name),
    ["eth_chainId"],
  );
  assert.ok(Object.keys(METHOD_DOCUMENTS).length > 50);
});
