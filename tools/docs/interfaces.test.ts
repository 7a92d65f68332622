/** README.md and docs/API.md against the configuration, the routes and the methods of the program. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { documentOf } from "../../packages/node/src/api/documented.test-support.ts";
import { methodsOf, openTestApi } from "../../packages/node/src/api/fake-backend.test-support.ts";
import { CONFIG_DEFAULTS, CONFIG_OPTIONS } from "../../packages/node/src/config.ts";
import type { DevelopmentNode } from "../../packages/node/src/driver/development-node.ts";
import { createMetricsRegistry } from "../../packages/node/src/telemetry/metrics.ts";
import { codesIn, rowsOf } from "./markdown.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const README = readFileSync(resolve(ROOT, "README.md"), "utf8");
const API = readFileSync(resolve(ROOT, "docs/API.md"), "utf8");

test("the table of flags is the configuration's", () => {
  const documented = rowsOf(README, "flag", "default", "meaning").map(([flag = "", value = "", meaning = ""]) => [
    ...codesIn(flag),
    codesIn(value)[0] ?? "",
    meaning,
  ]);
  const expected = CONFIG_OPTIONS.map(({ key, flag, description }) => {
    const set = Object.entries(CONFIG_DEFAULTS).find(([name]) => name === key)?.[1];
    const shown = key === "dataDir" ? "data/p2p-<p2p-port>" : typeof set === "object" || set === false ? "" : set;
    return [flag, String(shown ?? ""), description];
  });
  assert.deepEqual(documented, expected);
});

test("the table of endpoints is what the API serves", async () => {
  const api = await openTestApi({ metrics: createMetricsRegistry(false) });
  const { paths } = documentOf(api.server);
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const documented = rowsOf(API, "endpoint", "does").flatMap(([endpoint = ""]) => codesIn(endpoint));
  assert.deepEqual(documented.sort(), served.sort());
});

test("the table of development methods is what a node with --dev answers besides", async () => {
  const api = await openTestApi({ metrics: createMetricsRegistry(false) });
  const usual = new Set(methodsOf(api.backend).keys());
  const development = { chain: {} } as unknown as DevelopmentNode;
  const answered = methodsOf({ ...api.backend, development }).keys();
  const documented = rowsOf(API, "development methods", "notes").flatMap(([methods = ""]) => codesIn(methods));
  assert.deepEqual(documented.sort(), [...answered].filter((name) => !usual.has(name)).sort());
});

test("the table of JSON-RPC methods is what the node answers", async () => {
  const api = await openTestApi({ metrics: createMetricsRegistry(false) });
  const answered = [...methodsOf(api.backend).keys()];
  const inTable = rowsOf(API, "methods", "notes").flatMap(([methods = ""]) => codesIn(methods));
  assert.deepEqual(inTable.sort(), [...answered].sort());
});
