/** A thousand WebSocket connections that follow heads: from a transaction sent to its block's header at each of them. */

import { type Hex, numberToHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { postJson } from "./http.ts";
import type { Bench } from "./processes.ts";
import type { Figures, Scenario } from "./scenarios.ts";
import { percentile } from "./statistics.ts";

const SUBSCRIBERS = 1_000;
const BLOCKS = 50;
/** Connections that are made at the same time. */
const CONNECTING = 50;
const MIB = 2 ** 20;
/** The first development account, which owns something on either chain. */
const account = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");

interface Contestant {
  readonly url: string;
  memoryBytes(): number;
}

/** Connections that each have one subscription to heads; `heard` is called with the number of every header told. */
async function subscribe(url: string, count: number, heard: (block: number) => void): Promise<WebSocket[]> {
  const open = async (): Promise<WebSocket> => {
    const socket = new WebSocket(url.replace("http", "ws"));
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    await new Promise<void>((resolve) => {
      socket.addEventListener("message", ({ data }) => {
        const { params } = JSON.parse(data as string) as { params?: { result: { number: Hex } } };
        if (params === undefined) resolve();
        else heard(Number(params.result.number));
      });
      socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] }));
    });
    return socket;
  };
  const sockets: WebSocket[] = [];
  while (sockets.length < count) {
    const some = Math.min(CONNECTING, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: some }, open))));
  }
  return sockets;
}

async function send(url: string, nonce: number): Promise<void> {
  const fee = 2_000_000_000n;
  const raw = await account.signTransaction({
    ...{ type: "eip1559", chainId: 31_337, nonce, to: account.address, gas: 21_000n },
    ...{ maxFeePerGas: fee, maxPriorityFeePerGas: 0n },
  });
  const { error } = await postJson(url, { jsonrpc: "2.0", id: 1, method: "eth_sendRawTransaction", params: [raw] });
  if (error !== undefined) throw new Error(JSON.stringify(error));
}

async function deliveries(name: string, { url, memoryBytes }: Contestant, scale: number): Promise<Figures> {
  const wanted = Math.round(SUBSCRIBERS * scale);
  const before = memoryBytes();
  let sentAt = 0;
  let delays: number[] = [];
  let missing = 0;
  let done = (): void => {};
  const sockets = await subscribe(url, wanted, () => {
    delays.push(performance.now() - sentAt);
    if (--missing === 0) done();
  });
  const connected = memoryBytes();
  const block = { jsonrpc: "2.0", id: 1, method: "eth_blockNumber", params: [] };
  const start = Number((await postJson(url, block)).result);
  const lasts: number[] = [];
  const all: number[] = [];
  for (let nonce = 0; nonce < BLOCKS; nonce++) {
    delays = [];
    missing = wanted;
    const everybody = new Promise<void>((resolve) => (done = resolve));
    sentAt = performance.now();
    await send(url, nonce);
    await everybody;
    all.push(...delays);
    lasts.push(Math.max(...delays));
  }
  const end = Number((await postJson(url, block)).result);
  if (end - start !== BLOCKS) throw new Error(`${name}: ${numberToHex(end)} is not ${BLOCKS} blocks after ${start}`);
  const memory = memoryBytes();
  for (const socket of sockets) socket.close();
  return {
    [`${name}: p50 ms`]: percentile(all, 50),
    [`${name}: p99 ms`]: percentile(all, 99),
    [`${name}: p50 ms to the last subscriber`]: percentile(lasts, 50),
    [`${name}: KiB for each connection`]: (connected - before) / wanted / 1_024,
    [`${name}: MiB in the end`]: memory / MIB,
  };
}

async function ofAnvil(bench: Bench, scale: number): Promise<Figures> {
  const anvil = await bench.anvil();
  if (anvil === undefined) return {};
  const figures = await deliveries("Anvil", anvil, scale);
  await anvil.stop();
  return figures;
}

export const subscribers: Scenario = async (bench, scale) => {
  const node = await bench.node();
  const url = new URL(node.api).origin;
  const figures = await deliveries("Counterpart", { url, memoryBytes: node.memoryBytes }, scale);
  await node.stop();
  return { ...figures, ...(await ofAnvil(bench, scale)) };
};
