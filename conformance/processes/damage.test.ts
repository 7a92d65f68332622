import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import { open } from "lmdb";
import { counterpart, type ProcessNode, ProcessNodes, until } from "./process-node.ts";

const TOKEN = { contract_type: "token", name: "Coin", symbol: "C" };

async function deploy(node: ProcessNode): Promise<Hex> {
  const { status, body } = await node.post("contracts", TOKEN);
  assert.equal(status, 201, JSON.stringify(body));
  return body.address as Hex;
}

const mint = (node: ProcessNode, address: Hex) =>
  node.post(`contracts/${address}/execute`, { function: "mint", params: { to: node.account, amount: "5" } });
const balance = (node: ProcessNode, address: Hex) => node.get(`contracts/${address}/balance/${node.account}`);
const headOf = async (node: ProcessNode) => JSON.stringify((await node.get("network")).body.head);

/** Flips a bit in every row of a contract's storage, under a node that has the database open. */
async function damageStorage({ dataDir }: ProcessNode, address: Hex): Promise<void> {
  const isLogged = (): boolean => readdirSync(dataDir).some((name) => name.startsWith("chain.mdb-log-"));
  await until(async () => !isLogged(), "the database has what was written");
  const options = { keyEncoding: "binary", encoding: "binary" } as const;
  const root = open({ path: join(dataDir, "chain.mdb"), maxDbs: 64, overlappingSync: false, ...options });
  const storage = root.openDB<Uint8Array, Uint8Array>({ name: "storage", ...options });
  const start = keccak256(hexToBytes(address));
  const rows = [...storage.getRange({ start })].filter(({ key }) => start.every((byte, at) => key[at] === byte));
  assert.ok(rows.length > 0);
  for (const { key, value } of rows) storage.putSync(key, new Uint8Array(value).with(0, (value[0] ?? 0) ^ 1));
  await root.close();
}

/** What the operator is told. */
const told = ({ log }: ProcessNode) => log.filter(({ msg }) => /^the database is damaged: row/.test(String(msg)));

test("a node that comes upon damage says so, reads on where it can, and builds nothing on it", async () => {
  await using nodes = new ProcessNodes();
  const [peer, one] = [await nodes.start("peer"), await nodes.start("one")];
  const [bad, good] = [await deploy(one), await deploy(one)];
  for (const address of [bad, good]) assert.equal((await mint(one, address)).status, 200);
  assert.equal((await one.post("network/connect", { address: peer.p2p })).status, 200);
  const head = await headOf(one);
  assert.equal((await one.get("ready")).status, 200);

  await damageStorage(one, bad);
  const refused = await balance(one, bad);
  assert.deepEqual([refused.status, refused.body.code, refused.body.table], [500, "STORE_CORRUPT", "storage"]);
  const ready = await one.get("ready");
  assert.deepEqual([ready.status, ready.body.code], [500, "STORE_CORRUPT"]);
  assert.equal((await one.get("health")).status, 200);
  assert.equal((await balance(one, good)).body.balance, "5");

  for (const address of [bad, good]) {
    const { status, body } = await mint(one, address);
    assert.deepEqual([status, body.code], [500, "STORE_CORRUPT"]);
  }
  await deploy(peer);
  await until(async () => one.log.some(({ msg }) => msg === "block sync stalled"), "it tried to follow its peer");
  assert.equal(await headOf(one), head);
  assert.equal((await balance(one, good)).body.balance, "5");
  assert.equal(told(one).length, 1);
  assert.match(
    String(told(one)[0]?.msg),
    /of table storage fails its checksum; this node writes nothing more, .* backup/,
  );
  assert.ok(one.log.every(({ msg }) => msg !== "a peer is at fault"));
  await one.stop();
  assert.equal((await counterpart("db", "verify", "--data-dir", one.dataDir)).code, 4);
});

test("a node that comes upon damage while it executes a peer's block does not take the block, nor blame the peer", async () => {
  await using nodes = new ProcessNodes();
  const [peer, one] = [await nodes.start("peer"), await nodes.start("one")];
  assert.equal((await one.post("network/connect", { address: peer.p2p })).status, 200);
  const address = await deploy(peer);
  assert.equal((await mint(peer, address)).status, 200);
  await until(async () => (await headOf(one)) === (await headOf(peer)), "both have the same head");
  const head = await headOf(one);
  await damageStorage(one, address);
  assert.equal((await mint(peer, address)).status, 200);
  await until(async () => told(one).length > 0, "the operator is told");
  assert.equal((await one.get("ready")).body.code, "STORE_CORRUPT");
  assert.equal(await headOf(one), head);
  assert.ok(one.log.every(({ msg }) => msg !== "a peer is at fault" && msg !== "sealed a block"));
  // The peer has lost nothing, and nobody by it.
  assert.equal((await balance(peer, address)).status, 200);
});
