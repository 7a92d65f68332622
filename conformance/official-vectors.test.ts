import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FIXTURES_VARIABLE, findFixtures } from "./fixtures.ts";
import { runSuite } from "./suite.ts";
import { SUITES } from "./suites.ts";

describe("official vectors", () => {
  const fixtures = findFixtures(process.env[FIXTURES_VARIABLE]);
  for (const suite of SUITES) {
    test(suite.name, async (t) => {
      if (!fixtures.present) return t.skip(fixtures.reason);
      const folder = fixtures.folders.get(suite.name);
      if (folder === undefined) return t.skip("its folder is absent");
      const result = await runSuite(suite, folder);
      assert.deepEqual(result.failed, []);
      assert.ok(result.passed > 0);
      t.diagnostic(`${result.passed} passed, ${result.skipped.length} skipped`);
    });
  }
});
