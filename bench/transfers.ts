/** Transfers of a token with many holders, signed beforehand: from the first one sent to the receipt of the last one. */

import { writeFileSync } from "node:fs";
import { decodeFunctionResult, encodeFunctionData, type Hex, keccak256 } from "viem";
import { executionAlone } from "./executing.ts";
import { setState } from "./hardhat.ts";
import { postJson } from "./http.ts";
import { probe } from "./probe.ts";
import type { Bench } from "./processes.ts";
import type { Figures, Scenario } from "./scenarios.ts";
import { percentile } from "./statistics.ts";
import { ABI, BLOCK_GAS, CHAIN_ID, planTransfers, TOKEN, type TransferPlan } from "./transfers-plan.ts";

/** Transactions in one JSON-RPC batch. */
const BATCH = 100;
const LANES = 4;
const POLL_MS = 20;

interface Reply {
  readonly result?: unknown;
  readonly error?: unknown;
}

async function call(url: string, calls: readonly (readonly [string, readonly unknown[]])[]): Promise<unknown[]> {
  const batch = calls.map(([method, params], id) => ({ jsonrpc: "2.0", id, method, params }));
  const replies = (await postJson(url, batch)) as unknown as readonly Reply[];
  return replies.map(({ result, error }) => {
    if (error !== undefined) throw new Error(`${calls[0]?.[0]}: ${JSON.stringify(error)}`);
    return result;
  });
}

async function sendLane(url: string, lane: readonly Hex[]): Promise<void> {
  for (let at = 0; at < lane.length; at += BATCH) {
    await call(
      url,
      lane.slice(at, at + BATCH).map((raw) => ["eth_sendRawTransaction", [raw]]),
    );
  }
}

/** Until the node has a receipt for each of them. */
async function untilIncluded(url: string, hashes: readonly Hex[]): Promise<void> {
  for (;;) {
    const receipts = await call(
      url,
      hashes.map((hash) => ["eth_getTransactionReceipt", [hash]]),
    );
    if (receipts.every((receipt) => receipt !== null)) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Whether the transfers did what they were to do: otherwise a node that refuses them would be the fastest. */
async function checkBalances(url: string, { balances }: TransferPlan): Promise<void> {
  const asked = [...balances.keys()].map((holder) => {
    const data = encodeFunctionData({ abi: ABI, functionName: "balanceOf", args: [holder] });
    return ["eth_call", [{ to: TOKEN, data }, "latest"]] as const;
  });
  const answers = await call(url, asked);
  for (const [at, [holder, wanted]] of [...balances].entries()) {
    const balance = decodeFunctionResult({ abi: ABI, functionName: "balanceOf", data: answers[at] as Hex });
    if (balance !== wanted) throw new Error(`${holder} has ${balance}, not ${wanted}`);
  }
}

/** Transfers a second from the start of a node, and as many more when those are done. */
interface Rates {
  readonly first: number;
  readonly next: number;
}

async function sendAll(url: string, lanes: readonly (readonly Hex[])[]): Promise<number> {
  const lasts = lanes.map((lane) => keccak256(lane.at(-1) as Hex));
  const start = performance.now();
  await Promise.all(lanes.map((lane) => sendLane(url, lane)));
  await untilIncluded(url, lasts);
  const seconds = (performance.now() - start) / 1_000;
  return lanes.reduce((sum, lane) => sum + lane.length, 0) / seconds;
}

async function transfersPerSecond(url: string, plan: TransferPlan): Promise<Rates> {
  const first = await sendAll(
    url,
    plan.lanes.map((lane) => lane.slice(0, lane.length / 2)),
  );
  const next = await sendAll(
    url,
    plan.lanes.map((lane) => lane.slice(lane.length / 2)),
  );
  await checkBalances(url, plan);
  return { first, next };
}

function writeGenesis(bench: Bench, genesis: object): string {
  const path = `${bench.folder()}.json`;
  writeFileSync(path, JSON.stringify(genesis));
  return path;
}

/** Sealing each transaction by itself, it stops in the middle of so many. */
async function anvilTransfers(bench: Bench, plan: TransferPlan): Promise<Rates | undefined> {
  const path = writeGenesis(bench, plan.gethGenesis);
  const flags = ["--chain-id", String(CHAIN_ID), "--init", path, "--block-time", "1", "--gas-limit", String(BLOCK_GAS)];
  const anvil = await bench.anvil(flags);
  if (anvil === undefined) return undefined;
  const rate = await transfersPerSecond(anvil.url, plan);
  await anvil.stop();
  return rate;
}

const BLOCK_MS = 1_000;

async function hardhatTransfers(bench: Bench, plan: TransferPlan): Promise<Rates | undefined> {
  const hardhat = await bench.hardhat(CHAIN_ID, BLOCK_GAS);
  if (hardhat === undefined) return undefined;
  await setState(hardhat.url, plan.alloc);
  await call(hardhat.url, [
    ["evm_setAutomine", [false]],
    ["evm_setIntervalMining", [BLOCK_MS]],
  ]);
  const rate = await transfersPerSecond(hardhat.url, plan);
  await hardhat.stop();
  return rate;
}

/** Peers make a block a second, of the same gas as ours. */
async function besidePeers(bench: Bench, plan: TransferPlan, rates: Rates): Promise<Figures> {
  const figures: Record<string, number> = {};
  const add = (peer: string, theirs: Rates | undefined): void => {
    if (theirs === undefined) return;
    figures[`${peer}/s`] = theirs.first;
    figures[`${peer}, the next/s`] = theirs.next;
    figures[`ratio to ${peer}`] = rates.first / theirs.first;
    figures[`ratio to ${peer}, the next`] = rates.next / theirs.next;
  };
  add("Anvil", await anvilTransfers(bench, plan));
  add("Hardhat's node", await hardhatTransfers(bench, plan));
  return figures;
}

export const transfers: Scenario = async (bench, scale) => {
  const size = { transactions: 2 * 50_000 * scale, senders: 1_000, holders: 100_000, lanes: LANES };
  const plan = await planTransfers(size);
  const node = await bench.node({ flags: ["--genesis", writeGenesis(bench, plan.genesis)] });
  // Not the last block: of thousands of transactions it is a megabyte.
  const probing = probe(`${node.api}/contracts/${TOKEN}`);
  const rates = await transfersPerSecond(new URL(node.api).origin, plan);
  const delays = await probing.end();
  const peak = node.peakMemoryBytes();
  await node.stop();
  const figures: Figures = {
    "transfers/s": rates.first,
    "the next/s": rates.next,
    "p99 ms of a GET": percentile(delays, 99),
    "peak MiB": peak / 2 ** 20,
  };
  return { ...figures, ...(await executionAlone(plan)), ...(await besidePeers(bench, plan, rates)) };
};
