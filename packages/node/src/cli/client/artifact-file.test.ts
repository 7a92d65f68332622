import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { artifactName, readAbi, readArtifact, readBytecode } from "./artifact-file.ts";

const ABI = [{ type: "function", name: "f", inputs: [], outputs: [] }];

function folder(t: TestContext, files: Record<string, unknown>): string {
  const path = mkdtempSync(join(tmpdir(), "counterpart-artifact-"));
  t.after(() => rmSync(path, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(path, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return path;
}

const refused = (words: RegExp) => (error: unknown) =>
  isCodedError(error, "INVALID_CONFIG") && words.test(error.message);

test("an artifact is left as it is, without what makes it larger than a request", (t) => {
  const references = { "src/Lib.sol": { Lib: [{ start: 1, length: 20 }] } };
  const kept = { contractName: "Coin", abi: ABI, bytecode: "0x73__$x$__", linkReferences: references };
  const evm = { bytecode: { object: "00" }, deployedBytecode: { object: "01" } };
  const at = folder(t, {
    "Coin.json": { ...kept, ast: { nodes: [1] }, sources: "x" },
    "solc.json": { abi: ABI, evm: { ...evm, legacyAssembly: {} } },
    "other.json": { name: "x" },
    "broken.json": "{",
  });
  assert.deepEqual(readArtifact("Coin.json", at), kept);
  assert.deepEqual(readArtifact(join(at, "solc.json"), "/"), { abi: ABI, evm });
  assert.throws(() => readArtifact("other.json", at), refused(/has no ABI/));
  assert.throws(() => readArtifact("broken.json", at), refused(/not valid JSON/));
  assert.throws(() => readArtifact("none.json", at), refused(/none.json: it cannot be read: ENOENT/));
});

test("an artifact is left without the syntax trees of what the compiler generates for its codes", (t) => {
  const references = { linkReferences: {}, immutableReferences: { "3": [{ start: 1, length: 32 }] } };
  const code = (object: string) => ({ object, ...references });
  const whole = (object: string) => ({
    ...code(object),
    generatedSources: [{ ast: { nodes: [{ nodes: [] }] }, contents: "{}" }],
    opcodes: "STOP",
    sourceMap: "1:2:3",
  });
  const at = folder(t, {
    "solc.json": { abi: ABI, evm: { bytecode: whole("00"), deployedBytecode: whole("01") } },
    "Foundry.json": { abi: ABI, bytecode: whole("00"), deployedBytecode: whole("01") },
  });
  const codes = { bytecode: code("00"), deployedBytecode: code("01") };
  assert.deepEqual(readArtifact("solc.json", at), { abi: ABI, evm: codes });
  assert.deepEqual(readArtifact("Foundry.json", at), { abi: ABI, ...codes });
});

test("an artifact is called as it says itself, or as its file", () => {
  const metadata = { settings: { compilationTarget: { "src/Vault.sol": "Vault" } } };
  assert.equal(artifactName("out/a.json", { abi: ABI, contractName: "Coin" }), "Coin");
  assert.equal(artifactName("out/a.json", { abi: ABI, metadata }), "Vault");
  assert.equal(artifactName("out/Plain.json", { abi: ABI }), "Plain");
});

test("bytecode is 0x text or a file, an ABI a list or a file that has one", (t) => {
  const at = folder(t, {
    "a.bin": "6001\n",
    "empty.bin": "",
    "unlinked.bin": "73__$53aea86b7d$__63",
    "a.abi": ABI,
    "a.json": { abi: ABI },
    "b.abi": "7",
  });
  assert.equal(readBytecode("0x6001", at), "0x6001");
  assert.equal(readBytecode("a.bin", at), "0x6001");
  assert.throws(() => readBytecode("0x601", at), refused(/not hexadecimal/));
  assert.throws(() => readBytecode("empty.bin", at), refused(/interface or abstract contract/));
  assert.throws(() => readBytecode("unlinked.bin", at), refused(/linked with its libraries/));
  assert.deepEqual([readAbi("a.abi", at), readAbi("a.json", at)], [ABI, ABI]);
  assert.throws(() => readAbi("b.abi", at), refused(/neither an ABI nor a file/));
});
