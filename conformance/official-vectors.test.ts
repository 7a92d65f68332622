import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { FIXTURES_VARIABLE, findFixtures } from "./fixtures.ts";
import { runSuite } from "./suite.ts";
import { SUITES } from "./suites.ts";

/** Suites that take minutes as a whole: these folders of them here, and the rest in the conformance run. */
const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  GeneralStateTests: ["Cancun", "Shanghai", "stEIP1559", "stEIP2930", "stExample", "stPreCompiledContracts"],
};

/** The whole suite, or its sample as far as it is there. */
const foldersOf = (name: string, folder: string): string[] =>
  SAMPLES[name]?.map((sample) => join(folder, sample)).filter((path) => existsSync(path)) ?? [folder];

describe("official vectors", () => {
  const fixtures = findFixtures(process.env[FIXTURES_VARIABLE]);
  for (const suite of SUITES) {
    test(suite.name, async (t) => {
      if (!fixtures.present) return t.skip(fixtures.reason);
      const folder = fixtures.folders.get(suite.name);
      if (folder === undefined) return t.skip("its folder is absent");
      const folders = foldersOf(suite.name, folder);
      assert.ok(folders.length > 0, "the sample's folders are absent");
      for (const each of folders) {
        const result = await runSuite(suite, each);
        assert.deepEqual(result.failed, []);
        assert.ok(result.passed > 0);
        t.diagnostic(`${basename(each)}: ${result.passed} passed, ${result.skipped.length} skipped`);
      }
    });
  }
});
