/** The script that times a newcomer's way, on the nodes of this checkout. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";

const SCRIPT = resolve(import.meta.dirname, "first_contract.sh");
const run = (...args: string[]) => spawnSync("bash", [SCRIPT, ...args], { encoding: "utf8" });

test("a contract gets from the first of three nodes to the others, and each step has its seconds", () => {
  const { status, stdout, stderr } = run("--here");
  assert.equal(status, 0, stderr);
  const steps = ["start of three nodes", "deployment on node 1", "until nodes 2 and 3 have it", "all of it"];
  const lines = steps.map((step) => `\\s*\\d+\\.\\d s  ${step}\\n`).join("");
  assert.match(stdout, new RegExp(`^${lines}contract 0x[0-9a-fA-F]{40} is on three nodes\\n$`));
});

test("an argument that it does not know is told", () => {
  const { status, stderr } = run("--there");
  assert.deepEqual([status, stderr], [1, "FAILED: unknown argument --there: only --here\n"]);
});
