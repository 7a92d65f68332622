import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkFiles, checkRepository, RULES } from "./check.ts";
import { readTextFiles } from "./files.ts";

const FIXTURES = join(import.meta.dirname, "fixtures");

test("every rule has a folder of examples, and every folder its rule", () => {
  assert.deepEqual(readdirSync(FIXTURES).sort(), RULES.map((rule) => rule.name).sort());
});

for (const rule of RULES) {
  test(`${rule.name} complains of the marked lines of its examples and of no others`, () => {
    const root = join(FIXTURES, rule.name);
    const found = checkRepository(root, [rule]).map(({ path, line }) => `${path}:${line}`);
    const expected = markedLines(root, rule.name);
    assert.ok(expected.length > 0, "the examples break the rule");
    assert.deepEqual([...new Set(found)].sort(), expected.sort());
  });
}

function markedLines(root: string, rule: string): string[] {
  return readTextFiles(root).flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => (line.includes(`expect: ${rule}`) ? [`${path}:${index + 1}`] : [])),
  );
}

test("a repository without faults has no findings", () => {
  const text = 'import type { Hex } from "../base/bytes.ts";\n\nexport const empty: Hex = "0x";\n';
  assert.deepEqual(checkFiles(FIXTURES, [{ path: "packages/core/src/codec/empty.ts", text }]), []);
});

test("a finding names its rule, file and line", () => {
  const path = "packages/core/src/base/clock.ts";
  const [finding] = checkFiles(FIXTURES, [{ path, text: "\nexport const now = () => Date.now();\n" }]);
  assert.deepEqual(finding, { rule: "pure-core", path, line: 2, message: "Date.now: core is pure, take a port" });
});
