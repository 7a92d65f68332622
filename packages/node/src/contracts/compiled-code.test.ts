import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { compareCode } from "./code-match.ts";
import { type CompiledContract, readCompiled } from "./compiled.ts";
import { createCompiler } from "./compiler.ts";
import { openTestNode, requireIncluded, type TestNode } from "./contracts.test-support.ts";
import {
  compileAll,
  foundryArtifact,
  hardhatArtifact,
  type SolcContract,
  solidity,
  sourcesOf,
} from "./solidity.test-support.ts";

const SOURCE = solidity(`
library Sums { function add(uint256 a, uint256 b) external pure returns (uint256) { return a + b; } }
abstract contract Base { function name() external view virtual returns (string memory); }
contract Vault {
  address public immutable keeper;
  uint256 public immutable limit;
  constructor(uint256 limit_) { keeper = msg.sender; limit = limit_; }
  function doubled() external view returns (uint256) { return limit * 2; }
}
contract Child { uint256 public v; }
contract Factory { function make() external returns (address) { return address(new Child()); } }
contract Adder { function sum(uint256 a, uint256 b) external pure returns (uint256) { return Sums.add(a, b); } }
`);

let contracts: Record<string, SolcContract>;
before(() => {
  contracts = compileAll(SOURCE);
});
const of = (name: string): SolcContract => contracts[name] as SolcContract;
const codeOf = async ({ engine }: TestNode, address: Hex): Promise<Uint8Array> =>
  engine.read((snapshot) => snapshot.code(snapshot.account(address)?.codeHash ?? "0x"));

describe("an artifact", () => {
  it("of Hardhat, of Foundry and of solc itself is read alike, and named where it names itself", () => {
    const wanted = readCompiled(of("Vault"));
    assert.equal(wanted.name, undefined);
    assert.equal(wanted.immutables.length, 2);
    assert.deepEqual(readCompiled(hardhatArtifact("Vault", of("Vault"))), { ...wanted, name: "Vault" });
    assert.deepEqual(readCompiled(foundryArtifact(of("Vault"))), { ...wanted, name: "Vault" });
  });

  it("is deployed, called as it is called, with its constructor's arguments", async () => {
    const { service } = openTestNode();
    const artifact = foundryArtifact(of("Vault"));
    const code = { kind: "artifact", artifact } as const;
    const { address } = requireIncluded(await service.deploy({ contractType: "custom", code, args: ["21"] }));
    assert.equal((await service.get(address)).artifact?.name, "Vault");
    assert.equal(await service.call(address, { function: "doubled" }), "42");
    const named = { contractType: "custom", name: "Mine", code, args: ["1"] } as const;
    assert.equal((await service.get(requireIncluded(await service.deploy(named)).address)).artifact?.name, "Mine");
  });

  it("is linked with the libraries that are given, by name or with path, and else refused by their names", async () => {
    const { service } = openTestNode();
    const artifact = hardhatArtifact("Adder", of("Adder"));
    const adder = (libraries?: Record<string, string>) =>
      service.deploy({ contractType: "custom", code: { kind: "artifact", artifact, ...(libraries && { libraries }) } });
    await assert.rejects(adder(), { code: "INVALID_BYTECODE", message: /Contract\.sol:Sums/ });
    const sums = { kind: "artifact", artifact: hardhatArtifact("Sums", of("Sums")) } as const;
    const library = requireIncluded(await service.deploy({ contractType: "custom", code: sums })).address;
    for (const name of ["Sums", "Contract.sol:Sums"]) {
      const { address } = requireIncluded(await adder({ [name]: library }));
      assert.equal(await service.call(address, { function: "sum", params: ["2", "3"] }), "5");
    }
    const moved = JSON.parse(JSON.stringify(artifact).replaceAll('"Contract.sol"', '"project/contracts/Contract.sol"'));
    for (const [name, isMeant] of [
      ["project/contracts/Contract.sol:Sums", true],
      ["contracts/Contract.sol:Sums", true],
      ["Contract.sol:Sums", true],
      ["tracts/Contract.sol:Sums", false],
      ["other/Contract.sol:Sums", false],
    ] as const) {
      const linked = (): CompiledContract => readCompiled(moved, { [name]: library });
      if (isMeant) assert.equal(linked().bytecode, readCompiled(artifact, { Sums: library }).bytecode, name);
      else assert.throws(linked, { code: "INVALID_BYTECODE" }, name);
    }
    await assert.rejects(adder({ Sums: "0x12" }), { code: "INVALID_HEX" });
    const nowhere = `0x${"11".repeat(20)}`;
    const unbound = {
      code: "INVALID_BYTECODE",
      message: /Sums is to be linked with 0x1{40}, where there is no contract/,
    };
    await assert.rejects(adder({ Sums: nowhere }), unbound);
    const source = { kind: "source", sources: sourcesOf(SOURCE), contract: "Adder" } as const;
    const fromSource = { contractType: "custom", code: { ...source, libraries: { Sums: nowhere } } } as const;
    await assert.rejects(service.deploy(fromSource), unbound);
  });

  it("without code, or that is none, is refused", () => {
    const cases: readonly (readonly [unknown, string])[] = [
      [foundryArtifact(of("Base")), "INVALID_BYTECODE"],
      [{ abi: [] }, "INVALID_BYTECODE"],
      [{ bytecode: "0x00" }, "INVALID_ABI"],
      [{ abi: [], bytecode: "0xzz" }, "INVALID_BYTECODE"],
      [{ abi: [], bytecode: "0x00", linkReferences: { a: { b: [{ start: 9, length: 20 }] } } }, "INVALID_BYTECODE"],
      [{ abi: [], bytecode: "0x00", deployedBytecode: "0x00", immutableReferences: { 1: [{}] } }, "INVALID_BYTECODE"],
      ["text", "INVALID_BYTECODE"],
    ];
    for (const [artifact, code] of cases) {
      assert.throws(() => readCompiled(artifact, { b: `0x${"11".repeat(20)}` }), { code }, JSON.stringify(artifact));
    }
  });
});

describe("code held against what was compiled", () => {
  const deployVault = async (node: TestNode, contract: SolcContract): Promise<Hex> => {
    const code = { kind: "artifact", artifact: contract } as const;
    return requireIncluded(await node.service.deploy({ contractType: "custom", code, args: ["7"] })).address;
  };

  it("matches exactly but for immutables, whose values it tells", async () => {
    const node = openTestNode();
    const address = await deployVault(node, of("Vault"));
    const match = compareCode(await codeOf(node, address), readCompiled(of("Vault")));
    assert.ok(match.match === "exact");
    const values = match.immutables.map(({ value }) => BigInt(value)).sort((a, b) => (a < b ? -1 : 1));
    assert.deepEqual(values, [7n, BigInt(node.keys.own)]);
    assert.ok(match.immutables.every(({ offsets }) => offsets.length > 0));
  });

  it("matches except for the metadata when a comment was changed, and not when an instruction was", async () => {
    const node = openTestNode();
    const code = await codeOf(node, await deployVault(node, of("Vault")));
    const commented = compileAll(`${SOURCE}\n// changed`).Vault as SolcContract;
    assert.notEqual(commented.evm.deployedBytecode.object, of("Vault").evm.deployedBytecode.object);
    assert.equal(compareCode(code, readCompiled(commented)).match, "except_metadata");
    const changed = compileAll(SOURCE.replace("limit * 2", "limit * 3")).Vault as SolcContract;
    assert.equal(compareCode(code, readCompiled(changed)).match, "none");
    assert.equal(compareCode(code, readCompiled(of("Sums"))).match, "none");
  });

  it("matches except for the metadata of contracts that it creates, and where one side has none", () => {
    const deployedOf = (contract: SolcContract) => hexToBytes(`0x${contract.evm.deployedBytecode.object}`);
    const commented = compileAll(`${SOURCE}\n// changed`);
    const renamed = compileAll(SOURCE.replace("uint256 public v", "uint256 public w"));
    const bare = compileAll(SOURCE, { metadata: { appendCBOR: false, bytecodeHash: "none" } });
    const compare = (code: SolcContract | undefined, compiled: SolcContract | undefined) =>
      compareCode(deployedOf(code as SolcContract), readCompiled(compiled)).match;
    assert.equal(compare(commented.Factory, of("Factory")), "except_metadata");
    assert.equal(compare(renamed.Factory, of("Factory")), "none");
    assert.equal(compare(of("Child"), bare.Child), "except_metadata");
    assert.equal(compare(bare.Child, of("Child")), "except_metadata");
    assert.equal(compare(bare.Child, bare.Child), "exact");
    assert.equal(compare(bare.Child, renamed.Child), "none");
  });

  it("of another length is said to be so, whatever its immutables are", async () => {
    const node = openTestNode();
    const code = await codeOf(node, await deployVault(node, of("Vault")));
    const plain = compileAll(SOURCE, { optimizer: { enabled: false } }).Vault;
    const { match, reason } = compareCode(code, readCompiled(plain)) as { match: string; reason?: string };
    assert.equal(match, "none");
    assert.match(reason ?? "", /^the contract has \d+ bytes of code, what was compiled \d+$/);
  });

  it("does not take two values of one immutable, nor places beyond the code", async () => {
    const node = openTestNode();
    const code = await codeOf(node, await deployVault(node, of("Vault")));
    const compiled = readCompiled(of("Vault"));
    const { immutables } = compiled;
    const joined: CompiledContract = { ...compiled, immutables: [immutables.flat()] };
    assert.equal(compareCode(code, joined).match, "none");
    const beyond: CompiledContract = { ...compiled, immutables: [[{ start: code.length - 1, length: 32 }]] };
    assert.equal(compareCode(code, beyond).match, "none");
  });

  it("knows a library, whose code has its own address", async () => {
    const node = openTestNode();
    const code = { kind: "artifact", artifact: of("Sums") } as const;
    const { address } = requireIncluded(await node.service.deploy({ contractType: "custom", code }));
    const onChain = await codeOf(node, address);
    assert.equal(compareCode(onChain, readCompiled(of("Sums"))).match, "exact");
    assert.notEqual(onChain[1], 0);
  });

  it("decides about a publication: ABI and name of what matches, nothing of what does not", async () => {
    const node = openTestNode();
    const bytecode: Hex = `0x${of("Vault").evm.bytecode.object}`;
    const abi = [{ type: "constructor", inputs: [{ type: "uint256" }] }];
    const plain = { contractType: "custom", bytecode, abi, args: ["9"] } as const;
    const { address } = requireIncluded(await node.service.deploy(plain));
    const artifact = (name: string) => ({ kind: "artifact", artifact: hardhatArtifact(name, of(name)) }) as const;
    await assert.rejects(node.service.publish(address, {}, artifact("Sums")), { code: "CODE_MISMATCH" });
    await assert.rejects(node.service.call(address, { function: "doubled" }), { code: "UNKNOWN_FUNCTION" });
    const { match, view } = await node.service.publish(address, { symbol: "V" }, artifact("Vault"));
    assert.equal(match?.match, "exact");
    assert.deepEqual([view.artifact?.name, view.artifact?.symbol], ["Vault", "V"]);
    assert.equal(await node.service.call(address, { function: "doubled" }), "18");
    const source = { kind: "source", sources: { "Other.sol": SOURCE }, contract: "Vault" } as const;
    assert.equal((await node.service.publish(address, {}, source)).match?.match, "except_metadata");
  });
});

describe("Solidity", () => {
  const compile = createCompiler();

  it("is compiled with what it imports, and deployed", async () => {
    const { service, keys } = openTestNode();
    const text = solidity(`
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
contract Coin is ERC20 { constructor(uint256 supply) ERC20("Coin", "COIN") { _mint(msg.sender, supply); } }`);
    const code = { kind: "source", sources: sourcesOf(text), contract: "Coin" } as const;
    const { address } = requireIncluded(await service.deploy({ contractType: "custom", code, args: ["1000"] }));
    assert.equal(await service.balance(address, keys.own), 1000n);
    assert.equal((await service.get(address)).artifact?.name, "Coin");
  });

  it("takes numbers and truth values for text where its constructor wants text", async () => {
    const { service } = openTestNode();
    const text = solidity(`contract Tagged {
  string public tag; string public draft; bool public open; uint256 public count;
  constructor(string memory t, string memory d, bool o, uint256 c) { tag = t; draft = d; open = o; count = c; }
}`);
    const code = { kind: "source", sources: { "T.sol": text } } as const;
    const [tag, count] = [{ source: "1e3" }, { source: "1e3" }];
    const args = [tag, true, true, count];
    const { address } = requireIncluded(await service.deploy({ contractType: "custom", code, args }));
    const shown = await Promise.all(
      ["tag", "draft", "open", "count"].map((name) => service.call(address, { function: name })),
    );
    assert.deepEqual(shown, ["1e3", "true", true, "1000"]);
    const odd = service.deploy({ contractType: "custom", code, args: [["1e3"], true, true, count] });
    await assert.rejects(odd, { code: "INVALID_PARAMETER", message: 'parameter t (string): ["1e3"] is not text' });
    const { abi, bytecode } = await compile(code);
    await assert.rejects(service.deploy({ contractType: "custom", abi, bytecode, args }), {
      code: "INVALID_PARAMETER",
    });
  });

  it("of one contract with code needs no name; of several, the names that there are come back", async () => {
    const one = solidity("interface I { function f() external; }\ncontract Only { uint256 public x = 1; }");
    assert.equal((await compile({ sources: { "a.sol": one } })).name, "Only");
    const sources = { "Contract.sol": SOURCE };
    const names = ["Adder", "Child", "Factory", "Sums", "Vault"];
    const all = names.map((name) => `Contract.sol:${name}`);
    await assert.rejects(compile({ sources }), {
      code: "INVALID_REQUEST",
      message: `contract: name one of ${all.join(", ")}`,
      details: { field: "contract", contracts: all },
    });
    await assert.rejects(compile({ sources, contract: "Nobody" }), {
      code: "INVALID_REQUEST",
      message: `contract: there is no contract Nobody; those with code: ${all.join(", ")}`,
    });
    assert.equal((await compile({ sources, contract: "Contract.sol:Vault" })).name, "Vault");
    const abstract = { "a.sol": solidity("interface I { function f() external; }\nabstract contract B {}") };
    const message = /^contract: no contract has code: interfaces and abstract contracts cannot be deployed$/;
    await assert.rejects(compile({ sources: abstract }), { code: "INVALID_REQUEST", message });
    await assert.rejects(compile({ sources: abstract, contract: "B" }), { code: "INVALID_BYTECODE" });
  });

  it("of several files is chosen by the file too, where one contract in it has code", async () => {
    const twice = { "a.sol": solidity("contract A { uint256 public x; }"), "b.sol": solidity("contract A {}") };
    const main = solidity('import {A} from "./a.sol"; interface I {} contract Main is A {}');
    const sources = { ...twice, "main.sol": main };
    assert.equal((await compile({ sources, contract: "main.sol" })).name, "Main");
    assert.equal((await compile({ sources, contract: "a.sol" })).name, "A");
    await assert.rejects(compile({ sources, contract: "A" }), {
      code: "INVALID_REQUEST",
      message: "contract: name one of a.sol:A, b.sol:A",
    });
    const empty = compile({ sources: { ...sources, "c.sol": solidity("interface I {}") }, contract: "c.sol" });
    await assert.rejects(empty, { code: "INVALID_REQUEST", message: /no contract has code/ });
  });

  it("that does not compile is refused with what the compiler says", async () => {
    await assert.rejects(compile({ sources: { "a.sol": solidity("contract A { uint x = y; }") } }), {
      code: "COMPILATION_FAILED",
      message: /Undeclared identifier/,
    });
    await assert.rejects(compile({ sources: { "a.sol": solidity('import "./b.sol"; contract A {}') } }), {
      code: "COMPILATION_FAILED",
      message: /b\.sol/,
    });
    await assert.rejects(compile({ sources: { "a.sol": "pragma solidity 0.7.6; contract A {}" } }), {
      code: "COMPILATION_FAILED",
      message: /requires different compiler version/,
    });
  });

  it("that is nested too deeply for the compiler is refused in its words", async () => {
    const nested = `${"(".repeat(20_000)}1${")".repeat(20_000)}`;
    const source = solidity(`contract A { uint256 public x = ${nested}; }`);
    const message = /Maximum recursion depth reached/;
    await assert.rejects(compile({ sources: { "a.sol": source } }), { code: "COMPILATION_FAILED", message });
  });

  it("for which the compiler has no memory is refused in one line, without a trace", async () => {
    const starved = createCompiler({ timeMs: 60_000, memoryPages: 300, outputBytes: 1_000_000, waiting: 0 });
    const message = /^the source was not compiled: the compiler gave up: [^\n]*Out of memory[^\n/]*$/;
    const sources = { "a.sol": solidity("contract A {}") };
    await assert.rejects(starved({ sources }), { code: "COMPILER_LIMIT", message });
  });

  it("cannot take more time, memory, text or places in the queue than it may", async () => {
    const limits = { timeMs: 60_000, memoryPages: 24_576, outputBytes: 16 * 1024 * 1024, waiting: 8 };
    const sources = { "a.sol": solidity("contract A { uint256 public x; }") };
    for (const tight of [{ timeMs: 50 }, { outputBytes: 100 }, { memoryPages: 300 }]) {
      const compiler = createCompiler({ ...limits, ...tight });
      await assert.rejects(compiler({ sources }), { code: "COMPILER_LIMIT" }, JSON.stringify(tight));
    }
    const crowded = createCompiler({ ...limits, waiting: 0 });
    const first = crowded({ sources });
    await assert.rejects(crowded({ sources }), { code: "COMPILER_BUSY" });
    assert.equal((await first).name, "A");
    assert.equal((await crowded({ sources })).name, "A");
  });
});
