/** The largest things that the rules allow pass between honest nodes, and nobody complains. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "viem";
import { allAgree, connect, eventually, execute, type TestNode } from "../network/nodes.ts";
import { compile } from "../network/solidity.ts";
import { assertNoComplaints, NodeProcesses } from "./node-process.ts";
import { createTransfers, putArtifact } from "./workload.ts";

const CODE_BYTES_MAX = 24_576;
const DATA_BYTES = 130_000;
/** Six of them do not fit into one block of 768 KiB. */
const LARGE_TRANSACTIONS = 12;
const SLOTS = 10_000;
const SLOTS_A_CALL = 500;

const slots = compile(
  "Slots",
  `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;
contract Slots {
    mapping(uint256 => uint256) public at;
    uint256 public count;
    function fill(uint256 more) external {
        uint256 next = count;
        for (uint256 i = next; i < next + more; i++) at[i] = i + 1;
        count = next + more;
    }
}`,
);

/** Init code whose result is so many zero bytes of code. */
const zeroCode = (bytes: number): Hex => `0x61${bytes.toString(16).padStart(4, "0")}5ff3`;

async function deploy(node: TestNode, fields: Record<string, unknown>): Promise<string> {
  const { status, body } = await node.post("contracts", { contract_type: "custom", abi: [], ...fields });
  assert.equal(status, 201, JSON.stringify(body));
  return body.address as string;
}

async function fillSlots(node: TestNode): Promise<string> {
  const address = await deploy(node, { name: "Slots", abi: slots.abi, bytecode: slots.bytecode });
  for (let filled = 0; filled < SLOTS; filled += SLOTS_A_CALL) {
    const reply = await execute(node, address, { function: "fill", params: [SLOTS_A_CALL] });
    assert.equal(reply.body.status, "success", JSON.stringify(reply.body));
  }
  return address;
}

/** Sent at once, so that blocks are as full as they may be. */
async function sendLarge(node: TestNode, count: number): Promise<readonly string[]> {
  const transfers = createTransfers(1, 1);
  const replies = [];
  for (let i = 0; i < count; i++) replies.push(transfers.send(node, DATA_BYTES));
  return (await Promise.all(replies)).map(({ status, body }) => {
    assert.ok(status === 200 || status === 202, JSON.stringify(body));
    return body.hash as string;
  });
}

for (const order of ["before they meet", "while they are connected"] as const) {
  test(`the largest transactions, code, storage and artifact made ${order} arrive whole`, async () => {
    await using processes = new NodeProcesses();
    const [one, two] = await Promise.all([processes.start("one"), processes.start("two")]);
    if (order === "while they are connected") await connect(two, one);
    const large = await deploy(one, { name: "Large", bytecode: zeroCode(CODE_BYTES_MAX) });
    const filled = await fillSlots(one);
    const hashes = await sendLarge(one, LARGE_TRANSACTIONS);
    const abi = Array.from({ length: 2_200 }, (_, i) => ({
      type: "function",
      name: `function_with_a_long_name_number_${i}`,
      inputs: [],
      outputs: [],
      stateMutability: "view",
    }));
    const published = await putArtifact(one, large, "x".repeat(100), { abi });
    assert.equal(published.status, 200, JSON.stringify(published.body));
    if (order === "before they meet") await connect(two, one);
    await allAgree([one, two]);
    for (const hash of hashes) {
      await eventually(async () => assert.equal((await two.get(`transactions/${hash}`)).body.status, "included"));
    }
    await allAgree([one, two]);
    const count = await two.post(`contracts/${filled}/call`, { function: "count" });
    assert.equal(count.body.result, String(SLOTS));
    const there = (await two.get(`contracts/${large}`)).body;
    assert.equal((there.abi as readonly unknown[]).length, abi.length);
    assertNoComplaints([one, two]);
  });
}
