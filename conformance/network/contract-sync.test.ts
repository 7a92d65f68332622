import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { allAgree, balance, connect, deployToken, eventually, execute, mint, Nodes, type TestNode } from "./nodes.ts";

const hasContract = async (node: TestNode, address: string): Promise<boolean> =>
  (await node.get(`contracts/${address}`)).status === 200;

describe("connecting", () => {
  test("what only the dialled node had is on both, with name, owner and the same integrity hash", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    const two = await nodes.start("two");
    const address = await deployToken(one);
    assert.equal(await hasContract(two, address), false);
    const result = await connect(two, one);
    assert.equal(result.status, "synced");
    assert.equal(result.blocks_synced, 1);
    assert.equal(result.contracts_synced, 1);
    const [here, there] = [await one.get(`contracts/${address}`), await two.get(`contracts/${address}`)];
    assert.deepEqual(there.body, here.body);
    assert.equal(there.body.name, "TestToken");
    assert.equal(String(there.body.owner).toLowerCase(), one.account);
  });

  test("what only the dialling node had is on both as well", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    const two = await nodes.start("two");
    const address = await deployToken(two);
    await connect(two, one);
    assert.deepEqual((await one.get(`contracts/${address}`)).body, (await two.get(`contracts/${address}`)).body);
  });

  test("connecting again to a node that already agrees counts nothing as new", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    const two = await nodes.start("two");
    await deployToken(one);
    await connect(two, one);
    const again = await connect(two, one);
    assert.deepEqual([again.status, again.blocks_synced, again.contracts_synced], ["synced", 0, 0]);
  });

  test("both had contracts: the union is on both, every contract at the address it had", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    const two = await nodes.start("two");
    const here = await deployToken(one, { name: "Here" });
    const alsoHere = await deployToken(one, { name: "AlsoHere" });
    const there = await deployToken(two, { name: "There" });
    await mint(two, there, two.account, "7");
    assert.equal((await connect(two, one)).contracts_synced, 2);
    const view = await allAgree([one, two]);
    assert.deepEqual(Object.keys(view.contracts).sort(), [here, alsoHere, there].sort());
    for (const node of [one, two]) {
      assert.equal(await balance(node, there, two.account), "7");
      assert.equal((await node.get(`contracts/${here}`)).body.name, "Here");
      assert.equal((await node.get(`contracts/${there}`)).body.name, "There");
    }
  });

  test("three nodes in a line end with everything everywhere, and hear of every later change", async () => {
    await using nodes = new Nodes();
    const line = [await nodes.start("one"), await nodes.start("two"), await nodes.start("three")] as const;
    const [one, two, three] = line;
    const addresses: string[] = [];
    for (const node of line) addresses.push(await deployToken(node));
    await connect(two, one);
    await connect(two, three);
    const view = await allAgree(line);
    assert.deepEqual(Object.keys(view.contracts).sort(), addresses.sort());
    const late = await deployToken(three, { name: "Late" });
    await mint(three, late, one.account, "42");
    await eventually(async () => assert.equal(await balance(one, late, one.account), "42"));
    assert.equal((await one.get(`contracts/${late}`)).body.name, "Late");
  });
});

describe("after connecting", () => {
  test("a deployment and an execution on one node show on the other without being asked for", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    const two = await nodes.start("two");
    await connect(two, one);
    const address = await deployToken(one);
    await eventually(async () => assert.equal(await hasContract(two, address), true));
    await mint(one, address, two.account, "1000");
    await eventually(async () => assert.equal(await balance(two, address, two.account), "1000"));
    const changed = await two.get(`contracts/${address}`);
    assert.equal(changed.body.update_sequence, 2);
    assert.equal(changed.body.total_supply, "1000");
  });

  test("a node whose peer is gone still answers everything, also after a restart", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    const two = await nodes.start("two");
    const address = await deployToken(one);
    await mint(one, address, one.account, "5");
    await connect(two, one);
    const before = await two.get(`contracts/${address}`);
    await nodes.stop(one);
    assert.equal(await balance(two, address, one.account), "5");
    await nodes.stop(two);
    const again = await nodes.start("two");
    const { confirmations: _, ...stays } = before.body;
    const { confirmations: __, ...now } = (await again.get(`contracts/${address}`)).body;
    assert.deepEqual(now, stays);
    assert.equal(await balance(again, address, one.account), "5");
    await deployToken(again, { name: "Alone" });
  });

  test("a node that was away finds its peer again by itself and catches up", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    const two = await nodes.start("two");
    await connect(two, one);
    await nodes.stop(two);
    const address = await deployToken(one);
    const again = await nodes.start("two");
    await eventually(async () => assert.equal(await hasContract(again, address), true));
    await allAgree([one, again]);
  });
});

/** A token of node one that node two's account may mint as well. */
async function sharedToken(one: TestNode, two: TestNode): Promise<string> {
  const address = await deployToken(one);
  const role = await one.post(`contracts/${address}/call`, { function: "MINTER_ROLE" });
  const granted = await execute(one, address, {
    function: "grantRole",
    params: { role: role.body.result, account: two.account },
  });
  assert.equal(granted.status, 200, JSON.stringify(granted.body));
  await connect(two, one);
  await allAgree([one, two]);
  return address;
}

const mintFromHere = (node: TestNode, address: string, to: string, amount: string) =>
  execute(node, address, { function: "mint", params: { to, amount }, from: node.account });

describe("two accounts on two nodes mint on one contract", () => {
  test("at the same moment while connected: both mints survive on both nodes", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    const two = await nodes.start("two");
    const address = await sharedToken(one, two);
    for (let round = 1; round <= 5; round++) {
      const replies = await Promise.all([
        mintFromHere(one, address, one.account, "100"),
        mintFromHere(two, address, two.account, "23"),
      ]);
      for (const reply of replies) assert.equal(reply.status, 200, JSON.stringify(reply.body));
      await allAgree([one, two]);
      for (const node of [one, two]) {
        assert.equal(await balance(node, address, one.account), `${100 * round}`);
        assert.equal(await balance(node, address, two.account), `${23 * round}`);
      }
    }
  });

  test("while apart: both mints survive when they meet again", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    const two = await nodes.start("two");
    const address = await sharedToken(one, two);
    assert.equal((await two.post("network/disconnect", {})).status, 200);
    assert.equal((await mintFromHere(one, address, one.account, "100")).status, 200);
    assert.equal((await mintFromHere(two, address, two.account, "23")).status, 200);
    assert.equal((await mintFromHere(two, address, two.account, "1")).status, 200);
    await connect(one, two);
    await allAgree([one, two]);
    for (const node of [one, two]) {
      assert.equal(await balance(node, address, one.account), "100");
      assert.equal(await balance(node, address, two.account), "24");
    }
  });
});
