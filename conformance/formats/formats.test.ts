/** Databases that older versions wrote: opened by this one, with everything that was in them. */

import assert from "node:assert/strict";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Hex } from "@counterpart/core/base/bytes";
import { bytesToHex, utf8ToBytes } from "@counterpart/core/base/bytes";
import { DEV_GENESIS } from "@counterpart/core/chain/genesis";
import { verifyStore } from "../../packages/node/src/contracts/verify-store.ts";
import { openLmdbStore } from "../../packages/node/src/store/lmdb-store.ts";
import { FORMAT_VERSION } from "../../packages/node/src/store/migrations.ts";
import { startNode, type TestNode } from "../network/nodes.ts";

/** What the API said when the file was made. */
interface Facts {
  readonly head: { readonly hash: Hex; readonly number: number };
  readonly contracts: readonly Readonly<Record<string, unknown>>[];
  readonly transactions: Readonly<Record<Hex, Readonly<Record<string, unknown>>>>;
  readonly peers: readonly string[];
  /** A token, and what was read of the state while each of these blocks was the head. */
  readonly token?: Hex;
  /** Every log of the chain. */
  readonly logs?: readonly Readonly<Record<string, unknown>>[];
  readonly states?: readonly { block: number; token: string; balance: Hex; nonce: Hex }[];
}

const HOLDER = "0x00000000000000000000000000000000000000bb";
const PAID = "0x00000000000000000000000000000000000000aa";
const UNTIL_MS = 20_000;

const folder = import.meta.dirname;
const files = globSync("format-*.mdb.gz", { cwd: folder });

function unpack(file: string, into: string): string {
  mkdirSync(into, { recursive: true });
  const path = join(into, "chain.mdb");
  writeFileSync(path, gunzipSync(readFileSync(join(folder, file))));
  return path;
}

async function checkFacts(node: TestNode, facts: Facts): Promise<void> {
  assert.deepEqual((await node.get("network")).body.head, facts.head);
  const { contracts } = (await node.get("contracts")).body as unknown as Facts;
  for (const expected of facts.contracts) {
    const held = contracts.find(({ address }) => address === expected.address);
    assert.partialDeepStrictEqual(held, expected);
  }
  assert.equal(contracts.length, facts.contracts.length);
  for (const [hash, expected] of Object.entries(facts.transactions)) {
    assert.partialDeepStrictEqual((await node.get(`transactions/${hash}`)).body, expected, hash);
  }
  const { peers } = (await node.get("network/peers")).body as { peers: { address: string }[] };
  assert.deepEqual(
    peers.map(({ address }) => address),
    facts.peers,
  );
}

async function rpc(node: TestNode, method: string, ...params: readonly unknown[]): Promise<unknown> {
  const response = await fetch(node.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  return ((await response.json()) as { result?: unknown }).result;
}

/** Older formats kept no history of states: a node makes it, while it runs, from what they kept of every block. */
async function checkStates(node: TestNode, { states = [], token, contracts }: Facts): Promise<void> {
  const end = Date.now() + UNTIL_MS;
  while ((await rpc(node, "eth_getBalance", PAID, "0x0")) !== "0x0") assert.ok(Date.now() < end, "no history is made");
  const owner = contracts.find(({ address }) => address === token)?.owner;
  const data = `0x70a08231${HOLDER.slice(2).padStart(64, "0")}`;
  for (const { block, token: held, balance, nonce } of states) {
    const at = `0x${block.toString(16)}`;
    assert.equal(Number(await rpc(node, "eth_call", { to: token, data }, at)), Number(held));
    assert.equal(await rpc(node, "eth_getBalance", PAID, at), balance);
    assert.equal(await rpc(node, "eth_getTransactionCount", owner, at), nonce);
  }
}

/** Older formats had no index of logs: what is found does not depend on how much of it a node has made. */
async function checkLogs(node: TestNode, { logs = [] }: Facts): Promise<void> {
  for (const log of logs) {
    const { address, topics, blockNumber } = log;
    const found = (await rpc(node, "eth_getLogs", {
      address,
      topics,
      fromBlock: "0x0",
      toBlock: "latest",
    })) as unknown[];
    assert.partialDeepStrictEqual(
      found.find((one) => (one as typeof log).blockNumber === blockNumber),
      log,
    );
  }
  if (logs.length > 0) assert.deepEqual(await rpc(node, "eth_getLogs", { fromBlock: "0x0" }), logs);
}

function checkWhole(path: string, options: Parameters<typeof openLmdbStore>[1]): Promise<void> {
  const store = openLmdbStore(path, options);
  const genesisHash = bytesToHex(store.get("meta", utf8ToBytes("genesis")) ?? new Uint8Array(0));
  const { chainId, signers } = DEV_GENESIS;
  const results = verifyStore(store, { chainId, signers, genesisHash });
  assert.deepEqual(
    results.flatMap(({ faults }) => faults),
    [],
  );
  return store.close();
}

test("there is a database of every older format", () => {
  const formats = files.map((file) => Number(/\d+/.exec(file)?.[0])).sort((a, b) => a - b);
  assert.deepEqual(
    formats,
    Array.from({ length: FORMAT_VERSION - 1 }, (_, at) => at + 1),
  );
});

for (const file of files) {
  const name = basename(file, ".mdb.gz");
  test(`${name} opens with its chain, contracts, transactions and peers, and is whole`, async () => {
    const data = mkdtempSync(join(tmpdir(), "counterpart-format-"));
    try {
      const facts = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Facts;
      const path = unpack(file, data);
      const versions: unknown[] = [];
      await checkWhole(path, { onMigrated: (found) => versions.push(found) });
      assert.deepEqual(versions, [{ from: Number(name.slice("format-".length)), to: FORMAT_VERSION }]);
      const node = await startNode(data);
      await checkFacts(node, facts);
      await checkLogs(node, facts);
      await checkStates(node, facts);
      await checkLogs(node, facts);
      await node.stop();
      await checkWhole(path, { migrates: false });
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  });
}
