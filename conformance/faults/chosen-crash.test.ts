import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../network/nodes.ts";
import { NodeProcesses } from "./node-process.ts";

const TOKEN = { contract_type: "token", symbol: "TEST", decimals: 18 };

test("what a replica was told to hold while nobody could give it is there after a crash, at a head that stands still", async () => {
  await using processes = new NodeProcesses();
  const full = await processes.start("full");
  const deploy = async (name: string): Promise<string> => {
    const { status, body } = await full.post("contracts", { ...TOKEN, name });
    assert.equal(status, 201);
    return body.address as string;
  };
  const [first, second] = [await deploy("First"), await deploy("Second")];
  const { body: before } = await full.get(`contracts/${second}`);
  const flags = { role: "replica", contracts: first, "allow-uncertified": true as const };
  const replica = await processes.start("replica", { ...flags, peer: full.p2p });
  await eventually(async () => assert.equal((await replica.get(`contracts/${first}`)).status, 200));
  await full.kill();
  const chosen = await fetch(`${replica.url}/api/v1/replica/contracts/${second}`, { method: "PUT" });
  assert.equal(chosen.status, 202);
  await replica.kill();

  const again = await processes.start("full");
  const restarted = await processes.start("replica", { ...flags, peer: again.p2p });
  await eventually(async () => {
    const { body } = await restarted.get(`contracts/${second}`);
    assert.equal(body.integrity_hash, before.integrity_hash);
    assert.equal(body.name, "Second");
  });
  assert.deepEqual((await again.get("network")).body.head, (await restarted.get("network")).body.head);
});
