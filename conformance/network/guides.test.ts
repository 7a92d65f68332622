/** The guides in docs/guides, typed as they stand, where their tools are installed. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { FoundryProject, foundryProgram } from "./foundry.ts";
import { hasHardhat } from "./hardhat-project.ts";
import { untakenIn } from "./tour.ts";
import { ROOT, takeTour } from "./tour-walk.ts";

const FOLDER = join(ROOT, "docs/guides");
const pageOf = (name: string): string => readFileSync(join(FOLDER, name), "utf8");
const MODULES = join(ROOT, "node_modules");

test("Hardhat's", async (t: TestContext) => {
  if (!hasHardhat()) return t.skip("Hardhat's native part is not installed: npm of Node 22 or later installs it");
  const page = pageOf("hardhat.md");
  assert.deepEqual(
    untakenIn(page),
    ["npx -c 'cd shop && npm install --save-dev hardhat @nomicfoundation/hardhat-ethers ethers'\n"],
    "what is installed here already",
  );
  await takeTour(page, {
    links: { "shop/node_modules": MODULES },
    env: { HARDHAT_DISABLE_TELEMETRY_PROMPT: "true" },
  });
});

test("Foundry's", async (t: TestContext) => {
  const [forge, cast] = [foundryProgram("forge"), foundryProgram("cast")];
  if (forge === undefined || cast === undefined) return t.skip("Foundry is not installed for this machine");
  using project = new FoundryProject();
  const page = pageOf("foundry.md");
  assert.deepEqual(untakenIn(page), []);
  await takeTour(page, {
    env: {
      PATH: [dirname(forge), dirname(cast), process.env.PATH].join(":"),
      HOME: project.folder,
      // what forge would fetch
      FOUNDRY_SOLC: join(project.folder, "solc"),
      FOUNDRY_OFFLINE: "true",
      FOUNDRY_DISABLE_NIGHTLY_WARNING: "1",
    },
  });
});

for (const name of ["viem.md", "metamask.md"]) {
  test(name, async () => {
    assert.deepEqual(untakenIn(pageOf(name)), []);
    await takeTour(pageOf(name));
  });
}

test("are all taken", () => {
  assert.deepEqual(readdirSync(FOLDER).sort(), ["foundry.md", "hardhat.md", "metamask.md", "viem.md"]);
});
