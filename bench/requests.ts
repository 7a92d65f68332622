/**
 * JSON-RPC requests a second and how long each takes, on the same state: reads by 16 callers at once, transfers of a token
 * sent one by one and in batches. Everybody seals once a second or when it likes.
 */

import { writeFileSync } from "node:fs";
import { encodeFunctionData, type Hex, toHex } from "viem";
import { type RichAccount, setState } from "./hardhat.ts";
import { postJson } from "./http.ts";
import type { Bench } from "./processes.ts";
import type { Figures, Scenario } from "./scenarios.ts";
import { percentile } from "./statistics.ts";
import { ABI, BLOCK_GAS, CHAIN_ID, planTransfers, TOKEN, type TransferPlan } from "./transfers-plan.ts";

const CALLERS = 16;
const READS = 32_000;
const WARM_UP = 8_000;
/** Of them one half is sent one by one, the other in batches. */
const TRANSFERS = 32_000;
const BATCH = 100;
const GENESIS_SECONDS = 1_767_225_600;

interface Request {
  readonly method: string;
  readonly params: readonly unknown[];
}

interface Contestant {
  readonly name: string;
  readonly url: string;
  stop(): Promise<void>;
}

function check(reply: unknown, method: string): void {
  const { result, error } = reply as { readonly result?: unknown; readonly error?: unknown };
  if (result === undefined || result === null) throw new Error(`${method}: ${JSON.stringify(error)}`);
}

async function send(url: string, requests: readonly Request[]): Promise<void> {
  const bodies = requests.map(({ method, params }, id) => ({ jsonrpc: "2.0", id, method, params }));
  const [only] = bodies;
  if (bodies.length === 1 && only !== undefined) return check(await postJson(url, only), only.method);
  const replies = (await postJson(url, bodies)) as unknown as readonly unknown[];
  for (const [at, reply] of replies.entries()) check(reply, bodies[at]?.method ?? "");
}

/** Each caller sends one after the other of its own. */
async function measure(url: string, lanes: readonly (readonly (readonly Request[])[])[]) {
  const delays: number[] = [];
  const start = performance.now();
  await Promise.all(
    lanes.map(async (lane) => {
      for (const requests of lane) {
        const sent = performance.now();
        await send(url, requests);
        delays.push(performance.now() - sent);
      }
    }),
  );
  const seconds = (performance.now() - start) / 1_000;
  const count = lanes.flat().reduce((sum, requests) => sum + requests.length, 0);
  return { perSecond: count / seconds, p50: percentile(delays, 50), p99: percentile(delays, 99) };
}

function lanesOf(count: number, requestOf: (index: number) => Request): Request[][][] {
  return Array.from({ length: CALLERS }, (_, lane) =>
    Array.from({ length: count / CALLERS }, (_, n) => [requestOf(n * CALLERS + lane)]),
  );
}

const inBatches = (requests: readonly Request[]): Request[][] =>
  Array.from({ length: Math.ceil(requests.length / BATCH) }, (_, n) => requests.slice(n * BATCH, (n + 1) * BATCH));

async function ofContestant({ name, url }: Contestant, plan: TransferPlan): Promise<Figures> {
  const holders = [...plan.balances.keys()];
  const holder = (index: number): Hex => holders[index % holders.length] as Hex;
  const calling = (index: number): Request => {
    const data = encodeFunctionData({ abi: ABI, functionName: "balanceOf", args: [holder(index)] });
    return { method: "eth_call", params: [{ to: TOKEN, data }, "latest"] };
  };
  const asking = (index: number): Request => ({ method: "eth_getBalance", params: [holder(index), "latest"] });
  const sending = (raw: Hex): Request => ({ method: "eth_sendRawTransaction", params: [raw] });
  const half = TRANSFERS / CALLERS / 2;
  const kinds = {
    eth_call: lanesOf(READS, calling),
    eth_getBalance: lanesOf(READS, asking),
    "eth_sendRawTransaction, one by one": plan.lanes.map((lane) => lane.slice(0, half).map((raw) => [sending(raw)])),
    "eth_sendRawTransaction, batches of 100": plan.lanes.map((lane) => inBatches(lane.slice(half).map(sending))),
  };
  for (const requestOf of [calling, asking]) await measure(url, lanesOf(WARM_UP - (WARM_UP % CALLERS), requestOf));
  let figures: Figures = {};
  for (const [kind, lanes] of Object.entries(kinds)) {
    const { perSecond, p50, p99 } = await measure(url, lanes);
    figures = {
      ...figures,
      [`${kind}, ${name}: requests/s`]: perSecond,
      [`${kind}, ${name}: p50 ms`]: p50,
      [`${kind}, ${name}: p99 ms`]: p99,
    };
  }
  return figures;
}

function write(bench: Bench, genesis: object): string {
  const path = `${bench.folder()}.json`;
  writeFileSync(path, JSON.stringify(genesis));
  return path;
}

const STARTS: readonly ((bench: Bench, plan: TransferPlan) => Promise<Contestant | undefined>)[] = [
  async (bench, plan) => {
    const node = await bench.node({ flags: ["--genesis", write(bench, plan.genesis)] });
    return { name: "Counterpart", url: new URL(node.api).origin, stop: node.stop };
  },
  async (bench, plan) => {
    const init = ["--chain-id", String(CHAIN_ID), "--init", write(bench, plan.gethGenesis)];
    const anvil = await bench.anvil([...init, "--block-time", "1", "--gas-limit", String(BLOCK_GAS)]);
    return anvil && { name: "Anvil", url: anvil.url, stop: anvil.stop };
  },
  async (bench, plan) => {
    const hardhat = await bench.hardhat(CHAIN_ID, BLOCK_GAS);
    if (hardhat === undefined) return undefined;
    const { alloc } = plan.genesis as { readonly alloc: Record<string, RichAccount> };
    await setState(hardhat.url, alloc);
    await send(hardhat.url, [{ method: "evm_setNextBlockTimestamp", params: [toHex(GENESIS_SECONDS * 2)] }]);
    return { name: "Hardhat's node", ...hardhat };
  },
];

export const requests: Scenario = async (bench) => {
  const plan = await planTransfers({ transactions: TRANSFERS, senders: CALLERS, holders: 1_000, lanes: CALLERS });
  let figures: Figures = {};
  for (const start of STARTS) {
    const contestant = await start(bench, plan);
    if (contestant === undefined) continue;
    figures = { ...figures, ...(await ofContestant(contestant, plan)) };
    await contestant.stop();
  }
  return figures;
};
