import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { openLmdbStore } from "../../packages/node/src/store/lmdb-store.ts";
import { FORMAT_VERSION } from "../../packages/node/src/store/migrations.ts";
import { counterpart, liftFileLimit, type ProcessNode, ProcessNodes, until } from "./process-node.ts";

const LAUNCHER = fileURLToPath(new URL("../../packages/node/bin/counterpart.mjs", import.meta.url));

const TOKEN = { contract_type: "token", name: "Coin", symbol: "C" };

async function deploy(node: ProcessNode): Promise<string> {
  const { status, body } = await node.post("contracts", TOKEN);
  assert.equal(status, 201, JSON.stringify(body));
  return body.address as string;
}

const mint = (node: ProcessNode, address: string, amount: string) =>
  node.post(`contracts/${address}/execute`, { function: "mint", params: { to: node.account, amount } });

async function integrity(node: ProcessNode, address: string): Promise<unknown> {
  return (await node.get(`contracts/${address}`)).body.integrity_hash;
}

test("a sound database is whole, and the check says what it looked at", async () => {
  await using nodes = new ProcessNodes();
  const node = await nodes.start("one");
  await deploy(node);
  assert.match((await counterpart("db", "verify", "--data-dir", node.dataDir)).text, /DATA_DIR_LOCKED/);
  await node.kill();
  const { code, text } = await counterpart("db", "verify", "--data-dir", node.dataDir);
  assert.equal(code, 0, text);
  assert.match(text, /ok {3}checksums: \d+ looked at/);
  assert.match(text, /ok {3}accounts: \d+ looked at/);
  assert.match(text, /is whole\n$/);
});

test("damage is named by table and row, with another exit code; a file that is no database ends no other way", async () => {
  await using nodes = new ProcessNodes();
  const node = await nodes.start("one");
  await deploy(node);
  await node.stop();
  const path = join(node.dataDir, "chain.mdb");
  const content = readFileSync(path);
  // The name of the token, in its artifact, its block and its storage, and wherever older pages still have it.
  const file = openSync(path, "r+");
  for (let at = content.indexOf("Coin"); at >= 0; at = content.indexOf("Coin", at + 1)) writeSync(file, "Kain", at);
  closeSync(file);
  const damaged = await counterpart("db", "verify", "--data-dir", node.dataDir);
  assert.equal(damaged.code, 4, damaged.text);
  assert.match(damaged.text, /BAD {2}checksums: \d+ looked at, \d+ faults?\n +\w+ 0x\w+…: the row fails its checksum/);
  truncateSync(path, 40_000);
  for (const args of [
    ["db", "verify"],
    ["start", "--api-port", "0", "--p2p-port", "0"],
  ]) {
    const { code, text } = await counterpart(...args, "--data-dir", node.dataDir);
    assert.equal(code, 4, text);
    assert.match(text, /^counterpart: the database \S+ is damaged .*: restore a backup, .* \(STORE_CORRUPT\)\n$/);
  }
});

test("a backup of a node that goes on writing is whole, and a restored node goes on from it and meets the others", async () => {
  await using nodes = new ProcessNodes();
  const one = await nodes.start("one");
  const address = await deploy(one);
  const to = join(nodes.folder, "backup");
  let writing = true;
  const writer = (async () => {
    while (writing) assert.equal((await mint(one, address, "1")).status, 200);
  })();
  const backup = await counterpart("db", "backup", "--data-dir", one.dataDir, "--to", to);
  writing = false;
  await writer;
  assert.equal(backup.code, 0, backup.text);
  assert.equal(statSync(join(to, "keys", "node.json")).mode & 0o777, 0o600);
  assert.match((await counterpart("db", "backup", "--data-dir", one.dataDir, "--to", to)).text, /is there already/);
  const restored = join(nodes.folder, "two");
  const { code, text } = await counterpart("db", "restore", "--from", to, "--data-dir", restored);
  assert.equal(code, 0, text);
  assert.match((await counterpart("db", "restore", "--from", to, "--data-dir", restored)).text, /is not empty/);
  await mint(one, address, "5");
  const two = await nodes.start("two");
  assert.equal(two.account, one.account);
  assert.notEqual((await two.get("version")).body.instance_id, (await one.get("version")).body.instance_id);
  // The peer identity came along with the keys; two nodes may not share it.
  await two.stop();
  await one.stop();
  const bare = join(nodes.folder, "bare");
  assert.equal((await counterpart("db", "backup", "--data-dir", restored, "--to", bare, "--no-keys")).code, 0);
  assert.equal(existsSync(join(bare, "keys")), false);
  const third = join(nodes.folder, "three");
  assert.equal((await counterpart("db", "restore", "--from", bare, "--data-dir", third)).code, 0);
  const [first, three] = [await nodes.start("one"), await nodes.start("three")];
  const { status, body } = await three.post("network/connect", { address: first.p2p });
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(await integrity(three, address), await integrity(first, address));
});

test("a folder on which a node has run since is restored with all that the node had acknowledged", async () => {
  await using nodes = new ProcessNodes();
  const one = await nodes.start("one");
  const address = await deploy(one);
  for (let n = 0; n < 5; n++) assert.equal((await mint(one, address, "1")).status, 200);
  const head = (await one.get("blocks/latest")).body.number;
  await one.kill();
  assert.ok(
    readdirSync(one.dataDir).some((name) => name.startsWith("chain.mdb-log-")),
    "it was killed before all of it was in the database",
  );
  const restored = await counterpart("db", "restore", "--from", one.dataDir, "--data-dir", join(nodes.folder, "two"));
  assert.equal(restored.code, 0, restored.text);
  const two = await nodes.start("two");
  assert.equal((await two.get("blocks/latest")).body.number, head);
});

test("a data directory with a genesis file, its backups and what is restored from them need no other", async () => {
  await using nodes = new ProcessNodes();
  const at = (name: string): string => join(nodes.folder, name);
  assert.equal((await counterpart("network", "create", at("net"), "--chain-id", "4242")).code, 0);
  const node = await nodes.start("net/node-1");
  assert.equal((await node.get("version")).body.chain_id, 4_242);
  const address = await deploy(node);
  const held = await integrity(node, address);
  chmodSync(join(node.dataDir, "genesis.json"), 0o444);
  const backup = ["db", "backup", "--data-dir", node.dataDir, "--to", at("copy")];
  assert.deepEqual(await counterpart(...backup), {
    code: 0,
    text: `${join(node.dataDir, "chain.mdb")} is copied to ${at("copy")}, with its keys\n`,
  });
  assert.equal(statSync(join(at("copy"), "genesis.json")).mode & 0o200, 0o200, "it is made anew");
  await node.stop();
  for (const dataDir of [node.dataDir, at("copy")]) {
    const { code, text } = await counterpart("db", "verify", "--data-dir", dataDir);
    assert.equal(code, 0, text);
  }
  const restore = ["db", "restore", "--from", at("copy"), "--data-dir", at("restored")];
  const { code, text } = await counterpart(...restore);
  assert.equal(code, 0, text);
  const restored = await nodes.start("restored");
  assert.equal(await integrity(restored, address), held);
  assert.equal((await mint(restored, address, "1")).status, 200);
  await restored.stop();

  const settings = JSON.parse((await counterpart("config", "print", "--data-dir", at("restored"), "--json")).text);
  const genesis = join(at("restored"), "genesis.json");
  assert.deepEqual(settings.settings.genesis, { value: genesis, source: "data-dir", origin: genesis });
  const other = at("other.json");
  writeFileSync(other, readFileSync(genesis, "utf8").replace("4242", "4243"));
  const verified = await counterpart("db", "verify", "--data-dir", at("restored"), "--genesis", other);
  assert.equal(verified.code, 2, verified.text);
  assert.match(verified.text, /is of another genesis, 0x\w{64} \(INVALID_GENESIS\)\n {2}give the genesis file/);
  const ports = ["--api-port", "0", "--p2p-port", "0"];
  const started = await counterpart("start", "--data-dir", at("restored"), "--genesis", other, ...ports);
  assert.match(started.text, /holds a chain with another genesis.*\(INVALID_GENESIS\)/);
  rmSync(join(at("copy"), "genesis.json"));
  const lacking = await counterpart("db", "verify", "--data-dir", at("copy"));
  assert.match(lacking.text, /INVALID_GENESIS/, "the development network's is another");
  const again = ["db", "restore", "--from", at("copy"), "--data-dir", at("again")];
  assert.equal((await counterpart(...again, "--genesis", genesis)).code, 0);
  assert.equal(readFileSync(join(at("again"), "genesis.json"), "utf8"), readFileSync(genesis, "utf8"));
  writeFileSync(genesis, "{");
  const broken = await counterpart("start", "--data-dir", at("restored"), ...ports);
  assert.equal(broken.code, 2, broken.text);
  assert.ok(broken.text.startsWith(`counterpart: ${genesis}: `), broken.text);
  rmSync(genesis);
  mkdirSync(genesis);
  const none = await counterpart("db", "backup", "--data-dir", at("restored"), "--to", at("none"));
  assert.equal(none.code, 4, none.text);
  assert.match(none.text, /genesis\.json cannot be copied: .*\(DATA_DIR_UNUSABLE\)/);
  assert.deepEqual(
    readdirSync(nodes.folder).filter((name) => name.startsWith("none")),
    [],
  );
});

test("a backup that is damaged is not restored, and leaves nothing behind", async () => {
  await using nodes = new ProcessNodes();
  const node = await nodes.start("one");
  await deploy(node);
  await node.stop();
  const to = join(nodes.folder, "backup");
  cpSync(node.dataDir, to, { recursive: true });
  truncateSync(join(to, "chain.mdb"), 20_000);
  const restored = join(nodes.folder, "two");
  assert.equal((await counterpart("db", "restore", "--from", to, "--data-dir", restored)).code, 4);
  assert.equal(existsSync(restored), false);
  assert.match(
    (await counterpart("db", "verify", "--data-dir", join(nodes.folder, "none"))).text,
    /there is no database in/,
  );
});

test("a database of an older format is neither checked nor copied, and not changed by either", async () => {
  await using nodes = new ProcessNodes();
  const dataDir = join(nodes.folder, "old");
  mkdirSync(dataDir);
  const old = gunzipSync(readFileSync(new URL("../formats/format-1.mdb.gz", import.meta.url)));
  writeFileSync(join(dataDir, "chain.mdb"), old);
  for (const args of [["verify"], ["backup", "--to", join(nodes.folder, "copy")]]) {
    const { code, text } = await counterpart("db", ...args, "--data-dir", dataDir);
    assert.equal(code, 4, text);
    assert.match(text, /STORE_VERSION/);
  }
  const found: unknown[] = [];
  const store = openLmdbStore(join(dataDir, "chain.mdb"), { onMigrated: (versions) => void found.push(versions) });
  await store.close();
  assert.deepEqual(found, [{ from: 1, to: FORMAT_VERSION }]);
  assert.equal(existsSync(join(nodes.folder, "copy")), false);
});

test("a first start that has no room for its database is refused in a sentence", async () => {
  await using nodes = new ProcessNodes();
  const dataDir = join(nodes.folder, "one");
  const args = [LAUNCHER, "start", "--data-dir", dataDir, "--api-port", "0", "--p2p-port", "0"];
  const limited = ["-c", 'ulimit -S -f 64; exec "$@"', "bash", process.execPath, ...args];
  const { status, stderr } = spawnSync("bash", limited, { encoding: "utf8", timeout: 60_000 });
  assert.equal(status, 4, stderr);
  assert.match(stderr, /^counterpart: there is no room to open the database [^\n]+ \(STORE_WRITE_FAILED\)\n$/);
  await (await nodes.start("one")).stop();
});

test("on a full disk reads go on and writes are refused; with room again everything goes on without a restart", async () => {
  await using nodes = new ProcessNodes();
  const peer = await nodes.start("peer");
  const one = await nodes.start("one", { fileKiBMax: 3_000 });
  assert.equal((await one.post("network/connect", { address: peer.p2p })).status, 200);
  const address = await deploy(one);
  const call = { function: "mint", params: { to: one.account, amount: "1" }, wait_ms: 500 };
  const execute = () => one.post(`contracts/${address}/execute`, call);
  const balance = async (node: ProcessNode) =>
    Number((await node.get(`contracts/${address}/balance/${one.account}`)).body.balance);
  // Whether the disk has room for a transaction and none for its block (202) or for neither (507): what was taken counts.
  let minted = 0;
  for (let status = 200; status === 200; ) {
    status = (await execute()).status;
    assert.ok([200, 202, 507].includes(status), `${status}`);
    if (status !== 507) minted++;
    assert.ok(minted < 5_000, "the disk did not get full");
  }
  const deployed: string[] = [];
  for (;;) {
    const { status, body } = await one.post("contracts", { ...TOKEN, wait_ms: 0 });
    if (status === 507) {
      assert.equal(body.code, "STORE_WRITE_FAILED");
      break;
    }
    assert.equal(status, 202, JSON.stringify(body));
    deployed.push(body.address as string);
    assert.ok(deployed.length < 500, "the disk did not get full");
  }
  assert.ok((await balance(one)) > 0, "reads go on");
  // What others write meanwhile cannot come in, and they are not blamed for it.
  for (let i = 0; i < 3; i++) await deploy(peer);
  liftFileLimit(one);
  await until(async () => (await balance(one)) === minted, "every mint that was taken is in a block, and nothing else");
  // With their artifacts, which say what they are called and are written after the blocks.
  const nameOf = async (taken: string) => (await one.get(`contracts/${taken}`)).body.name;
  for (const taken of deployed) await until(async () => (await nameOf(taken)) === TOKEN.name, taken);
  await until(async () => (await execute()).status === 200, "a mint is taken again");
  await until(async () => {
    const heads = await Promise.all([one, peer].map(async (node) => (await node.get("network")).body.head));
    return JSON.stringify(heads[0]) === JSON.stringify(heads[1]);
  }, "both have the same head");
  assert.equal(await balance(one), await balance(peer));
  assert.ok(one.log.every((entry) => entry.msg !== "a peer is at fault"));
  await one.stop();
  assert.equal((await counterpart("db", "verify", "--data-dir", one.dataDir)).code, 0);
});
