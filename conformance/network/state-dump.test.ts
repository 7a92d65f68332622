import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { createTestClient, type Hex, http } from "viem";
import { Bench } from "../../bench/processes.ts";
import { rpc, rpcFailure } from "./json-rpc.ts";
import { connect, Nodes } from "./nodes.ts";
import { compileErc20 } from "./solidity.ts";
import { clientsOf, FIRST, SECOND } from "./viem-clients.ts";

const NOBODY: Hex = `0x${"77".repeat(20)}`;
const CODED: Hex = `0x${"88".repeat(20)}`;
const HISTORY = "0x0000f90827f1c53a10cb7a02335b175320002935";
const word = (n: number): Hex => `0x${n.toString(16).padStart(64, "0")}`;
const many = (count: number, nameOf: (n: number) => string): Record<string, Hex> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [nameOf(n), word(1)]));
const compress = (value: unknown): Hex => `0x${gzipSync(JSON.stringify(value)).toString("hex")}`;
const decompress = (dump: string): { accounts: Record<string, unknown> } =>
  JSON.parse(gunzipSync(Buffer.from(dump.slice(2), "hex")).toString());

const bench = new Bench();
after(() => bench.end());

const anvilClient = (url: string) =>
  createTestClient({ mode: "anvil", chain: clientsOf({ url }).tester.chain, transport: http(url) });

/** A token of which the second account has five, made by transactions, and a contract made by hand. */
async function populate(url: string): Promise<Hex> {
  const { reader, writer } = clientsOf({ url });
  const { abi, bytecode } = compileErc20();
  const creation = await writer.deployContract({ abi, bytecode, args: ["Dumped", 1_000n] });
  const { contractAddress: coin } = await reader.waitForTransactionReceipt({ hash: creation });
  assert.ok(coin);
  const transfer = { address: coin, abi, functionName: "transfer", args: [SECOND, 5n] } as const;
  await reader.waitForTransactionReceipt({ hash: await writer.writeContract(transfer) });
  const tester = anvilClient(url);
  await tester.setCode({ address: CODED, bytecode: "0x60015f55" });
  await tester.setStorageAt({ address: CODED, index: 3, value: word(9) });
  await tester.setBalance({ address: NOBODY, value: 77n });
  return coin;
}

async function assertPopulated(url: string, coin: Hex): Promise<void> {
  const { reader } = clientsOf({ url });
  const { abi } = compileErc20();
  const read = { address: coin, abi, functionName: "balanceOf" } as const;
  assert.equal(await reader.readContract({ ...read, args: [SECOND] }), 5n);
  assert.equal(await reader.readContract({ ...read, args: [FIRST] }), 995n);
  assert.equal(await reader.getTransactionCount({ address: FIRST }), 2);
  assert.equal(await reader.getBalance({ address: NOBODY }), 77n);
  assert.equal(await reader.getCode({ address: CODED }), "0x60015f55");
  assert.equal(await reader.getStorageAt({ address: CODED, slot: word(3) }), word(9));
}

test("what Anvil dumps is loaded here, is there in the next block and works on", async () => {
  const anvil = await bench.anvil();
  if (anvil === undefined) return;
  await using nodes = new Nodes();
  const coin = await populate(anvil.url);
  const node = await nodes.start("one", { dev: true });
  assert.equal(await anvilClient(node.url).loadState({ state: await anvilClient(anvil.url).dumpState() }), undefined);
  await assertPopulated(node.url, coin);
  const { reader, writer } = clientsOf(node);
  const { abi } = compileErc20();
  const own = await reader.getStorageAt({ address: HISTORY, slot: word(0) });
  const transfer = { address: coin, abi, functionName: "transfer", args: [NOBODY, 1n] } as const;
  await reader.waitForTransactionReceipt({ hash: await writer.writeContract(transfer) });
  assert.equal(await reader.readContract({ address: coin, abi, functionName: "balanceOf", args: [NOBODY] }), 1n);
  assert.equal(await reader.getCode({ address: CODED }), "0x60015f55");
  const { hash } = await reader.getBlock({ blockNumber: 0n });
  assert.notEqual(own, hash);
  assert.equal(await reader.getStorageAt({ address: HISTORY, slot: word(0) }), hash, "hashes stay this chain's own");
});

test("what is dumped here is loaded by Anvil, and by another node here", async () => {
  await using nodes = new Nodes();
  const one = await nodes.start("one", { dev: true });
  const coin = await populate(one.url);
  const state = await anvilClient(one.url).dumpState();
  assert.equal(await rpc(one, "anvil_dumpState", true), state, "states of earlier blocks are not in it");
  const { accounts } = decompress(state);
  assert.deepEqual(accounts[CODED], { nonce: 0, balance: "0x0", code: "0x60015f55", storage: { [word(3)]: word(9) } });
  assert.equal(accounts[HISTORY], undefined);

  const two = await nodes.start("two", { dev: true });
  await anvilClient(two.url).loadState({ state });
  await assertPopulated(two.url, coin);
  assert.deepEqual(decompress(await anvilClient(two.url).dumpState()).accounts, accounts);
  const anvil = await bench.anvil();
  if (anvil === undefined) return;
  await anvilClient(anvil.url).loadState({ state });
  await assertPopulated(anvil.url, coin);
});

test("a state is loaded only where nobody has to follow, and parts from them", async () => {
  await using nodes = new Nodes();
  const one = await nodes.start("one", { dev: true });
  const two = await nodes.start("two");
  await connect(two, one);
  const dump = compress({ accounts: { [NOBODY]: { nonce: 1, balance: "0x5", code: "0x", storage: {} } } });
  assert.match((await rpcFailure(one, "anvil_loadState", dump)).message, /peers are connected/);
  assert.equal(await rpc(one, "eth_getBalance", NOBODY, "latest"), "0x0");
  await one.post("network/disconnect", {});
  assert.equal(await rpc(one, "anvil_loadState", dump), true);
  assert.equal(await rpc(one, "eth_getBalance", NOBODY, "latest"), "0x5");
  const plain = JSON.stringify({ accounts: { [NOBODY]: { nonce: 0, balance: "0x6", code: "0x", storage: {} } } });
  assert.equal(await rpc(one, "anvil_loadState", `0x${Buffer.from(plain).toString("hex")}`), true);
  assert.equal(await rpc(one, "eth_getBalance", NOBODY, "latest"), "0x6");
  assert.equal(await rpc(one, "eth_getTransactionCount", NOBODY, "latest"), "0x1", "a nonce is not lowered");
  assert.equal((await two.post("network/connect", { address: one.p2p })).body.code, "DETACHED");
});

test("what is no dump is refused with the reason, and detaches nothing", async () => {
  await using nodes = new Nodes();
  const node = await nodes.start("one", { dev: true });
  const other = await nodes.start("two");
  const accountsOf = (account: unknown): Hex => compress({ accounts: { [NOBODY]: account } });
  const whole = { nonce: 0, balance: "0x0", code: "0x", storage: {} };
  const refused: readonly (readonly [RegExp, unknown])[] = [
    [/the body is not valid JSON/, "0x"],
    [/failed to decode state dump: unexpected end of file/, "0x1f8b"],
    [/not valid UTF-8/, "0xff"],
    [
      /failed to decode state dump: Cannot create a Buffer larger than 16777216 bytes/,
      `0x${gzipSync(Buffer.alloc(2 ** 24 + 1)).toString("hex")}`,
    ],
    [/expected an object/, compress({})],
    [/expected an object/, compress({ accounts: [] })],
    [/an address is 0x and 40 hex digits/, compress({ accounts: { "0x12": whole } })],
    [/expected a string/, accountsOf({ nonce: 0, code: "0x" })],
    [/a nonce is below/, accountsOf({ ...whole, nonce: "0xffffffffffffffff" })],
    [/expected an unsigned integer/, accountsOf({ ...whole, nonce: -1 })],
    [/hex number > 256 bits/, accountsOf({ ...whole, balance: `0x1${"0".repeat(64)}` })],
    [/even number of digits/, accountsOf({ ...whole, code: "0x6" })],
    [/at most 32 bytes/, accountsOf({ ...whole, storage: { [word(1)]: `0x${"1".repeat(66)}` } })],
    [/more than 16384 accounts and slots/, accountsOf({ ...whole, storage: many(16_385, word) })],
    [/more than 16384 accounts and slots/, compress({ accounts: many(16_385, (n) => `0x${word(n).slice(26)}`) })],
    [/invalid hex in storage key/, accountsOf({ ...whole, storage: { one: word(1) } })],
  ];
  for (const [message, dump] of refused) {
    const failure = await rpcFailure(node, "anvil_loadState", dump);
    assert.deepEqual([failure.code, message.test(failure.message)], [-32602, true], failure.message);
  }
  assert.equal((await rpcFailure(node, "anvil_dumpState", 1)).code, -32602);
  await connect(other, node);
});
