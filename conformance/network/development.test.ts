import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestClient, type Hex, http, toHex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { reset, verify } from "../../packages/node/src/cli/db.ts";
import { rpc, rpcFailure } from "./json-rpc.ts";
import { allAgree, connect, deployToken, eventually, Nodes, startNode, type TestNode } from "./nodes.ts";
import { clientsOf } from "./viem-clients.ts";

const NOBODY = `0x${"77".repeat(20)}`;
const FIRST = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const DEV_METHODS = [
  "evm_mine",
  "evm_snapshot",
  "hardhat_setBalance",
  "anvil_setBalance",
  "hardhat_metadata",
  "anvil_nodeInfo",
  "anvil_setLoggingEnabled",
  "anvil_dumpState",
];

const number = async (node: TestNode): Promise<number> => Number(await rpc(node, "eth_blockNumber"));
const balance = async (node: TestNode, of = NOBODY): Promise<bigint> =>
  BigInt(await rpc<string>(node, "eth_getBalance", of, "latest"));
const timestamp = async (node: TestNode, block = "latest"): Promise<number> =>
  Number((await rpc<{ timestamp: string }>(node, "eth_getBlockByNumber", block, false)).timestamp);

test("without --dev, and where signers are listed, there are no development methods", async () => {
  await using nodes = new Nodes();
  const plain = await nodes.start("plain");
  const listed = {
    chainId: 7,
    consensus: "poa",
    signers: [FIRST],
    timestamp: 1_767_225_600,
    gasLimit: 60_000_000,
    alloc: {},
  };
  const genesis = await nodes.writeFile("genesis.json", JSON.stringify(listed));
  const closed = await nodes.start("closed", { dev: true, genesis });
  for (const node of [plain, closed]) {
    for (const method of DEV_METHODS) assert.equal((await rpcFailure(node, method)).code, -32601, method);
    assert.match(await rpc<string>(node, "web3_clientVersion"), /^counterpart\//);
  }
});

test("what other nodes can follow is done while they are connected, and they follow", async () => {
  await using nodes = new Nodes();
  const one = await nodes.start("one", { dev: true });
  const two = await nodes.start("two");
  await connect(two, one);
  await rpc(one, "evm_mine");
  await rpc(one, "hardhat_mine", "0x3", "0x2");
  assert.equal(await number(one), 4);
  await rpc(one, "evm_increaseTime", 20);
  await rpc(one, "evm_mine");
  await rpc(one, "eth_sendTransaction", { from: FIRST, to: NOBODY, value: "0x5" });
  await allAgree([one, two]);
  assert.equal(await balance(two), 5n);
});

test("what was sent is in a block when its sender is answered, as long as blocks are sealed on demand", async () => {
  await using nodes = new Nodes();
  const node = await nodes.start("one", { dev: true });
  const other = await nodes.start("two");
  await connect(other, node);
  const { reader } = clientsOf(node);
  const own = privateKeyToAccount(generatePrivateKey());
  for (let n = 1; n <= 5; n++) {
    const hash = await rpc<string>(node, "eth_sendTransaction", { from: FIRST, to: NOBODY, value: "0x1" });
    assert.equal((await rpc<{ status: string } | null>(node, "eth_getTransactionReceipt", hash))?.status, "0x1");
    const fees = { maxFeePerGas: 0n, maxPriorityFeePerGas: 0n };
    const raw = await own.signTransaction({ chainId: 31_337, to: NOBODY as Hex, gas: 21_000n, nonce: n - 1, ...fees });
    await rpc(node, "eth_sendRawTransaction", raw);
    assert.equal(await reader.getTransactionCount({ address: own.address }), n);
    assert.equal(await balance(node), BigInt(n));
  }
  // What waits for another transaction, and everything once blocks are made by hand, is not waited for.
  const nonce = Number(await rpc(node, "eth_getTransactionCount", FIRST, "pending"));
  const ahead = await rpc(node, "eth_sendTransaction", {
    from: FIRST,
    to: NOBODY,
    value: "0x1",
    nonce: toHex(nonce + 1),
  });
  assert.equal(await rpc(node, "eth_getTransactionReceipt", ahead), null);
  await rpc(node, "evm_setAutomine", false);
  const waiting = await rpc(node, "eth_sendTransaction", {
    from: FIRST,
    to: NOBODY,
    value: "0x1",
    nonce: toHex(nonce),
  });
  assert.equal(await rpc(node, "eth_getTransactionReceipt", waiting), null);
  await rpc(node, "evm_mine");
  assert.equal(await balance(node), 7n);
});

test("what was set for the next block is that block's: messages run by it before, and by the usual rules after", async () => {
  await using nodes = new Nodes();
  const node = await nodes.start("one", { dev: true });
  const price = { maxFeePerGas: "0x1", maxPriorityFeePerGas: "0x0" };
  const payment = { from: FIRST, to: NOBODY, value: "0x1", ...price };
  // GASLIMIT, stored and returned.
  const blocksGasLimit = { data: "0x4560005260206000f3" };
  assert.equal(await rpc(node, "eth_estimateGas", payment), "0x5208");
  await rpc(node, "hardhat_setNextBlockBaseFeePerGas", "0x9");
  await rpc(node, "evm_setBlockGasLimit", "0x2faf080");
  assert.match((await rpcFailure(node, "eth_estimateGas", payment)).message, /maxFeePerGas: 1, baseFee: 9/);
  assert.equal(BigInt((await rpc(node, "eth_call", blocksGasLimit, "pending")) as string), 50_000_000n);
  await rpc(node, "evm_mine");
  const { baseFeePerGas, gasLimit } = (await rpc(node, "eth_getBlockByNumber", "latest", false)) as Record<
    string,
    string
  >;
  assert.deepEqual([baseFeePerGas, gasLimit], ["0x9", "0x2faf080"]);
  assert.equal(await rpc(node, "eth_estimateGas", payment), "0x5208");
  assert.match((await rpcFailure(node, "eth_call", payment, "latest")).message, /maxFeePerGas: 1, baseFee: 9/);
  assert.equal(await rpc(node, "eth_call", payment, "pending"), "0x");
});

test("what they could not follow is refused while they are connected, and parts from them when they are not", async () => {
  await using nodes = new Nodes();
  const one = await nodes.start("one", { dev: true });
  const two = await nodes.start("two");
  await deployToken(one);
  await connect(two, one);
  const before = await number(one);
  const far = Math.floor(Date.now() / 1000) + 86_400;
  const calls: readonly (readonly [string, ...unknown[]])[] = [
    ["hardhat_setBalance", NOBODY, "0x1"],
    ["anvil_setCode", NOBODY, "0x00"],
    ["anvil_setStorageAt", NOBODY, "0x0", `0x${"0".repeat(63)}1`],
    ["hardhat_setNonce", NOBODY, "0x9"],
    ["hardhat_setCoinbase", NOBODY],
    ["evm_setNextBlockTimestamp", far],
    ["evm_mine", far],
    ["evm_increaseTime", 86_400],
    ["hardhat_mine", "0x64", "0x3c"],
    ["hardhat_setNextBlockBaseFeePerGas", "0x1"],
    ["hardhat_reset"],
  ];
  for (const [method, ...params] of calls) {
    const { code, message } = await rpcFailure(one, method, ...params);
    assert.deepEqual(
      [code, /other nodes could not follow, and peers are connected/.test(message)],
      [-32000, true],
      method,
    );
  }
  await rpc(one, "hardhat_impersonateAccount", NOBODY);
  const impersonated = { from: NOBODY, to: FIRST, gas: "0x5208" };
  assert.match((await rpcFailure(one, "eth_sendTransaction", impersonated)).message, /peers are connected/);
  const id = await rpc(one, "evm_snapshot");
  assert.match((await rpcFailure(one, "evm_revert", id)).message, /peers are connected/);
  assert.equal(await number(one), before);
  await allAgree([one, two]);

  await one.post("network/disconnect", {});
  assert.equal(await rpc(one, "hardhat_setBalance", NOBODY, "0x1234"), true);
  assert.equal(await balance(one), 0x1234n);
  const dialled = await two.post("network/connect", { address: one.p2p });
  assert.deepEqual([dialled.status, dialled.body.code], [409, "DETACHED"]);
  assert.match(String(dialled.body.detail), /the peer's chain was changed by development methods/);
  const dials = await one.post("network/connect", { address: two.p2p });
  assert.deepEqual([dials.status, dials.body.code], [409, "DETACHED"]);
  assert.match(String(dials.body.detail), /hardhat_setBalance has changed this chain/);

  assert.equal(await rpc(one, "hardhat_reset"), true);
  assert.deepEqual([await number(one), await balance(one)], [0, 0n]);
  await connect(two, one);
  await allAgree([one, two]);
  assert.equal(await number(one), before);
});

test("a detached data directory stays so over restarts, checks as whole, and is refused without --dev", async () => {
  await using nodes = new Nodes();
  const first = await nodes.start("one", { dev: true });
  const { dataDir } = first;
  await rpc(first, "anvil_setBalance", NOBODY, "0x9");
  await rpc(first, "anvil_impersonateAccount", NOBODY);
  await rpc(first, "eth_sendTransaction", { from: NOBODY, to: FIRST, value: "0x2" });
  await rpc(first, "anvil_setCode", NOBODY, "0x6001");
  await rpc(first, "evm_mine");
  await rpc(first, "anvil_setBalance", NOBODY, "0x63");
  await nodes.stop(first);
  const printed: string[] = [];
  await verify({ dataDir }, { print: (text) => printed.push(text), now: () => performance.now() });
  assert.match(printed.join(""), /is whole/);
  await assert.rejects(startNode(dataDir), { code: "DETACHED", message: /start with --dev, or give it up with/ });
  const second = await nodes.start("one", { dev: true });
  assert.equal(await balance(second), 0x63n);
  const other = await nodes.start("two");
  const dialled = await other.post("network/connect", { address: second.p2p });
  assert.equal(dialled.body.code, "DETACHED");
  await rpc(second, "evm_mine");
  assert.equal(await balance(second), 0x63n);
  const { account } = second;
  await nodes.stop(second);
  await reset({ dataDir }, { print: (text) => printed.push(text) });
  assert.match(printed.at(-1) ?? "", /which anvil_setBalance had changed, is gone/);
  const third = await nodes.start("one");
  assert.deepEqual([await number(third), third.account], [0, account]);
  await connect(other, third);
  await nodes.stop(third);
  await assert.rejects(reset({ dataDir }, { print() {} }), { code: "INVALID_CONFIG", message: /nothing to reset/ });
});

test("time, intervals and automatic blocks are as they are told to be", async () => {
  await using nodes = new Nodes();
  const node = await nodes.start("one", { dev: true });
  const start = Math.floor(Date.now() / 1000);
  await rpc(node, "evm_setNextBlockTimestamp", start + 1_000);
  await rpc(node, "evm_mine");
  assert.equal(await timestamp(node), start + 1_000);
  await rpc(node, "hardhat_mine", "0xa", "0x3c");
  assert.equal(await number(node), 11);
  // The first of the ten comes as late as this test asked for it.
  assert.equal(await timestamp(node), (await timestamp(node, "0x2")) + 9 * 60);
  assert.ok((await timestamp(node, "0x2")) >= start + 1_000);
  assert.match(
    (await rpcFailure(node, "evm_setNextBlockTimestamp", start)).message,
    /is lower than previous block's timestamp/,
  );
  await rpc(node, "evm_increaseTime", "0xe10");
  await rpc(node, "evm_mine");
  assert.ok((await timestamp(node)) >= start + 1_540 + 3_600);

  assert.equal(await rpc(node, "hardhat_getAutomine"), true);
  await rpc(node, "evm_setAutomine", false);
  const hash = await rpc(node, "eth_sendTransaction", { from: FIRST, to: NOBODY, value: "0x1" });
  const second = await rpc(node, "eth_sendTransaction", { from: FIRST, to: NOBODY, value: "0x1" });
  assert.equal(await rpc(node, "eth_getTransactionReceipt", hash), null);
  assert.equal(await rpc(node, "hardhat_dropTransaction", second), true);
  assert.equal(await rpc(node, "hardhat_dropTransaction", second), false);
  await rpc(node, "evm_setIntervalMining", 20);
  await eventually(async () => assert.ok(await rpc(node, "eth_getTransactionReceipt", hash)));
  const before = await number(node);
  await eventually(async () => assert.ok((await number(node)) > before + 2));
  await rpc(node, "evm_setIntervalMining", 0);
  await rpc(node, "evm_setAutomine", true);
  const third = await rpc(node, "eth_sendTransaction", { from: FIRST, to: NOBODY, value: "0x1" });
  await eventually(async () => assert.ok(await rpc(node, "eth_getTransactionReceipt", third)));
  assert.equal(await balance(node), 2n);
});

test("viem dates blocks at an interval, and is told what is not supported", async () => {
  await using nodes = new Nodes();
  const node = await nodes.start("one", { dev: true });
  const { tester } = clientsOf(node);
  const anvil = createTestClient({ mode: "anvil", chain: tester.chain, transport: http(node.url) });
  await anvil.mine({ blocks: 1 });
  await anvil.setBlockTimestampInterval({ interval: 600 });
  const first = await timestamp(node);
  await anvil.mine({ blocks: 3 });
  assert.equal(await timestamp(node), first + 1_800);
  await anvil.removeBlockTimestampInterval();
  assert.equal(await rpc(node, "anvil_removeBlockTimestampInterval"), false);
  await anvil.mine({ blocks: 1 });
  assert.equal(await timestamp(node), first + 1_800);

  for (const prefix of ["anvil", "hardhat"]) assert.equal(await rpc(node, `${prefix}_setLoggingEnabled`, false), null);
  const missing = { name: "MethodNotFoundRpcError", code: -32601 };
  await assert.rejects(anvil.sendUnsignedTransaction({ from: FIRST, to: FIRST }), missing);
  for (const client of [anvil, tester]) {
    await assert.rejects(client.setMinGasPrice({ gasPrice: 1n }), missing);
    await client.setLoggingEnabled(true);
  }
});

test("a snapshot is gone back to by its id, whatever happened since", async () => {
  await using nodes = new Nodes();
  const node = await nodes.start("one", { dev: true });
  await rpc(node, "hardhat_setBalance", NOBODY, "0x7");
  const id = await rpc<string>(node, "evm_snapshot");
  const token = await deployToken(node);
  await rpc(node, "hardhat_setBalance", NOBODY, "0x8");
  await rpc(node, "hardhat_mine", "0x5");
  assert.equal(await rpc(node, "evm_revert", id), true);
  assert.equal(await rpc(node, "evm_revert", id), false);
  assert.deepEqual([await number(node), await balance(node)], [0, 7n]);
  assert.equal((await node.get(`contracts/${token}`)).status, 404);
  assert.equal(await deployToken(node), token, "the same nonce makes the same address");
});

test("what makes no sense is refused with the reason, and detaches nothing", async () => {
  await using nodes = new Nodes();
  const node = await nodes.start("one", { dev: true });
  const refused: readonly (readonly [RegExp, string, ...unknown[]])[] = [
    [/expected an unsigned integer/, "hardhat_setBalance", NOBODY, -1],
    [/hex number > 256 bits/, "hardhat_setBalance", NOBODY, `0x1${"0".repeat(64)}`],
    [/an address is 0x and 40 hex digits/, "anvil_setCode", "0x12", "0x00"],
    [/even number of digits/, "anvil_setCode", NOBODY, "0x0"],
    [/at most 32 bytes/, "anvil_setStorageAt", NOBODY, "0x0", `0x${"0".repeat(66)}`],
    [/must not be smaller than the existing nonce/, "hardhat_setNonce", FIRST, "0x0"],
    [/a nonce is below 2\^64 - 1/, "hardhat_setNonce", FIRST, "0xffffffffffffffff"],
    [/times are seconds since 1970/, "evm_setNextBlockTimestamp", Date.now()],
    [/times are seconds since 1970/, "evm_increaseTime", 2 ** 50],
    [/at most 100000 blocks/, "hardhat_mine", "0x186a1"],
    [/at most 1000000000 gas/, "evm_setBlockGasLimit", "0x3b9aca01"],
    [/an interval is at most/, "anvil_setIntervalMining", 100_000],
    [/times are seconds since 1970/, "anvil_setBlockTimestampInterval", 2 ** 50],
    [/expected a boolean/, "evm_setAutomine", "yes"],
    [/expected a boolean/, "anvil_setLoggingEnabled", "yes"],
    [/too many arguments/, "evm_snapshot", 1],
    [/missing value for required argument 0/, "evm_revert"],
  ];
  await rpc(node, "eth_sendTransaction", { from: FIRST, to: NOBODY, value: "0x1" });
  for (const [message, method, ...params] of refused) {
    const failure = await rpcFailure(node, method, ...params);
    assert.deepEqual([failure.code, message.test(failure.message)], [-32602, true], `${method}: ${failure.message}`);
  }
  assert.match(
    (await rpcFailure(node, "hardhat_reset", { forking: { jsonRpcUrl: "http://x" } })).message,
    /not supported/,
  );
  assert.match((await rpcFailure(node, "hardhat_reset", { forking: { blockNumber: 5 } })).message, /not supported/);
  assert.equal(await rpc(node, "anvil_reset", { forking: { jsonRpcUrl: null } }), null);
  assert.equal(await rpc(node, "evm_revert", "0x9"), false);
  const other = await nodes.start("two");
  await connect(other, node);
});
