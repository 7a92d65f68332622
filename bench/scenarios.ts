/** What is measured. Each scenario is one run with fresh nodes and returns its figures by name. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { encodeDeployData, encodeFunctionData, type Hex, keccak256, toHex } from "viem";
import type { DatasetSize } from "./dataset.ts";
import { getJson, type Json, postJson } from "./http.ts";
import type { Bench, NodeProcess } from "./processes.ts";
import { percentile } from "./statistics.ts";
import { tokenTemplate } from "./token-template.ts";

export type Figures = Readonly<Record<string, number>>;
export type Scenario = (bench: Bench, scale: number, sizes: readonly DatasetSize[]) => Promise<Figures>;

/** Requests at once; as many as Anvil has accounts. */
const PARALLEL = 10;
const TOKEN = { contract_type: "token", name: "Bench", symbol: "BENCH", decimals: 18 };

export async function deployToken(node: NodeProcess): Promise<string> {
  return (await postJson(`${node.api}/contracts`, TOKEN)).address as string;
}

export const mint = (node: NodeProcess, address: string, amount: number): Promise<Json> =>
  postJson(`${node.api}/contracts/${address}/execute`, { function: "mint", params: { to: node.account, amount } });

async function untilBalance(node: NodeProcess, address: string, wallet: string, wanted: string): Promise<number> {
  for (;;) {
    const { balance } = await getJson(`${node.api}/contracts/${address}/balance/${wallet}`);
    if (balance === wanted) return performance.now();
    await nextTurn();
  }
}

const connect = (from: NodeProcess, to: NodeProcess): Promise<Json> =>
  postJson(`${from.api}/network/connect`, { address: to.p2p });

/** From the acknowledgement of an execution on one node to the new balance on the two others. */
export const propagation: Scenario = async (bench, scale) => {
  const [one, two, three] = await Promise.all([bench.node(), bench.node(), bench.node()]);
  const address = await deployToken(one);
  await connect(two, one);
  await connect(three, one);
  const delays: number[] = [];
  for (let round = 1; round <= 200 * scale; round++) {
    // The others are polled from before the execution is sent, so that nothing of the way is missed.
    const seen = [two, three].map((node) => untilBalance(node, address, one.account, String(round)));
    await mint(one, address, 1);
    const acknowledged = performance.now();
    for (const at of await Promise.all(seen)) delays.push(Math.max(0, at - acknowledged));
  }
  await Promise.all([one, two, three].map((node) => node.stop()));
  return { "p50 ms": percentile(delays, 50), "p99 ms": percentile(delays, 99) };
};

export async function perSecond(
  total: number,
  parallel: number,
  once: (index: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < total) await once(next++);
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: parallel }, worker));
  return total / ((performance.now() - start) / 1_000);
}

async function rpc(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const { result, error } = await postJson(url, { jsonrpc: "2.0", id: 1, method, params });
  if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
  return result;
}

interface AnvilReceipt {
  readonly contractAddress: Hex;
}

/** Sends on Anvil and waits until the transaction is in a block, as an execution through REST does. */
async function anvilSend(url: string, transaction: Json): Promise<AnvilReceipt> {
  const hash = await rpc(url, "eth_sendTransaction", [transaction]);
  for (;;) {
    const receipt = (await rpc(url, "eth_getTransactionReceipt", [hash])) as AnvilReceipt | null;
    if (receipt !== null) return receipt;
    await nextTurn();
  }
}

/**
 * The same token and the same mints on Anvil, in memory there. Each of its ten accounts sends one after the other: given
 * transactions of one account out of order, its automatic sealing stops.
 */
async function anvilExecutions(bench: Bench, total: number): Promise<number | undefined> {
  const anvil = await bench.anvil();
  if (anvil === undefined) return undefined;
  const { url } = anvil;
  const accounts = (await rpc(url, "eth_accounts", [])) as Hex[];
  const [from] = accounts as [Hex];
  const call = (functionName: string, args: readonly unknown[]): Hex =>
    encodeFunctionData({ abi: tokenTemplate.abi, functionName, args } as never);
  const args = ["Bench", "BENCH", 18, 0n, 0n, from];
  const deployment = encodeDeployData({ abi: tokenTemplate.abi, bytecode: tokenTemplate.bytecode, args } as never);
  const { contractAddress: to } = await anvilSend(url, { from, data: deployment, gas: "0x4c4b40" });
  const role = keccak256(toHex("MINTER_ROLE"));
  for (const account of accounts) {
    await anvilSend(url, { from, to, data: call("grantRole", [role, account]), gas: "0x30d40" });
  }
  const data = call("mint", [from, 1n]);
  const free = [...accounts];
  const rate = await perSecond(total, PARALLEL, async () => {
    const account = free.pop();
    if (account === undefined) throw new Error("more calls at once than accounts");
    await anvilSend(url, { from: account, to, data, gas: "0x30d40" });
    free.push(account);
  });
  await anvil.stop();
  return rate;
}

/** Executions through REST on one node, 10 at a time, every one simulated, durable and in a block when answered. */
export const executions: Scenario = async (bench, scale) => {
  const total = 1_000 * scale;
  const node = await bench.node();
  const address = await deployToken(node);
  await perSecond(100, PARALLEL, () => mint(node, address, 1));
  const rate = await perSecond(total, PARALLEL, () => mint(node, address, 1));
  await node.stop();
  const anvil = await anvilExecutions(bench, total);
  return { "executions/s": rate, ...(anvil === undefined ? {} : { "Anvil/s": anvil, "ratio to Anvil": rate / anvil }) };
};

/** A fresh node connects to one with many contracts: from the request to the answer that both agree. */
export const freshNode: Scenario = async (bench, scale) => {
  const contracts = 1_000 * scale;
  const one = await bench.node();
  const deployed = await perSecond(contracts, PARALLEL, () => deployToken(one));
  const two = await bench.node();
  const start = performance.now();
  const { contracts_synced } = await postJson(`${two.api}/network/connect`, { address: one.p2p, wait_ms: 300_000 });
  const seconds = (performance.now() - start) / 1_000;
  if (contracts_synced !== contracts) throw new Error(`${contracts_synced} of ${contracts} contracts arrived`);
  await Promise.all([one.stop(), two.stop()]);
  return { "deployments/s": deployed, [`s to equality with ${contracts} contracts`]: seconds };
};
