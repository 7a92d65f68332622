import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { counterpart, type ProcessNode, ProcessNodes, until } from "./process-node.ts";

const FAULTY = new URL("faulty-add.ts", import.meta.url);
const TOKEN = { contract_type: "token", name: "Coin", symbol: "C" };

const mint = (node: ProcessNode, address: string, amount: string) =>
  node.post(`contracts/${address}/execute`, { function: "mint", params: { to: node.account, amount } });
const headOf = async (node: ProcessNode) => JSON.stringify((await node.get("network")).body.head);
const connect = async (from: ProcessNode, to: ProcessNode): Promise<void> =>
  assert.equal((await from.post("network/connect", { address: to.p2p })).status, 200);
const bans = async (node: ProcessNode) => (await node.get("network/bans")).body.bans;
const metric = async ({ api }: ProcessNode, name: string): Promise<string | undefined> =>
  new RegExp(`^${name} (\\S+)$`, "m").exec(await (await fetch(`${api}/metrics`)).text())?.[1];
const readyCode = async (node: ProcessNode) => {
  const { status, body } = await node.get("ready");
  return status === 200 ? "ready" : body.code;
};
/** The one document of evidence that a node has. */
function evidenceOf({ dataDir }: ProcessNode): { path: string; document: Record<string, unknown> } {
  const [file, ...others] = readdirSync(join(dataDir, "divergence"));
  assert.deepEqual(others, []);
  const path = `divergence/${file}`;
  return { path, document: JSON.parse(readFileSync(join(dataDir, path), "utf8")) as Record<string, unknown> };
}

test("a node whose processor errs stops serving its state, says why everywhere, and serves again once it is sound", async () => {
  await using nodes = new ProcessNodes();
  const honest = await Promise.all(["a", "b", "c"].map((name) => nodes.start(name)));
  const [a, b, c] = honest as [ProcessNode, ProcessNode, ProcessNode];
  let faulty = await nodes.start("faulty", { preload: FAULTY });
  for (const [from, to] of [[b, a], [c, a], [c, b], ...honest.map((node) => [faulty, node])]) {
    await connect(from as ProcessNode, to as ProcessNode);
  }
  const { address } = (await a.post("contracts", TOKEN)).body as { address: string };
  assert.equal((await mint(a, address, "5")).status, 200);
  await until(async () => (await headOf(faulty)) === (await headOf(a)), "the faulty node follows as long as it can");
  assert.equal(await readyCode(faulty), "ready");
  assert.equal(await metric(faulty, "counterpart_diverged"), "0");
  const { head: lastGood } = (await faulty.get("network")).body;

  const { block_number: number, block_hash: hash } = (await mint(a, address, "4242")).body;
  await until(async () => (await readyCode(faulty)) === "DIVERGED", "it finds out");
  const { path, document } = evidenceOf(faulty);
  const refused = await faulty.get(`contracts/${address}/balance/${a.account}`);
  assert.deepEqual([refused.status, refused.body.code, refused.body.evidence], [503, "DIVERGED", path]);
  assert.equal((await mint(faulty, address, "1")).body.code, "DIVERGED");
  assert.equal((await faulty.get("health")).status, 200);
  const sync = (await faulty.get("network/sync")).body;
  const said = { block: { hash, number }, sealed_here: false, since: 0, evidence: path };
  assert.deepEqual({ ...(sync.divergence as object), since: 0 }, said);
  assert.equal(await metric(faulty, "counterpart_diverged"), "1");
  assert.equal(await metric(faulty, 'counterpart_disputed_blocks_total{verdict="diverged"}'), "1");
  const told = faulty.log.filter(({ msg }) => /^this node has diverged/.test(String(msg)));
  assert.deepEqual([told.length, told[0]?.evidence, told[0]?.number], [1, path, number]);
  assert.match((await counterpart("status", "--url", faulty.api)).text, new RegExp(`^DIVERGED .* block ${number}`));

  const { header, computed, peers, settled_at: open } = document as Record<string, Record<string, unknown>>;
  assert.notEqual(computed?.state_root, header?.state_root);
  assert.equal(computed?.parent_hash, header?.parent_hash);
  assert.equal((document.transactions as unknown[]).length, 1);
  assert.ok((peers as unknown as { stand: string }[]).filter(({ stand }) => stand === "holds").length >= 2);
  assert.equal(open, null);

  assert.equal((await mint(a, address, "7")).status, 200);
  await until(async () => new Set(await Promise.all(honest.map(headOf))).size === 1, "the others go on");
  for (const node of [...honest, faulty]) assert.deepEqual(await bans(node), []);
  for (const node of honest) assert.equal(await readyCode(node), "ready");
  assert.deepEqual((await faulty.get("network")).body.head, lastGood);

  assert.equal(await faulty.stop(), 6);
  faulty = await nodes.start("faulty", { preload: FAULTY });
  assert.equal(await readyCode(faulty), "DIVERGED");
  assert.equal(await faulty.stop(), 6);

  const sound = await nodes.start("faulty");
  await until(async () => (await readyCode(sound)) === "ready", "the sound program executes the block");
  await until(async () => (await headOf(sound)) === (await headOf(a)), "it follows again");
  const balance = (node: ProcessNode) => node.get(`contracts/${address}/balance/${a.account}`);
  for (const node of [sound, a]) assert.equal((await balance(node)).body.balance, "4254");
  assert.equal(evidenceOf(sound).document.settlement, "executed");
  assert.equal(await sound.stop(), 0);
});

test("a node whose processor errs and that seals is banned by sound nodes, which go on, and says so itself", async () => {
  await using nodes = new ProcessNodes();
  const [a, b, faulty] = [
    await nodes.start("a"),
    await nodes.start("b"),
    await nodes.start("faulty", { preload: FAULTY }),
  ];
  for (const [from, to] of [
    [b, a],
    [faulty, a],
    [faulty, b],
  ] as const) {
    await connect(from, to);
  }
  const { address } = (await faulty.post("contracts", TOKEN)).body as { address: string };
  assert.equal((await mint(faulty, address, "4242")).status, 200);
  await until(
    async () => (await Promise.all([a, b].map(bans))).every((listed) => (listed as unknown[]).length === 1),
    "both ban the node that sealed it",
  );
  for (const node of [a, b]) {
    assert.equal(await readyCode(node), "ready");
    assert.ok(!existsSync(join(node.dataDir, "divergence")));
    assert.equal(await metric(node, 'counterpart_disputed_blocks_total{verdict="refused"}'), "1");
  }
  await until(async () => (await readyCode(faulty)) === "DIVERGED", "the node that sealed it finds out");
  // Either by their bans, or by a block of theirs in place of its own, whichever came first.
  const { block } = evidenceOf(faulty).document as { block: { number: number } };
  assert.equal(block.number, 2);
  assert.equal(await faulty.stop(), 6);
});
