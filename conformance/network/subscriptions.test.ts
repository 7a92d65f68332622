/** Subscriptions and filters as clients use them, over real sockets, on nodes that work apart and meet again. */

import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { describe, test } from "node:test";
import {
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  type Log,
  parseAbi,
  webSocket,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { connect, deployToken, eventually, mint, Nodes, type TestNode } from "./nodes.ts";

const abi = parseAbi([
  "event Transfer(address indexed from, address indexed to, uint256 value)",
  "function transfer(address to, uint256 value) returns (bool)",
]);
/** The first of the well-known development accounts, which the default genesis funds. */
const account = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const [one, two, three] = ["a1", "a2", "a3"].map((end) => `0x${end.padStart(40, "0")}` as Hex) as [Hex, Hex, Hex];

const wsUrl = ({ url }: TestNode): string => url.replace("http", "ws");

function chainOf(node: TestNode) {
  return defineChain({
    id: 31_337,
    name: "Counterpart",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [node.url], webSocket: [wsUrl(node)] } },
  });
}

/** Closes its connection when it is disposed of. */
async function watcherOf(node: TestNode) {
  const transport = webSocket(wsUrl(node), { reconnect: false });
  const client = createPublicClient({ chain: chainOf(node), transport });
  const socket = await client.transport.getRpcClient();
  return { client, [Symbol.dispose]: () => socket.close() };
}

interface Told {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: unknown;
  readonly params?: { readonly subscription: Hex; readonly result: Record<string, unknown> };
}

/** A connection of the platform's own client, which keeps everything that comes. */
async function listenTo(node: TestNode, ...subscriptions: readonly unknown[][]) {
  const socket = new WebSocket(wsUrl(node));
  const told: Told[] = [];
  socket.addEventListener("message", ({ data }) => told.push(JSON.parse(data as string) as Told));
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  for (const [id, params] of subscriptions.entries()) {
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: "eth_subscribe", params }));
  }
  await eventually(async () => assert.equal(told.length, subscriptions.length));
  const ids = told.splice(0).toSorted((a, b) => Number(a.id) - Number(b.id));
  return {
    of: (at: number) =>
      told.filter(({ params }) => params?.subscription === ids[at]?.result).map(({ params }) => params?.result),
    [Symbol.dispose]: () => socket.close(),
  };
}

interface ToldLog {
  readonly blockHash: Hex;
  readonly blockNumber: Hex;
  readonly logIndex: Hex;
  readonly removed: boolean;
  readonly topics: readonly Hex[];
}

/** What a subscriber keeps who does as he is told. */
function keptLogs(told: readonly ToldLog[]): ToldLog[] {
  const kept = new Map<string, ToldLog>();
  for (const { removed, ...log } of told) {
    const place = `${log.blockHash}/${log.logIndex}`;
    if (removed) assert.ok(kept.delete(place), "what was never added is removed");
    else {
      assert.ok(!kept.has(place), "a log is added twice");
      kept.set(place, { ...log, removed });
    }
  }
  return [...kept.values()].toSorted((a, b) => Number(a.blockNumber) - Number(b.blockNumber));
}

const logsOf = (node: TestNode, address: string) =>
  createPublicClient({ chain: chainOf(node), transport: http(node.url) }).request({
    method: "eth_getLogs",
    params: [{ address: address as Hex, fromBlock: "0x0", toBlock: "latest" }],
  }) as unknown as Promise<ToldLog[]>;

describe("a client of viem", () => {
  test("watches blocks, events and pending transactions over WebSocket", async () => {
    await using nodes = new Nodes();
    const node = await nodes.start("one");
    const address = (await deployToken(node)) as Hex;
    await mint(node, address, account.address, "1000");
    using watcher = await watcherOf(node);
    const { client } = watcher;
    const blocks: (Hex | null)[] = [];
    const events: Log<bigint, number, false, (typeof abi)[0], true>[] = [];
    const pending: Hex[] = [];
    const onError = (error: Error): void => assert.fail(error);
    const ends = [
      client.watchBlocks({ onBlock: ({ hash }) => blocks.push(hash), onError }),
      client.watchContractEvent({
        ...{ address, abi, eventName: "Transfer", args: { to: one }, strict: true, onError },
        onLogs: (logs) => events.push(...logs),
      }),
      client.watchPendingTransactions({ onTransactions: (hashes) => pending.push(...hashes), onError }),
    ];
    const writer = createWalletClient({ chain: chainOf(node), transport: http(node.url), account });
    const send = async (to: Hex, value: bigint) => {
      const hash = await writer.writeContract({ address, abi, functionName: "transfer", args: [to, value] });
      return client.waitForTransactionReceipt({ hash, pollingInterval: 20 });
    };
    // Subscriptions are made behind these functions: the first block that is told shows that all are there.
    await eventually(async () => {
      await send(two, 1n);
      assert.ok(blocks.length > 0 && pending.length > 0);
    });
    const before = events.length;
    const receipts = [await send(one, 5n), await send(two, 6n), await send(one, 7n)];
    await eventually(async () => {
      assert.deepEqual(
        events.slice(before).map(({ args, blockHash }) => [args.value, blockHash]),
        [
          [5n, receipts[0]?.blockHash],
          [7n, receipts[2]?.blockHash],
        ],
      );
      const hashes = receipts.map(({ transactionHash }) => transactionHash);
      assert.deepEqual(pending.slice(-3), hashes);
      assert.deepEqual(
        blocks.slice(-3),
        receipts.map(({ blockHash }) => blockHash),
      );
    });
    for (const end of ends) end();
  });

  test("polls filters of blocks and events over HTTP", async () => {
    await using nodes = new Nodes();
    const node = await nodes.start("one");
    const address = (await deployToken(node)) as Hex;
    const client = createPublicClient({ chain: chainOf(node), transport: http(node.url) });
    const [blocks, events] = [
      await client.createBlockFilter(),
      await client.createContractEventFilter({ address, abi, eventName: "Transfer", args: { to: two } }),
    ];
    for (const to of [one, two, three, two]) await mint(node, address, to, "3");
    const logs = await client.getFilterChanges({ filter: events });
    assert.deepEqual(
      logs.map(({ args }) => args),
      Array.from({ length: 2 }, () => ({
        from: `0x${"0".repeat(40)}`,
        to: "0x00000000000000000000000000000000000000A2",
        value: 3n,
      })),
    );
    assert.equal((await client.getFilterChanges({ filter: blocks })).length, 4);
    assert.deepEqual(await client.getFilterChanges({ filter: events }), []);
    assert.equal(await client.uninstallFilter({ filter: events }), true);
    await assert.rejects(client.getFilterChanges({ filter: events }), /filter not found/i);
  });
});

describe("nodes that worked apart and meet again", () => {
  test("tell the logs of the branch that lost as removed, and those of the one that won", async () => {
    await using nodes = new Nodes();
    const [here, there] = [await nodes.start("here"), await nodes.start("there")];
    const token = await deployToken(here);
    await connect(there, here);
    await there.post("network/disconnect", {});
    using listener = await listenTo(here, ["logs", { address: token }], ["newHeads"]);
    using other = await listenTo(there, ["logs", { address: token }]);
    const elsewhere = await deployToken(there, { name: "Elsewhere" });
    await mint(here, token, one, "1");
    await mint(here, token, two, "2");
    // More blocks than here, so that this branch wins.
    for (const amount of ["3", "4", "5", "6"]) await mint(there, elsewhere, three, amount);
    const lost = await logsOf(here, token);
    assert.equal((listener.of(0) as never[]).length, 2);
    await connect(there, here);
    await eventually(async () => {
      const [held, alsoHeld] = [await logsOf(here, token), await logsOf(there, token)];
      assert.deepEqual(held, alsoHeld);
      const told = listener.of(0) as never as ToldLog[];
      // The mints are sealed again on the branch that won.
      assert.deepEqual(
        keptLogs(told).map(({ topics, blockHash }) => [topics[2], blockHash]),
        held.slice(-2).map(({ topics, blockHash }) => [topics[2], blockHash]),
      );
      assert.deepEqual(keptLogs(other.of(0) as never).length, 2);
    });
    const told = listener.of(0) as never as ToldLog[];
    const removed = told.filter((log) => log.removed);
    assert.deepEqual(
      // Both may seal the returned transactions at once, and one of these blocks leaves again.
      removed.slice(0, 2).map(({ blockHash, logIndex }) => [blockHash, logIndex]),
      lost
        .slice(-2)
        .toReversed()
        .map(({ blockHash, logIndex }) => [blockHash, logIndex]),
    );
    assert.ok((other.of(0) as never as ToldLog[]).every((log) => !log.removed));
    const heads = listener.of(1) as never as { hash: Hex; parentHash: Hex }[];
    const known = new Set(heads.map(({ hash }) => hash));
    // The header of every block of the branch that won was told: each follows one that was told, but for the first.
    const winners = heads.slice(2);
    assert.ok(winners.slice(1).every(({ parentHash }) => known.has(parentHash)));
    assert.ok(winners.length >= 6);
  });
});

test("who does not read what he is told is cut, and the others are told everything", async () => {
  await using nodes = new Nodes();
  const node = await nodes.start("one");
  const token = await deployToken(node);
  using listener = await listenTo(node, ["newHeads"]);
  const { hostname, port } = new URL(node.url);
  const silent = connectTcp(Number(port), hostname);
  let isCut = false;
  silent.on("close", () => {
    isCut = true;
  });
  silent.on("error", () => {});
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  const upgrade = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}`;
  silent.write(`GET / HTTP/1.1\r\nHost: ${hostname}:${port}\r\n${upgrade}\r\n\r\n`);
  await new Promise((resolve) => silent.once("data", resolve));
  silent.pause();
  // Many subscriptions to whole blocks' headers: some 180 kB a block, of which nothing is read.
  const request = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] });
  for (let n = 0; n < 128; n++) silent.write(maskedFrame(request));
  const metric = async (): Promise<number> => {
    const text = await (await fetch(`${node.url}/metrics`)).text();
    return Number(/^counterpart_api_cut_websockets_total (\d+)/m.exec(text)?.[1] ?? 0);
  };
  let blocks = 0;
  while ((await metric()) === 0) {
    await mint(node, token, one, "1");
    assert.ok(++blocks < 500, "it is never cut");
  }
  silent.resume();
  await eventually(async () => assert.ok(isCut));
  await eventually(async () => assert.equal(listener.of(0).length, blocks));
});

/** A text frame of a client, masked with zeros (RFC 6455, 5.2). */
function maskedFrame(text: string): Buffer {
  assert.ok(text.length < 126);
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}
