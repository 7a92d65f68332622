import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { artifactFile, compileTemplate, templateNames } from "./compile.ts";

describe("template artifacts", () => {
  for (const name of templateNames()) {
    it(`the committed ${name} artifact is what its source compiles to`, () => {
      const committed: unknown = JSON.parse(readFileSync(artifactFile(name), "utf8"));
      assert.deepEqual(committed, compileTemplate(name), "run: node contracts/build.ts");
    });
  }

  it("a template's code fits the EVM's limits and links no library", () => {
    for (const name of templateNames()) {
      const { bytecode } = compileTemplate(name);
      assert.match(bytecode, /^0x[0-9a-f]+$/);
      assert.ok(bytecode.length / 2 - 1 <= 49_152, `${name}: init code above the limit of EIP-3860`);
    }
  });
});
