/**
 * Who follows the chain while nodes part and meet again, over and over: what WebSocket, filters and the event stream have
 * told, taken together, is at every moment a chain that was there, and in the end the one that is there.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createPublicClient, defineChain, type Hex, type Log, toHex, webSocket } from "viem";
import { type Heard, Listener } from "./event-listener.ts";
import { rpc } from "./json-rpc.ts";
import { allAgree, connect, eventually, Nodes, type TestNode } from "./nodes.ts";
import { createRandom } from "./random.ts";
import { compileErc20 } from "./solidity.ts";
import { clientsOf, FIRST, SECOND, THIRD } from "./viem-clients.ts";

const ROUNDS = 4;
const SEED = 7;

interface ToldLog {
  readonly blockHash: Hex;
  readonly blockNumber: Hex;
  readonly transactionHash: Hex;
  readonly logIndex: Hex;
  readonly removed: boolean;
}
interface ToldHead {
  readonly number: Hex;
  readonly hash: Hex;
  readonly parentHash: Hex;
}

const placeOf = ({ blockHash, logIndex }: ToldLog): string => `${blockHash}/${logIndex}`;
const order = ({ blockNumber, logIndex }: ToldLog): number => Number(blockNumber) * 10_000 + Number(logIndex);

/** What is left of logs that were told: each is put on top, and only the one on top is taken away. */
function foldLogs(told: readonly ToldLog[], name: string): ToldLog[] {
  const kept: ToldLog[] = [];
  for (const log of told) {
    const top = kept.at(-1);
    if (log.removed) {
      assert.ok(top !== undefined && placeOf(top) === placeOf(log), `${name}: removed is what is not on top`);
      kept.pop();
    } else {
      assert.ok(top === undefined || order(log) > order(top), `${name}: a log comes before one that was told`);
      kept.push(log);
    }
  }
  return kept;
}

/** What is left of headers that were told: each is the child of one that was, and takes the place of those above it. */
function foldHeads(told: readonly ToldHead[], start: ToldHead, name: string): ToldHead[] {
  let chain = [start];
  for (const head of told) {
    const parent = chain.findIndex(({ hash }) => hash === head.parentHash);
    assert.ok(parent >= 0, `${name}: header ${Number(head.number)} follows none that was told`);
    assert.equal(Number(head.number), Number(chain[parent]?.number) + 1);
    chain = [...chain.slice(0, parent + 1), head];
  }
  return chain;
}

/** In which block each transaction is, by the event stream: in one at a time, which has not left the chain. */
function foldEvents(heard: readonly Heard[]): ReadonlyMap<unknown, unknown> {
  const blocks = new Map<unknown, unknown>();
  for (const { type, data } of heard) {
    if (type === "block.reorged") {
      for (const [hash, block] of blocks) if (block === data.hash) blocks.delete(hash);
    } else if (type === "transaction.included") {
      assert.ok(!blocks.has(data.hash), "a transaction is included twice");
      blocks.set(data.hash, data.block_hash);
    } else if (type.startsWith("transaction.")) assert.ok(!blocks.has(data.hash), `${type} of one that is included`);
  }
  return blocks;
}

/** Everything that one node tells of a contract's logs and of blocks, in every way in which it does. */
class Watcher implements AsyncDisposable {
  readonly heads: ToldHead[] = [];
  readonly logs: ToldLog[] = [];
  readonly pending: Hex[] = [];
  readonly viemLogs: Log[] = [];
  readonly polledLogs: ToldLog[] = [];
  readonly polledBlocks: Hex[] = [];
  readonly node: TestNode;
  readonly start: ToldHead;
  readonly events: Listener;
  readonly #filters: { logs: Hex; blocks: Hex };
  readonly #ends: (() => void)[] = [];

  private constructor(node: TestNode, start: ToldHead, events: Listener, filters: { logs: Hex; blocks: Hex }) {
    this.node = node;
    this.start = start;
    this.events = events;
    this.#filters = filters;
  }

  static async of(node: TestNode, coin: Hex): Promise<Watcher> {
    const filters = {
      logs: await rpc<Hex>(node, "eth_newFilter", { address: coin }),
      blocks: await rpc<Hex>(node, "eth_newBlockFilter"),
    };
    const start = await rpc<ToldHead>(node, "eth_getBlockByNumber", "latest", false);
    const watcher = new Watcher(node, start, await Listener.to(node), filters);
    await watcher.#listen(coin);
    await watcher.#watch(coin);
    return watcher;
  }

  async #listen(coin: Hex): Promise<void> {
    const socket = new WebSocket(this.node.url.replace("http", "ws"));
    const sinks = [this.heads, this.logs, this.pending] as unknown[][];
    const byId = new Map<unknown, unknown[]>();
    socket.addEventListener("message", ({ data }) => {
      const { id, result, params } = JSON.parse(data as string);
      if (id !== undefined) byId.set(result, sinks[id] as unknown[]);
      else byId.get(params.subscription)?.push(params.result);
    });
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    for (const [id, params] of [["newHeads"], ["logs", { address: coin }], ["newPendingTransactions"]].entries()) {
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: "eth_subscribe", params }));
    }
    await eventually(async () => assert.equal(byId.size, sinks.length));
    this.#ends.push(() => socket.close());
  }

  async #watch(coin: Hex): Promise<void> {
    const url = this.node.url.replace("http", "ws");
    const nativeCurrency = { name: "Ether", symbol: "ETH", decimals: 18 };
    const chain = defineChain({
      id: 31_337,
      name: "Counterpart",
      nativeCurrency,
      rpcUrls: { default: { http: [url] } },
    });
    const client = createPublicClient({ chain, transport: webSocket(url, { reconnect: false }) });
    const socket = await client.transport.getRpcClient();
    const end = client.watchEvent({
      address: coin,
      onLogs: (logs) => this.viemLogs.push(...logs),
      onError: assert.fail,
    });
    this.#ends.push(end, () => socket.close());
  }

  async poll(): Promise<void> {
    this.polledLogs.push(...(await rpc<ToldLog[]>(this.node, "eth_getFilterChanges", this.#filters.logs)));
    this.polledBlocks.push(...(await rpc<Hex[]>(this.node, "eth_getFilterChanges", this.#filters.blocks)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) end();
    await this.events[Symbol.asyncDispose]();
  }
}

const transferFrom = (node: TestNode, from: Hex, coin: Hex, to: Hex): Promise<Hex> =>
  rpc(node, "eth_sendTransaction", {
    ...{ from, to: coin, gas: toHex(100_000) },
    data: `0xa9059cbb${to.slice(2).padStart(64, "0")}${"1".padStart(64, "0")}`,
  });

async function assertAgrees(watcher: Watcher, coin: Hex): Promise<void> {
  const { node, start } = watcher;
  const range = { address: coin, fromBlock: toHex(Number(start.number) + 1), toBlock: "latest" };
  const held = (await rpc<ToldLog[]>(node, "eth_getLogs", range)).map(placeOf);
  const head = await rpc<ToldHead>(node, "eth_getBlockByNumber", "latest", false);
  assert.deepEqual(foldLogs(watcher.logs, "logs").map(placeOf), held);
  await watcher.poll();
  assert.deepEqual(foldLogs(watcher.polledLogs, "filter").map(placeOf), held);
  const chain = foldHeads(watcher.heads, start, "heads");
  assert.equal(chain.at(-1)?.hash, head.hash);
  assert.deepEqual(
    watcher.polledBlocks,
    watcher.heads.map(({ hash }) => hash),
  );
  const viems = watcher.viemLogs.map((log) => `${log.blockHash}/${log.removed}/${log.logIndex}`);
  const raws = watcher.logs.map((log) => `${log.blockHash}/${log.removed}/${Number(log.logIndex)}`);
  assert.deepEqual(viems, raws);
}

test("who watches nodes that part and meet again is told of every log once, and of every one that goes", async () => {
  const below = createRandom(SEED);
  await using nodes = new Nodes();
  const [here, there] = [await nodes.start("here", { dev: true }), await nodes.start("there", { dev: true })];
  const { reader, writer } = clientsOf(here);
  const { abi, bytecode } = compileErc20();
  const hash = await writer.deployContract({ abi, bytecode, args: ["Coin", 1_000_000n] });
  const coin = (await reader.waitForTransactionReceipt({ hash })).contractAddress as Hex;
  for (const to of [SECOND, THIRD]) {
    await writer.writeContract({ address: coin, abi, functionName: "transfer", args: [to, 100_000n] });
  }
  await connect(there, here);
  await using first = await Watcher.of(here, coin);
  await using second = await Watcher.of(there, coin);
  const watchers = [first, second];
  const sent: [Hex[], Hex[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    await here.post("network/disconnect", {});
    // Of their own accounts both sides send what stays; of the third account, what cannot stay on both.
    const mine = below(4);
    for (let n = 0; n <= mine; n++) sent[0].push(await transferFrom(here, FIRST, coin, toHex(1_000 + n, { size: 20 })));
    const theirs = below(6);
    for (let n = 0; n <= theirs; n++)
      sent[1].push(await transferFrom(there, SECOND, coin, toHex(2_000 + n, { size: 20 })));
    await transferFrom(here, THIRD, coin, toHex(3_000, { size: 20 }));
    await transferFrom(there, THIRD, coin, toHex(4_000, { size: 20 }));
    if (below(2) === 0) await first.poll();
    await (below(2) === 0 ? connect(here, there) : connect(there, here));
    await allAgree([here, there]);
    if (below(2) === 0) await second.poll();
  }
  await eventually(async () => {
    for (const watcher of watchers) {
      await assertAgrees(watcher, coin);
      const blocks = foldEvents(watcher.events.heard);
      for (const hash of sent.flat()) {
        const receipt = await rpc<ToldLog | null>(watcher.node, "eth_getTransactionReceipt", hash);
        assert.ok(receipt !== null, hash);
        assert.equal(blocks.get(hash), receipt.blockHash);
      }
    }
  });
  const removed = watchers.map(({ logs }) => logs.filter((log) => log.removed).length);
  assert.ok(Math.max(...removed) > 0, "a branch with logs lost");
  for (const [at, { pending }] of watchers.entries()) {
    for (const hash of sent[at] ?? []) assert.ok(pending.includes(hash), hash);
  }
});
