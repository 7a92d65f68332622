/**
 * `eth_getLogs` over 100,000 blocks, each with a log of one contract: one block in a thousand has the topic that is asked
 * for. The chain is made once and kept; Anvil's is made in each run.
 */

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getContractAddress, type Hex, numberToHex } from "viem";
import { cacheFolder } from "./dataset.ts";
import { postJson } from "./http.ts";
import type { Bench } from "./processes.ts";
import type { Figures, Scenario } from "./scenarios.ts";
import { openSealing } from "./sealing.ts";
import { percentile } from "./statistics.ts";

/** Goes into the name of the folder: to be raised when the chain is made differently. */
const VERSION = 1;
const BLOCKS = 100_000;
const EVERY = 1_000;
const QUERIES = 200;
/** Blocks, in each thousand, whose topics are asked for. */
const ASKED = [7, 8] as const;
const CHAIN_ID = 4_242;
/** Code that logs nothing, with the first word it is called with as its only topic. */
const LOGGER = "0x6009600c60003960096000f360003560006000a100";

const topicOf = (block: number): Hex => numberToHex(block % EVERY, { size: 32 });

interface Chain {
  readonly address: Hex;
  readonly blocks: number;
}

async function makeChain(folder: string, blocks: number): Promise<Chain> {
  const sealing = await openSealing(join(folder, "data"), join(folder, "genesis.json"));
  const to = getContractAddress({ from: sealing.account, nonce: 0n }).toLowerCase() as Hex;
  await sealing.seal([{ data: LOGGER }]);
  for (let block = 2; block <= blocks; block++) await sealing.seal([{ to, data: topicOf(block) }]);
  await sealing.stop();
  return { address: to, blocks };
}

async function openChain(blocks: number): Promise<Chain & { readonly folder: string }> {
  const folder = join(cacheFolder(), `logs-${VERSION}-${blocks}`);
  if (!existsSync(folder)) {
    mkdirSync(cacheFolder(), { recursive: true, mode: 0o700 });
    const draft = mkdtempSync(`${folder}.`);
    try {
      writeFileSync(join(draft, "made.json"), JSON.stringify(await makeChain(draft, blocks)));
      renameSync(draft, folder);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  return { folder, ...(JSON.parse(readFileSync(join(folder, "made.json"), "utf8")) as Chain) };
}

async function call(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const { result, error } = await postJson(url, { jsonrpc: "2.0", id: 1, method, params });
  if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
  return result;
}

async function ask(url: string, name: string, { address, blocks }: Chain): Promise<Figures> {
  const find = async (filter: object, hits: number): Promise<number[]> => {
    const delays: number[] = [];
    for (let n = 0; n < QUERIES; n++) {
      const start = performance.now();
      const logs = (await call(url, "eth_getLogs", [{ ...filter, fromBlock: "0x1", toBlock: "latest" }])) as unknown[];
      delays.push(performance.now() - start);
      if (logs.length !== hits) throw new Error(`${name} found ${logs.length} logs, not ${hits}`);
    }
    return delays;
  };
  const few = Math.floor(blocks / EVERY);
  const topic = await find({ topics: [topicOf(ASKED[0])] }, few);
  const both = await find({ address, topics: [topicOf(ASKED[1])] }, few);
  const none = await find({ address: `0x${"99".repeat(20)}` }, 0);
  return {
    [`${name}: ${few} hits by topic, p50 ms`]: percentile(topic, 50),
    [`${name}: ${few} hits by topic, p99 ms`]: percentile(topic, 99),
    [`${name}: ${few} hits by address and topic, p50 ms`]: percentile(both, 50),
    [`${name}: no hit, p50 ms`]: percentile(none, 50),
    [`${name}: no hit, p99 ms`]: percentile(none, 99),
  };
}

/** As many blocks on Anvil. Those without the topics that are asked for are empty there: to fill each of them takes too long. */
async function ofAnvil(bench: Bench, blocks: number): Promise<Figures> {
  const anvil = await bench.anvil(["--chain-id", String(CHAIN_ID), "--prune-history", "--no-mining"]);
  if (anvil === undefined) return {};
  const { url } = anvil;
  const [from] = (await call(url, "eth_accounts", [])) as [Hex];
  const address = getContractAddress({ from, nonce: 0n }).toLowerCase() as Hex;
  const seal = async (message: object): Promise<void> => {
    await call(url, "eth_sendTransaction", [{ from, gas: "0x30d40", ...message }]);
    await call(url, "evm_mine", []);
  };
  await seal({ data: LOGGER });
  for (let made = 0; made + EVERY <= blocks; made += EVERY) {
    for (const block of ASKED) await seal({ to: address, data: topicOf(block) });
    await call(url, "anvil_mine", [numberToHex(EVERY - ASKED.length)]);
  }
  const figures = await ask(url, "Anvil", { address, blocks });
  await anvil.stop();
  return figures;
}

export const logs: Scenario = async (bench, scale) => {
  const chain = await openChain(Math.round(BLOCKS * scale));
  const dataDir = bench.folder();
  cpSync(join(chain.folder, "data"), dataDir, { recursive: true });
  const node = await bench.node({ dataDir, flags: ["--genesis", join(chain.folder, "genesis.json")] });
  const figures = await ask(new URL(node.api).origin, "Counterpart", chain);
  await node.stop();
  return { ...figures, ...(await ofAnvil(bench, chain.blocks)) };
};
