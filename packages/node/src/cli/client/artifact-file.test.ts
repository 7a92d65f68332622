import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { readAbi, readArtifact, readBytecode, readInterface, readWholeArtifact } from "./artifact-file.ts";

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

test("artifacts of Foundry, Hardhat and solc are read alike", (t) => {
  const target = { settings: { compilationTarget: { "src/Vault.sol": "Vault" } } };
  const at = folder(t, {
    "Foo.json": { abi: ABI, bytecode: { object: "0x6001", linkReferences: {} }, metadata: target },
    "Plain.json": { abi: ABI, bytecode: { object: "0x6001", linkReferences: {} } },
    "hardhat.json": {
      _format: "hh-sol-artifact-1",
      contractName: "Coin",
      abi: ABI,
      bytecode: "0x6002",
      linkReferences: {},
    },
    "solc.json": { abi: ABI, evm: { bytecode: { object: "6003" } } },
  });
  assert.deepEqual(readArtifact("Foo.json", at), { name: "Vault", abi: ABI, bytecode: "0x6001" });
  assert.equal(readArtifact("Plain.json", at).name, "Plain");
  assert.deepEqual(readArtifact(join(at, "hardhat.json"), "/"), { name: "Coin", abi: ABI, bytecode: "0x6002" });
  assert.equal(readArtifact("solc.json", at).bytecode, "0x6003");
});

test("what cannot be deployed is refused with the reason", (t) => {
  const references = { "src/Lib.sol": { Lib: [{ start: 1, length: 20 }] } };
  const unlinked = "0x73__$53aea86b7d70b31448b230b20ae141a537$__63";
  const at = folder(t, {
    "foundry.json": { abi: ABI, bytecode: { object: unlinked, linkReferences: references } },
    "hardhat.json": { abi: ABI, bytecode: unlinked, linkReferences: references },
    "interface.json": { abi: ABI, bytecode: { object: "0x" } },
    "placeholder.json": { abi: ABI, bytecode: unlinked },
    "other.json": { name: "x" },
    "broken.json": "{",
  });
  for (const name of ["foundry.json", "hardhat.json"]) {
    assert.throws(() => readArtifact(name, at), refused(/needs the addresses of Lib: .*--library Name=0x/));
  }
  assert.throws(() => readArtifact("interface.json", at), refused(/interface or abstract contract/));
  assert.throws(() => readArtifact("placeholder.json", at), refused(/not hexadecimal/));
  assert.throws(() => readArtifact("other.json", at), refused(/has no ABI/));
  assert.throws(() => readArtifact("broken.json", at), refused(/not valid JSON/));
  assert.throws(() => readArtifact("none.json", at), refused(/none.json: it cannot be read: ENOENT/));
});

test("for the node an artifact is left as it is, without what makes it larger than a request", (t) => {
  const references = { "src/Lib.sol": { Lib: [{ start: 1, length: 20 }] } };
  const kept = { contractName: "Coin", abi: ABI, bytecode: "0x73__$x$__", linkReferences: references };
  const evm = { bytecode: { object: "00" }, deployedBytecode: { object: "01" } };
  const at = folder(t, {
    "Coin.json": { ...kept, ast: { nodes: [1] }, sources: "x" },
    "solc.json": { abi: ABI, evm: { ...evm, legacyAssembly: {} } },
  });
  assert.deepEqual(readWholeArtifact("Coin.json", at), kept);
  assert.deepEqual(readWholeArtifact("solc.json", at), { abi: ABI, evm });
  assert.deepEqual(readInterface("Coin.json", at), { name: "Coin", abi: ABI });
});

test("bytecode is 0x text or a file, an ABI a list or a file that has one", (t) => {
  const at = folder(t, { "a.bin": "6001\n", "a.abi": ABI, "a.json": { abi: ABI }, "b.abi": "7" });
  assert.equal(readBytecode("0x6001", at), "0x6001");
  assert.equal(readBytecode("a.bin", at), "0x6001");
  assert.throws(() => readBytecode("0x601", at), refused(/not hexadecimal/));
  assert.deepEqual([readAbi("a.abi", at), readAbi("a.json", at)], [ABI, ABI]);
  assert.throws(() => readAbi("b.abi", at), refused(/neither an ABI nor a file/));
});
