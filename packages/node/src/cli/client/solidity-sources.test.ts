import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { codeFields } from "./code-options.ts";
import { importsOf, readSources } from "./solidity-sources.ts";

function tree(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-sources-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const refused = (words: RegExp) => (error: unknown) =>
  isCodedError(error, "INVALID_CONFIG") && words.test(error.message);

test("imports are found in all their forms, and not in comments or strings", () => {
  const source = `
    import "a.sol";
    import './b.sol';
    import {C} from "c/C.sol";
    import {
      D as E
    } from '@d/D.sol';
    import * as F from "f.sol"; // import "not1.sol";
    /* import "not2.sol"; */
    contract X { string s = "import \\"not3.sol\\";"; string u = "https://x"; }
    import G from "g.sol";`;
  assert.deepEqual(importsOf(source), ["a.sol", "./b.sol", "c/C.sol", "@d/D.sol", "f.sol", "g.sol"]);
});

test("a file comes with everything that it imports, each once, by the compiler's names", (t) => {
  const at = tree(t, {
    "project/src/Main.sol": 'import "./lib/A.sol"; import "@pkg/sub/B.sol"; import "other/C.sol";',
    "project/src/lib/A.sol": 'import "../Main.sol"; import "./D.sol";',
    "project/src/lib/D.sol": "",
    "project/node_modules/@pkg/sub/B.sol": 'import "../E.sol";',
    "project/node_modules/@pkg/E.sol": "// e",
    "extra/other/C.sol": "// c",
  });
  const { main, sources } = readSources("project/src/Main.sol", ["extra"], at);
  assert.equal(main, "Main.sol");
  assert.deepEqual(Object.keys(sources).sort(), [
    "@pkg/E.sol",
    "@pkg/sub/B.sol",
    "Main.sol",
    "lib/A.sol",
    "lib/D.sol",
    "other/C.sol",
  ]);
  assert.equal(sources["@pkg/E.sol"], "// e");
  const elsewhere = tree(t, { "M.sol": 'import "@pkg/E.sol";' });
  const fromHere = readSources(join(elsewhere, "M.sol"), [], join(at, "project"));
  assert.deepEqual(Object.keys(fromHere.sources), ["M.sol", "@pkg/E.sol"], "packages of the folder that it is run in");
});

test("what is missing is named", (t) => {
  const at = tree(t, { "src/Main.sol": 'import "x/Y.sol";' });
  assert.throws(
    () => readSources("src/Main.sol", [], at),
    refused(/Main.sol imports x\/Y.sol, which is not found; .*--include-path/),
  );
  assert.throws(() => readSources("none.sol", [], at), refused(/none.sol: it cannot be read/));
});

test("a file may import from folders above it, as far as that of the command or one that is given", (t) => {
  const at = tree(t, {
    "project/src/deep/Main.sol": 'import "../lib/A.sol"; import "./B.sol";',
    "project/src/deep/B.sol": 'import "../../C.sol";',
    "project/src/lib/A.sol": "// a",
    "project/C.sol": "// c",
  });
  const names = ["C.sol", "src/deep/B.sol", "src/deep/Main.sol", "src/lib/A.sol"];
  const fromRoot = readSources("src/deep/Main.sol", [], join(at, "project"));
  assert.equal(fromRoot.main, "src/deep/Main.sol");
  assert.deepEqual(Object.keys(fromRoot.sources).sort(), names);
  const elsewhere = tree(t, {});
  const main = join(at, "project/src/deep/Main.sol");
  assert.deepEqual(Object.keys(readSources(main, [join(at, "project")], elsewhere).sources).sort(), names);
  const above = refused(/B.sol imports \.\.\/\.\.\/C.sol, which lies above .*--include-path/);
  assert.throws(() => readSources(main, [join(at, "project/src")], elsewhere), above);
});

test("nothing above the folders that are looked in is taken", (t) => {
  const at = tree(t, {
    "project/src/Up.sol": 'import "../../secret.sol";',
    "project/src/Through.sol": 'import "lib/../../../secret.sol";',
    "project/src/lib/A.sol": "",
    "secret.sol": "",
  });
  const project = join(at, "project");
  assert.throws(() => readSources("src/Up.sol", [], project), refused(/imports \.\.\/\.\.\/secret.sol/));
  assert.throws(() => readSources("src/Through.sol", [], project), refused(/imports lib\/\.\.\/.*secret.sol/));
});

test("options of code are refused where they mean nothing", (t) => {
  const at = tree(t, { "A.sol": "contract A {}" });
  const library = ["L=0x70997970C51812dc3A010C7d01b50e0d17dc79C8"];
  assert.deepEqual(codeFields({ source: "A.sol", contract: "A", viaIr: true, library }, at), {
    ...{ sources: { "A.sol": "contract A {}" }, contract: "A", via_ir: true },
    libraries: { L: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8" },
  });
  const { contract } = codeFields({ source: "A.sol" }, at) as { readonly contract: string };
  assert.equal(contract, "A.sol", "one of the file itself, whatever it imports");
  assert.equal(codeFields({}, at), undefined);
  assert.throws(() => codeFields({ source: "A.sol", artifact: "A.json" }, at), refused(/not both/));
  assert.throws(() => codeFields({ optimizerRuns: 3 }, at), refused(/--optimizer-runs is for --source/));
  assert.throws(() => codeFields({ library }, at), refused(/--library is for --artifact or --source/));
  assert.throws(() => codeFields({ source: "A.sol", library: ["L"] }, at), refused(/not of the form Name=0x/));
});
