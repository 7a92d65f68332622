/** README.md and docs/API.md against the configuration, the routes and the methods of the program. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { documentOf } from "../../packages/node/src/api/documented.test-support.ts";
import { openTestApi } from "../../packages/node/src/api/fake-backend.test-support.ts";
import { createMethods } from "../../packages/node/src/api/rpc/route.ts";
import { CONFIG_DEFAULTS, CONFIG_OPTIONS } from "../../packages/node/src/config.ts";
import { createMetricsRegistry } from "../../packages/node/src/telemetry/metrics.ts";
import { codesIn, rowsOf, sectionOf } from "./markdown.ts";

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

test("both lists of JSON-RPC methods are what the node answers", async () => {
  const api = await openTestApi({ metrics: createMetricsRegistry(false) });
  const answered = [
    ...createMethods({ backend: api.backend, clock: { now: () => 0, setTimer: () => () => {} } }).keys(),
  ];
  const inReadme = codesIn(sectionOf(README, "JSON-RPC")).filter((code) => /^(eth|net|web3)_/.test(code));
  const inTable = rowsOf(API, "methods", "notes").flatMap(([methods = ""]) => codesIn(methods));
  assert.deepEqual(inReadme.sort(), [...answered].sort());
  assert.deepEqual(inTable.sort(), [...answered].sort());
});
