/** Requests that a caller sends again because the answer was lost: they act once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { balance, deployToken, Nodes, type Reply, type TestNode } from "./nodes.ts";

const WALLET = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

async function mintOnce(node: TestNode, address: string, key: string, amount: string): Promise<Reply> {
  const response = await fetch(`${node.url}/api/v1/contracts/${address}/execute`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify({ function: "mint", params: { to: WALLET, amount } }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test("a mint that is repeated with its key mints once: at the same time, later, and after a restart", async () => {
  await using nodes = new Nodes();
  const node = await nodes.start("one");
  const address = await deployToken(node);
  const together = await Promise.all(Array.from({ length: 20 }, () => mintOnce(node, address, "pay", "10")));
  for (const { status, body } of together) assert.equal(status, 200, JSON.stringify(body));
  assert.equal(new Set(together.map(({ body }) => body.transaction_hash)).size, 1);
  assert.equal(await balance(node, address, WALLET), "10");
  await nodes.stop(node);
  const again = await nodes.start("one");
  const repeated = await mintOnce(again, address, "pay", "10");
  assert.deepEqual([repeated.status, repeated.body], [200, together[0]?.body]);
  assert.equal(await balance(again, address, WALLET), "10");
  const other = await mintOnce(again, address, "pay", "11");
  assert.deepEqual([other.status, other.body.code], [422, "IDEMPOTENCY_KEY_REUSED"]);
  assert.equal(other.body.transaction_hash, repeated.body.transaction_hash);
  assert.equal(await balance(again, address, WALLET), "10");
});
