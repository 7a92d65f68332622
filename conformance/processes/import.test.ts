/** A node on a chain that was imported, and an import that is killed. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bytesToHex, concatBytes } from "@counterpart/core/base/bytes";
import type { Content } from "@counterpart/core/consensus/foreign-chain.test-support";
import {
  BLOBS,
  BLOCKS,
  CONTRACT,
  GENESIS,
  GWEI,
  sealed,
  signed,
} from "../../packages/node/src/engine/imported.test-support.ts";
import { counterpart, type ProcessNode, ProcessNodes } from "./process-node.ts";

const LAUNCHER = fileURLToPath(new URL("../../packages/node/bin/counterpart.mjs", import.meta.url));

/** Folder, genesis file and file of blocks of a test. */
function scene(nodes: ProcessNodes, blocks: readonly Uint8Array[] = BLOCKS) {
  const [genesis, file] = [join(nodes.folder, "genesis.json"), join(nodes.folder, "chain.rlp")];
  writeFileSync(genesis, GENESIS);
  writeFileSync(file, concatBytes(...blocks));
  const dataDir = join(nodes.folder, "data");
  return { genesis, file, dataDir, args: ["--data-dir", dataDir] };
}

async function rpc(api: string, method: string, ...params: unknown[]): Promise<Record<string, unknown>> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const response = await fetch(api, { method: "POST", headers: { "content-type": "application/json" }, body });
  return (await response.json()) as Record<string, unknown>;
}

test("a node serves what was imported at every block, and changes nothing", async () => {
  await using nodes = new ProcessNodes();
  const { genesis, file, args } = scene(nodes);
  assert.equal((await counterpart("import", genesis, file, ...args)).code, 0);
  const node = await nodes.start("data", { flags: ["--genesis", genesis] });
  const { api } = node;
  const result = async (method: string, ...params: unknown[]) => (await rpc(api, method, ...params)).result;
  assert.equal(await result("eth_chainId"), "0x7");
  assert.equal(await result("eth_blockNumber"), "0x6");
  for (const number of [0, 1, 2, 3, 4, 5, 6].map((each) => `0x${each}`)) {
    const block = (await result("eth_getBlockByNumber", number, true)) as Record<string, unknown>;
    assert.equal(block.number, number);
    assert.equal("baseFeePerGas" in block, Number(number) >= 3);
    assert.equal("withdrawals" in block, Number(number) >= 4);
    assert.equal("requestsHash" in block, Number(number) >= 5);
    const value = await result("eth_getStorageAt", CONTRACT, "0x0", number);
    assert.equal(BigInt(value as string), Number(number) >= 2 ? 1n : 0n);
    const called = await result("eth_call", { to: CONTRACT }, number);
    assert.equal(BigInt(called === "0x" ? 0 : (called as string)), Number(number) >= 2 ? 1n : 0n);
    const proof = (await result("eth_getProof", CONTRACT, ["0x0"], number)) as { readonly balance: string };
    assert.equal(BigInt(proof.balance), Number(number) >= 4 ? 3n * GWEI : 0n);
  }
  const hashOf = async (number: string, index: number): Promise<string> => {
    const { transactions } = (await result("eth_getBlockByNumber", number, false)) as {
      readonly transactions: string[];
    };
    return transactions[index] as string;
  };
  const old = (await result("eth_getTransactionReceipt", await hashOf("0x1", 0))) as Record<string, unknown>;
  assert.deepEqual([typeof old.root, old.status, old.effectiveGasPrice], ["string", undefined, "0x77359400"]);
  const blob = (await result("eth_getTransactionReceipt", await hashOf("0x4", 0))) as Record<string, unknown>;
  assert.deepEqual([blob.type, blob.status, blob.blobGasUsed, blob.blobGasPrice], ["0x3", "0x1", "0x20000", "0x1"]);
  const transaction = (await result("eth_getTransactionByHash", await hashOf("0x4", 0))) as Record<string, unknown>;
  assert.deepEqual([transaction.blobVersionedHashes, transaction.maxFeePerBlobGas], [[BLOBS], "0x3b9aca00"]);
  const fees = (await result("eth_feeHistory", "0x6", "latest")) as Record<string, readonly string[]>;
  assert.deepEqual(
    fees.baseFeePerGas?.map((fee) => BigInt(fee) > 0n),
    [false, false, true, true, true, true, true],
  );
  assert.deepEqual(fees.baseFeePerBlobGas?.map(BigInt), [0n, 0n, 0n, 1n, 1n, 1n, 1n]);
  assert.deepEqual(fees.blobGasUsedRatio, [0, 0, 0, 1 / 6, 0, 0]);
  const { execution, gas_used: gasUsed } = (await node.get(`transactions/${await hashOf("0x1", 0)}`)).body;
  assert.deepEqual([execution, gasUsed], [null, 21_000]);
  assert.equal((await node.get("blocks/1")).body.base_fee_per_gas, "0");
  const listed = (await node.get("contracts")).body as { readonly contracts: readonly { readonly address: string }[] };
  assert.ok(listed.contracts.some(({ address }) => address.toLowerCase() === CONTRACT));
  await assertReadOnly(node);
  const status = await counterpart("status", "--url", api);
  assert.equal(status.code, 0);
  assert.match(status.text, /head {6}block 6/);
  const running = join(nodes.folder, "running.rlp");
  assert.equal((await counterpart("export", ...args, running)).code, 0);
  assert.deepEqual(new Uint8Array(readFileSync(running)), concatBytes(...BLOCKS));
  assert.equal(await node.stop(), 0);
  const peered = await counterpart("start", ...args, "--peer", "127.0.0.1:9");
  assert.equal(peered.code, 2);
  assert.match(peered.text, /--peer: the data directory holds an imported chain.*INVALID_CONFIG/);
});

/** Whatever would send something is refused by name. */
async function assertReadOnly({ api, get, post }: ProcessNode): Promise<void> {
  const raw = bytesToHex(signed(5, { chainId: 7n }));
  const refused = (await rpc(api, "eth_sendRawTransaction", raw)).error as { readonly message: string };
  assert.match(refused.message, /it seals nothing and takes no transactions/);
  const deployment = { contract_type: "custom", name: "x", contract: { abi: [], bytecode: "0x00" } };
  for (const [path, body] of [
    ["transactions", { raw }],
    ["network/connect", { address: "127.0.0.1:9" }],
  ] as const) {
    const reply = await post(path, body);
    assert.deepEqual([reply.status, reply.body.code], [409, "READ_ONLY"], path);
  }
  assert.ok((await post("contracts", deployment)).status >= 400);
  assert.equal((await get("ready")).status, 200);
  const { peers } = (await get("network/peers")).body as { readonly peers: readonly unknown[] };
  assert.equal(peers.length, 0);
}

test("an import that is killed goes on where it had come to", async () => {
  await using nodes = new ProcessNodes();
  const blocks = await sealed(Array.from({ length: 1_600 }, (): Content => ({})));
  const { genesis, file, args } = scene(nodes, blocks);
  const pipe = join(nodes.folder, "pipe");
  assert.equal(spawnSync("mkfifo", [pipe]).status, 0);
  const child = spawn(process.execPath, [LAUNCHER, "import", genesis, pipe, ...args, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const writer = createWriteStream(pipe);
  writer.on("error", () => {});
  // More than one write's worth of blocks, and then few, until it says that it is beyond them.
  writer.write(concatBytes(...blocks.slice(0, 1_100)));
  let next = 1_100;
  const feeding = setInterval(() => {
    if (next < blocks.length - 1) writer.write(blocks[next++] as Uint8Array);
    else child.kill("SIGKILL");
  }, 200);
  let reached = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    reached = (JSON.parse(line) as { readonly block: number }).block;
    if (reached > 1_024) break;
  }
  clearInterval(feeding);
  assert.ok(reached > 1_024, `it came to block ${reached}`);
  child.kill("SIGKILL");
  writer.destroy();
  await ended;
  const resumed = await counterpart("import", genesis, file, ...args, "--json");
  const last = JSON.parse(resumed.text.trim().split("\n").at(-1) as string);
  assert.deepEqual([resumed.code, last.kind, last.block], [0, "done", blocks.length], resumed.text);
  assert.ok(last.held > 0 && last.held < blocks.length, `${last.held} blocks were held`);
  const verified = await counterpart("db", "verify", ...args);
  assert.equal(verified.code, 0, verified.text);
});
