import assert from "node:assert/strict";
import { test } from "node:test";
import { allAgree, balance, connect, deployToken, execute, Nodes, type TestNode } from "./nodes.ts";
import { createRandom } from "./random.ts";

async function grantMinters(owner: TestNode, address: string, others: readonly TestNode[]): Promise<void> {
  const role = (await owner.post(`contracts/${address}/call`, { function: "MINTER_ROLE" })).body.result;
  for (const { account } of others) {
    const reply = await execute(owner, address, { function: "grantRole", params: { role, account } });
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
  }
}

/** Mints to its own account on its own node, so that the balance tells what became of what was acknowledged. */
async function mintOwn(node: TestNode, address: string): Promise<void> {
  const call = { function: "mint", params: { to: node.account, amount: 1 }, from: node.account };
  const reply = await execute(node, address, call);
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
}

for (const seed of [1, 2, 3]) {
  test(`three nodes that mint while their links come and go lose nothing and agree (seed ${seed})`, async () => {
    await using nodes = new Nodes();
    const all = [await nodes.start("one"), await nodes.start("two"), await nodes.start("three")];
    const [one, two, three] = all as [TestNode, TestNode, TestNode];
    const address = await deployToken(one, { cap: "1000000" });
    await grantMinters(one, address, [two, three]);
    await connect(two, one);
    await connect(three, two);
    await allAgree(all);

    const random = createRandom(seed);
    const pick = (): TestNode => all[random(3)] as TestNode;
    const minted = new Map(all.map((node) => [node, 0]));
    for (let round = 0; round < 12; round++) {
      const [from, to] = [pick(), pick()];
      if (random(2) === 0) await from.post("network/disconnect", {});
      else if (from !== to) await connect(from, to);
      const busy = all.filter(() => random(3) > 0);
      await Promise.all(busy.map((node) => mintOwn(node, address)));
      for (const node of busy) minted.set(node, (minted.get(node) ?? 0) + 1);
    }

    await connect(two, one);
    await connect(three, two);
    await allAgree(all);
    for (const reader of all) {
      for (const [node, count] of minted) assert.equal(await balance(reader, address, node.account), String(count));
    }
  });
}
