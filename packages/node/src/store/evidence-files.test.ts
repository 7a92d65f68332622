import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Logger } from "@counterpart/core/ports/runtime";
import { createEvidenceFiles, EVIDENCE_MAX, type EvidenceFiles } from "./evidence-files.ts";

let dataDir: string;
let warnings: string[];
let files: EvidenceFiles;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "counterpart-evidence-"));
  warnings = [];
  const warn = (message: string) => void warnings.push(message);
  const logger: Logger = { debug() {}, info() {}, warn, error() {}, child: () => logger };
  files = createEvidenceFiles(dataDir, logger);
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const evidence = (notedAt: number, settledAt: number | null = null) => ({ noted_at: notedAt, settled_at: settledAt });
const names = () => files.load().map(([name]) => name);

test("there is none in a new data directory, and no folder for it", () => {
  assert.deepEqual(files.load(), []);
  assert.throws(() => statSync(join(dataDir, "divergence")));
});

test("a document is kept where it is said to be, for its owner alone, with the machine it was found out on", () => {
  files.save("1-0x0a", evidence(5));
  const path = join(dataDir, files.pathOf("1-0x0a"));
  const machine = { node: process.version, platform: process.platform, arch: process.arch };
  assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), { ...evidence(5), machine });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(createEvidenceFiles(dataDir, {} as Logger).load(), [["1-0x0a", { ...evidence(5), machine }]]);
});

test("a document takes the place of one of the same name", () => {
  files.save("1-0x0a", evidence(5));
  files.save("1-0x0a", evidence(5, 6));
  assert.deepEqual(names(), ["1-0x0a"]);
  const [[, document]] = files.load() as [[string, { settled_at: number }]];
  assert.equal(document.settled_at, 6);
});

test("beyond the limit the settled ones go first, then the oldest; never the one just written", () => {
  files.save("settled", evidence(1_000, 1_001));
  for (let i = 1; i < EVIDENCE_MAX; i++) files.save(`open-${i}`, evidence(i));
  assert.equal(names().length, EVIDENCE_MAX);
  files.save("new", evidence(0));
  assert.ok(!names().includes("settled") && names().includes("open-1"));
  files.save("newer", evidence(0));
  assert.ok(!names().includes("new") && names().includes("newer") && names().includes("open-1"));
  assert.equal(names().length, EVIDENCE_MAX);
});

test("what is no document is passed over, and the operator told", () => {
  mkdirSync(join(dataDir, "divergence"));
  for (const [file, text] of [
    ["broken.json", "{"],
    ["text.json", '"text"'],
    ["unfinished.json.tmp", "{}"],
  ] as const) {
    writeFileSync(join(dataDir, "divergence", file), text);
  }
  files.save("1-0x0a", evidence(5));
  assert.deepEqual(names(), ["1-0x0a"]);
  assert.ok(warnings.length > 0 && warnings.every((warning) => /evidence cannot be read/.test(warning)));
});

test("what cannot be written throws", () => {
  writeFileSync(join(dataDir, "divergence"), "a file");
  assert.throws(() => files.save("1-0x0a", evidence(5)));
});
