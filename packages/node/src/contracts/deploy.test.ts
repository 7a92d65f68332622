import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { isCodedError } from "@counterpart/core/base/errors";
import { createAddress } from "@counterpart/core/chain/address";
import { keccak256, keccak256Hex } from "@counterpart/core/crypto/crypto";
import { accountOf } from "../engine/engine.test-support.ts";
import { compile, LAB_SOURCE, number, openTestNode, requireIncluded } from "./contracts.test-support.ts";
import nftTemplate from "./templates/nft.json" with { type: "json" };
import tokenTemplate from "./templates/token.json" with { type: "json" };
import type { DeployRequest } from "./types.ts";

const TOKEN = { contractType: "token", name: "Test", symbol: "TST" } as const;
let lab: ReturnType<typeof compile>;
before(() => {
  lab = compile(LAB_SOURCE);
});

async function refuses(code: ErrorCode, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(isCodedError(error, code), String(error));
    return true;
  });
}

describe("deploying an nft", () => {
  const NFT = { contractType: "nft", name: "Cards", symbol: "CARD" } as const;

  it("gives a contract whose owner mints numbered tokens, with URIs of their own or by number, up to the cap", async () => {
    const { service, keys } = openTestNode();
    const { address } = requireIncluded(await service.deploy({ ...NFT, baseUri: "https://cards.example/", cap: "2" }));
    const { artifact } = await service.get(address);
    assert.deepEqual([artifact?.contractType, artifact?.name, artifact?.cap], ["nft", "Cards", "2"]);
    const mint = (params: Record<string, string>) => service.execute(address, { function: "mint", params });
    assert.equal(requireIncluded(await mint({ to: accountOf(2) })).result, "1");
    assert.equal(requireIncluded(await mint({ to: keys.own, uri: "ipfs://two" })).result, "2");
    const uri = (tokenId: string) => service.call(address, { function: "tokenURI", params: { tokenId } });
    assert.deepEqual([await uri("1"), await uri("2")], ["https://cards.example/1", "ipfs://two"]);
    assert.equal(await service.call(address, { function: "ownerOf", params: ["1"] }), accountOf(2));
    assert.equal(await service.balance(address, accountOf(2)), 1n);
    await refuses("EXECUTION_REVERTED", mint({ to: keys.own }));
    await service.execute(address, { function: "burn", params: { tokenId: "2" } });
    await refuses("EXECUTION_REVERTED", uri("2"));
    // What was burned makes room, and its number is not given again.
    assert.equal(requireIncluded(await mint({ to: keys.own })).result, "3");
    assert.equal(await uri("3"), "https://cards.example/3");
    assert.equal((await service.get(address)).totalSupply, "2");
  });

  it("lets nobody mint without the role, and gives every contract the same code", async () => {
    const { service } = openTestNode({ others: [2] });
    const one = requireIncluded(await service.deploy(NFT)).address;
    const two = requireIncluded(await service.deploy({ ...NFT, name: "Other", cap: "7", baseUri: "x" })).address;
    const stranger = { function: "mint", params: { to: accountOf(2) }, from: accountOf(2) };
    await refuses("EXECUTION_REVERTED", service.execute(one, stranger));
    const codes = [(await service.get(one)).entry.codeHash, (await service.get(two)).entry.codeHash];
    assert.deepEqual(codes, [nftTemplate.deployedBytecodeHash, nftTemplate.deployedBytecodeHash]);
    for (const interfaceId of ["0x80ac58cd", "0x5b5e139f", "0x7965db0b"]) {
      assert.equal(await service.call(one, { function: "supportsInterface", params: { interfaceId } }), true);
    }
  });
});

describe("deploying a token", () => {
  it("answers with address, block and events, and the contract has its artifact", async () => {
    const { engine, service, keys } = openTestNode();
    const result = requireIncluded(
      await service.deploy({ ...TOKEN, decimals: 6, cap: number("1e27"), initialSupply: "1000" }),
    );
    assert.equal(result.address, createAddress(keys.own, 0n));
    assert.equal(result.status, "success");
    assert.equal(result.blockHash, engine.head().hash);
    assert.equal(result.confirmations, 1);
    assert.ok(result.logs.some(({ event, args }) => event === "Transfer" && args?.value === "1000"));

    const view = await service.get(result.address);
    assert.equal(view.artifact?.contractType, "token");
    assert.equal(view.artifact.name, "Test");
    assert.equal(view.artifact.symbol, "TST");
    assert.equal(view.artifact.decimals, 6);
    assert.equal(view.artifact.cap, (10n ** 27n).toString());
    assert.equal(view.totalSupply, "1000");
    assert.equal(view.entry.owner, keys.own);
    assert.equal(view.entry.creationNonce, 0n);
    assert.equal(await service.balance(result.address, keys.own), 1000n);
  });

  it("defaults to 18 decimals, no cap, no supply", async () => {
    const { service } = openTestNode();
    const { address } = requireIncluded(await service.deploy(TOKEN));
    const view = await service.get(address);
    assert.equal(view.artifact?.decimals, 18);
    assert.equal(view.artifact.cap, undefined);
    assert.equal(view.totalSupply, "0");
    assert.equal(await service.call(address, { function: "cap" }), "0");
    const most = ((1n << 256n) - 1n).toString();
    await service.execute(address, { function: "mint", params: { to: accountOf(2), amount: most } });
    assert.equal(await service.balance(address, accountOf(2)), (1n << 256n) - 1n);
  });

  it("gives every token the same code, so that nodes store and send it once", async () => {
    const { service } = openTestNode();
    const a = requireIncluded(await service.deploy(TOKEN));
    const b = requireIncluded(await service.deploy({ ...TOKEN, name: "Other", decimals: 2, cap: "5" }));
    const codeHash = (await service.get(a.address)).entry.codeHash;
    assert.equal((await service.get(b.address)).entry.codeHash, codeHash);
    assert.equal(codeHash, tokenTemplate.deployedBytecodeHash);
  });

  it("lets an owner grant the role of minting to an account of another node", async () => {
    const { service } = openTestNode({ others: [2] });
    const { address } = requireIncluded(await service.deploy(TOKEN));
    const mint = { function: "mint", params: { to: accountOf(3), amount: "5" }, from: accountOf(2) };
    await refuses("EXECUTION_REVERTED", service.execute(address, mint));
    const role = await service.call(address, { function: "MINTER_ROLE" });
    assert.equal(role, bytesToHex(keccak256(new TextEncoder().encode("MINTER_ROLE"))));
    await service.execute(address, { function: "grantRole", params: { role: String(role), account: accountOf(2) } });
    assert.equal(requireIncluded(await service.execute(address, mint)).status, "success");
    assert.equal(await service.balance(address, accountOf(3)), 5n);
  });

  it("burns by role, by holder and by allowance", async () => {
    const { service, keys } = openTestNode({ others: [2] });
    const { address } = requireIncluded(await service.deploy({ ...TOKEN, initialSupply: "10" }));
    await service.execute(address, { function: "transfer", params: { to: accountOf(2), value: "6" } });
    await service.execute(address, { function: "burn", params: { from: accountOf(2), amount: "1" } });
    await service.execute(address, { function: "burn", params: { amount: "2" }, from: accountOf(2) });
    const foreign = { function: "burn", params: { from: keys.own, amount: "1" }, from: accountOf(2) };
    await refuses("EXECUTION_REVERTED", service.execute(address, foreign));
    const byAllowance = { function: "burnFrom", params: { account: keys.own, value: "1" }, from: accountOf(2) };
    await refuses("EXECUTION_REVERTED", service.execute(address, byAllowance));
    await service.execute(address, { function: "approve", params: { spender: accountOf(2), value: "1" } });
    await service.execute(address, byAllowance);
    assert.equal(await service.balance(address, accountOf(2)), 3n);
    assert.equal((await service.get(address)).totalSupply, "6");
  });

  it("refuses what cannot be a token before anything is sent", async () => {
    const { engine, service } = openTestNode();
    const wrong: DeployRequest[] = [
      { ...TOKEN, name: "" },
      { ...TOKEN, name: "x".repeat(257) },
      { ...TOKEN, name: "\ud800" },
      { ...TOKEN, symbol: "" },
      { ...TOKEN, symbol: "x".repeat(65) },
      { ...TOKEN, decimals: 256 },
      { ...TOKEN, decimals: -1 },
      { ...TOKEN, decimals: 1.5 },
      { ...TOKEN, cap: number("1.5") },
      { ...TOKEN, cap: "-1" },
      { ...TOKEN, initialSupply: number("1e78") },
      { ...TOKEN, cap: "10", initialSupply: "11" },
    ];
    for (const request of wrong) await refuses("INVALID_PARAMETER", service.deploy(request));
    await refuses("FROM_NOT_HELD", service.deploy({ ...TOKEN, from: accountOf(2) }));
    assert.equal(engine.head().number, 0);
    assert.equal(engine.pool.pending, 0);
  });
});

describe("deploying a custom contract", () => {
  it("takes bytecode, ABI, arguments and value", async () => {
    const { service } = openTestNode();
    const { abi, bytecode } = lab("Lab");
    const request = { contractType: "custom", name: "Lab", abi, bytecode, args: [number("42")], value: "5" } as const;
    const { address } = requireIncluded(await service.deploy(request));
    assert.equal(await service.call(address, { function: "value" }), "42");
    const view = await service.get(address);
    assert.equal(view.balance, 5n);
    assert.equal(view.artifact?.contractType, "custom");
    assert.equal(view.artifact.name, "Lab");
    assert.equal(view.artifactHash, service.artifact(address)?.contentHash);
  });

  it("says what is wrong with bytecode, arguments and ABI", async () => {
    const { engine, service } = openTestNode();
    const { abi, bytecode } = lab("Lab");
    const request = { contractType: "custom", abi, bytecode } as const;
    const codes: [ErrorCode, DeployRequest][] = [
      ["MISSING_PARAMETER", request],
      ["UNKNOWN_PARAMETER", { ...request, args: ["1", "2"] }],
      ["INVALID_PARAMETER", { ...request, args: ["-1"] }],
      ["INVALID_ABI", { ...request, args: ["1"], abi: [{ type: "nonsense" }] }],
      ["INVALID_BYTECODE", { ...request, args: ["1"], bytecode: "0x" }],
      ["INVALID_BYTECODE", { ...request, args: ["1"], bytecode: "0x__$library$__" as Hex }],
      ["INVALID_BYTECODE", { ...request, args: ["1"], bytecode: `0x${"00".repeat(49_152)}` }],
      ["INVALID_BYTECODE", { ...request, abi: [], bytecode: "0x00" }],
      ["EXECUTION_REVERTED", { ...request, args: ["13"] }],
      ["EXECUTION_HALTED", { ...request, args: ["1"], bytecode: "0xfe" }],
      ["INSUFFICIENT_FUNDS", { ...request, args: ["1"], value: number("1e30") }],
      ["INVALID_PARAMETER", { contractType: "custom", ...lab("Child"), value: "1" }],
      ["INVALID_ARTIFACT", { ...request, args: ["1"], abi: [...abi, { type: "receive", text: "x".repeat(300_000) }] }],
    ];
    for (const [code, wrong] of codes) await refuses(code, service.deploy(wrong));
    await assert.rejects(service.deploy({ ...request, args: ["13"] }), { message: "the execution reverts: unlucky" });
    assert.equal(engine.head().number, 0);
  });

  it("gives concurrent deployments of one account consecutive nonces, and each its own artifact", async () => {
    const { service, keys } = openTestNode();
    const names = Array.from({ length: 8 }, (_, i) => `T${i}`);
    const results = await Promise.all(names.map((name) => service.deploy({ ...TOKEN, name })));
    const addresses = results.map((result) => requireIncluded(result).address);
    assert.deepEqual(new Set(addresses), new Set(names.map((_, i) => createAddress(keys.own, BigInt(i)))));
    const found = await Promise.all(addresses.map((address) => service.get(address)));
    assert.deepEqual(
      found.map(({ artifact }) => artifact?.name),
      names,
    );
    assert.equal(service.artifacts().count, 8);
  });
});

describe("the integrity of a contract", () => {
  it("hashes can be recomputed by anyone from account and artifact", async () => {
    const { engine, service } = openTestNode();
    const { address } = requireIncluded(await service.deploy(TOKEN));
    const view = await service.get(address);
    const snapshot = engine.snapshot();
    const account = snapshot.account(address);
    snapshot.done();
    assert.equal(view.storageRoot, account?.storageRoot);
    assert.equal(view.artifactHash, keccak256Hex(service.artifact(address)?.content ?? new Uint8Array(0)));
    const joined = new Uint8Array([...hexToBytes(view.stateHash), ...hexToBytes(view.artifactHash)]);
    assert.equal(view.integrityHash, keccak256Hex(joined));
    await service.execute(address, { function: "mint", params: { to: accountOf(2), amount: "1" } });
    const after = await service.get(address);
    assert.notEqual(after.stateHash, view.stateHash);
    assert.notEqual(after.integrityHash, view.integrityHash);
    assert.equal(after.artifactHash, view.artifactHash);
    assert.equal(after.entry.updateSequence, 2);
  });
});
