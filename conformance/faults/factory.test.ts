/** A contract that makes contracts, used on both sides of a partition. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { getContractAddress, getCreate2Address, type Hex, keccak256, numberToHex } from "viem";
import { allAgree, connect, eventually, execute, Nodes, type Reply, type TestNode } from "../network/nodes.ts";
import { compile } from "../network/solidity.ts";
import { putArtifact } from "./workload.ts";

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;
contract Child {
    uint256 public kind;
    address public maker;
    constructor(uint256 kind_, address maker_) { kind = kind_; maker = maker_; }
}
contract OtherChild {
    uint256 public kind;
    function other() external pure returns (bool) { return true; }
    constructor(uint256 kind_) { kind = kind_; }
}
contract Factory {
    event Made(address child, uint256 kind);
    function make(uint256 kind) external returns (address child) {
        child = kind % 2 == 0 ? address(new Child(kind, msg.sender)) : address(new OtherChild(kind));
        emit Made(child, kind);
    }
    function makeAt(uint256 kind, bytes32 salt) external returns (address child) {
        child = address(new OtherChild{salt: salt}(kind));
        emit Made(child, kind);
    }
}`;

const factory = compile("Factory", SOURCE);
const otherChild = compile("OtherChild", SOURCE);

async function deployFactory(node: TestNode): Promise<Hex> {
  const { abi, bytecode } = factory;
  const { status, body } = await node.post("contracts", { contract_type: "custom", name: "Factory", bytecode, abi });
  assert.equal(status, 201, JSON.stringify(body));
  return body.address as Hex;
}

interface Made {
  readonly hash: string;
  readonly child: string;
}

/** Where the child is according to the transaction as this node shows it. */
function childOf({ status, body }: Reply): string {
  assert.equal(status, 200, JSON.stringify(body));
  const [log] = body.logs as readonly { readonly args?: { readonly child: string }; readonly data: string }[];
  assert.ok(log !== undefined, JSON.stringify(body));
  return (log.args?.child ?? `0x${log.data.slice(26, 66)}`).toLowerCase();
}

async function make(node: TestNode, address: Hex, call: Record<string, unknown>): Promise<Made> {
  const reply = await execute(node, address, { ...call, from: node.account });
  return { hash: reply.body.transaction_hash as string, child: childOf(reply) };
}

const kindAt = async (node: TestNode, address: string): Promise<string> => {
  const data = keccak256(Buffer.from("kind()")).slice(0, 10);
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_call", params: [{ to: address, data }, "latest"] });
  const response = await fetch(node.url, { method: "POST", headers: { "content-type": "application/json" }, body });
  return BigInt(((await response.json()) as { readonly result: string }).result).toString();
};

/** Two nodes with the same factory, which no longer hear of each other. */
async function partitioned(nodes: Nodes): Promise<readonly [TestNode, TestNode, Hex]> {
  const [one, two] = [await nodes.start("one"), await nodes.start("two")];
  const address = await deployFactory(one);
  await connect(two, one);
  await allAgree([one, two]);
  assert.equal((await two.post("network/disconnect", {})).status, 200);
  return [one, two, address];
}

test("children that swap addresses in a merge have their own code, owner and artifact on every node", async () => {
  await using nodes = new Nodes();
  const [one, two, address] = await partitioned(nodes);
  const places = [1n, 2n].map((nonce) => getContractAddress({ from: address, nonce }).toLowerCase());
  const here = await make(one, address, { function: "make", params: { kind: 2 } });
  const there = await make(two, address, { function: "make", params: { kind: 3 } });
  assert.deepEqual([here.child, there.child], [places[0], places[0]]);
  assert.equal((await putArtifact(one, here.child, "ChildOfOne")).status, 200);
  assert.equal((await putArtifact(two, there.child, "ChildOfTwo")).status, 200);

  await connect(one, two);
  await allAgree([one, two]);
  const makers = [
    { made: here, kind: "2", owner: one.account, name: "ChildOfOne" },
    { made: there, kind: "3", owner: two.account, name: "ChildOfTwo" },
  ];
  const after = new Map<string, string>();
  for (const { made, kind, owner, name } of makers) {
    const child = childOf(await one.get(`transactions/${made.hash}`));
    after.set(name, child);
    for (const node of [one, two]) {
      const transaction = await node.get(`transactions/${made.hash}`);
      assert.equal(transaction.body.status, "included");
      assert.equal(childOf(transaction), child);
      assert.equal(await kindAt(node, child), kind);
      await eventually(async () => {
        const contract = (await node.get(`contracts/${child}`)).body;
        assert.equal(String(contract.owner).toLowerCase(), owner);
        // An artifact is signed for an address and its code: it follows the child only where it stayed.
        assert.equal(contract.name, child === made.child ? name : null);
      });
    }
  }
  assert.deepEqual([...after.values()].sort(), [...places].sort());
});

test("a child at an address that follows from its salt is one, made by whoever comes first", async () => {
  await using nodes = new Nodes();
  const [one, two, address] = await partitioned(nodes);
  const salt = numberToHex(7, { size: 32 });
  const initCode: Hex = `${otherChild.bytecode}${numberToHex(5, { size: 32 }).slice(2)}`;
  const place = getCreate2Address({ from: address, salt, bytecode: initCode }).toLowerCase();
  const call = { function: "makeAt", params: { kind: 5, salt } };
  const [here, there] = [await make(one, address, call), await make(two, address, call)];
  assert.deepEqual([here.child, there.child], [place, place]);
  assert.equal((await putArtifact(one, place, "OfOne")).status, 200);
  assert.equal((await putArtifact(two, place, "OfTwo")).status, 200);

  await connect(one, two);
  await allAgree([one, two]);
  const outcomes = await Promise.all([here, there].map(({ hash }) => one.get(`transactions/${hash}`)));
  assert.deepEqual(outcomes.map(({ body }) => body.execution).sort(), ["reverted", "success"]);
  const isOnes = outcomes[0]?.body.execution === "success";
  for (const node of [one, two]) {
    await eventually(async () => {
      const contract = (await node.get(`contracts/${place}`)).body;
      assert.equal(String(contract.owner).toLowerCase(), isOnes ? one.account : two.account);
      assert.equal(contract.name, isOnes ? "OfOne" : "OfTwo");
    });
    assert.equal(await kindAt(node, place), "5");
    for (const [at, { hash }] of [here, there].entries()) {
      assert.equal((await node.get(`transactions/${hash}`)).body.execution, outcomes[at]?.body.execution);
    }
  }
});
