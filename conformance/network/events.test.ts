import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEther } from "viem";
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { Listener } from "./event-listener.ts";
import { connect, eventually, Nodes, type TestNode } from "./nodes.ts";

/** Development accounts, which the default genesis funds. */
const [alice, bob, carol] = [
  "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
  "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
  "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
].map((key) => privateKeyToAccount(key as `0x${string}`)) as [PrivateKeyAccount, PrivateKeyAccount, PrivateKeyAccount];
const nobody = "0x00000000000000000000000000000000000000aa";

const STATUS_AFTER: Readonly<Record<string, string>> = {
  "transaction.pending": "pending",
  "transaction.reorged": "pending",
  "transaction.included": "included",
  "transaction.conflicted": "conflicted",
};

async function send(node: TestNode, from: PrivateKeyAccount, nonce: number, to = nobody, value = 1n): Promise<string> {
  const fees = { maxFeePerGas: 0n, maxPriorityFeePerGas: 0n };
  const raw = await from.signTransaction({
    ...{ type: "eip1559", chainId: 31_337, nonce, to: to as `0x${string}`, value, gas: 21_000n },
    ...fees,
  });
  const { status, body } = await node.post("transactions", { raw });
  assert.ok(status === 202 || status === 200, JSON.stringify(body));
  return body.hash as string;
}

async function included(node: TestNode, hash: string): Promise<void> {
  await eventually(async () => {
    assert.equal((await node.get(`transactions/${hash}`)).body.status, "included", hash);
  });
}

test("after a reorganisation events and reads agree on what became of every acknowledged transaction", async () => {
  await using nodes = new Nodes();
  const loser = await nodes.start("loser");
  const winner = await nodes.start("winner");
  await using heardByLoser = await Listener.to(loser);
  await using heardByWinner = await Listener.to(winner);
  const fresh = privateKeyToAccount(generatePrivateKey());

  // One block each, so that the other chain is the longer one.
  const lost = await send(loser, alice, 0, fresh.address, parseEther("1"));
  await included(loser, lost);
  const followers = [await send(loser, alice, 1), await send(loser, alice, 2)];
  const unfunded = await send(loser, fresh, 0);
  const unrelated = await send(loser, bob, 0);
  for (const hash of [...followers, unfunded, unrelated]) await included(loser, hash);
  const won = await send(winner, alice, 0);
  const others: string[] = [];
  for (let nonce = 0; nonce < 8; nonce++) {
    others.push(await send(winner, carol, nonce));
    await included(winner, others.at(-1) as string);
  }

  const { number: winnersHeight } = (await winner.get("blocks/latest")).body as { readonly number: number };
  await connect(loser, winner);
  for (const hash of [won, ...others, ...followers, unrelated]) {
    await included(loser, hash);
    await included(winner, hash);
  }
  const conflicted = (await loser.get(`transactions/${lost}`)).body;
  assert.deepEqual([conflicted.status, conflicted.conflicted_by], ["conflicted", won]);
  const waiting = (await loser.get(`transactions/${unfunded}`)).body;
  assert.deepEqual([waiting.status, waiting.reason], ["pending", "INSUFFICIENT_FUNDS"]);

  const acknowledged: [Listener, TestNode, string[]][] = [
    [heardByLoser, loser, [lost, ...followers, unfunded, unrelated]],
    [heardByWinner, winner, [won, ...others]],
  ];
  for (const [listener, node, hashes] of acknowledged) {
    for (const hash of hashes) {
      await eventually(async () => {
        const last = listener.about(hash).at(-1);
        const { body } = await node.get(`transactions/${hash}`);
        assert.equal(STATUS_AFTER[last?.type ?? ""], body.status, `${hash}: ${JSON.stringify(last)}`);
        assert.equal(last?.data.block_hash ?? null, body.block_hash);
        assert.equal(last?.data.conflicted_by ?? null, body.conflicted_by);
      });
    }
  }
  const typesOf = (hash: string): string[] => heardByLoser.about(hash).map(({ type }) => type);
  assert.deepEqual(typesOf(lost).slice(-2), ["transaction.included", "transaction.conflicted"]);
  assert.deepEqual(typesOf(unfunded).slice(-2), ["transaction.included", "transaction.reorged"]);
  assert.deepEqual(typesOf(unrelated).slice(-3), [
    "transaction.included",
    "transaction.reorged",
    "transaction.included",
  ]);
  const kinds = new Set(heardByLoser.heard.map(({ type }) => type));
  for (const kind of ["block.reorged", "peer.connected", "peer.synced"]) assert.ok(kinds.has(kind), kind);
  // Those that both may have sealed at the same moment, of what came back, are later ones.
  const lostByWinner = heardByWinner.heard.filter(({ type }) => type === "block.reorged");
  assert.ok(lostByWinner.every(({ data }) => Number(data.number) > winnersHeight));
});
