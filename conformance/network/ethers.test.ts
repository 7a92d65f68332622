import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Contract,
  ContractFactory,
  dataSlice,
  getAddress,
  isCallException,
  JsonRpcProvider,
  type Log,
  verifyMessage,
  verifyTypedData,
  Wallet,
  WebSocketProvider,
} from "ethers";
import { rpc } from "./json-rpc.ts";
import { allAgree, connect, deployToken, eventually, Nodes } from "./nodes.ts";
import { compile, compileErc20 } from "./solidity.ts";
import { FIRST, SECOND } from "./viem-clients.ts";

/** Of the second development account. */
const SECOND_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

/** What is certain to be there. */
function given<T>(value: T | null | undefined): T {
  assert.ok(value !== null && value !== undefined);
  return value;
}

test("ethers deploys and writes with the node's accounts and with its own key, and reads on the other node", async () => {
  await using nodes = new Nodes();
  const one = await nodes.start("one", { dev: true });
  const two = await nodes.start("two");
  await connect(two, one);
  const options = { pollingInterval: 20, staticNetwork: false } as const;
  const [here, there] = [
    new JsonRpcProvider(one.url, undefined, options),
    new JsonRpcProvider(two.url, undefined, options),
  ];
  try {
    const signer = await here.getSigner();
    assert.equal(signer.address, FIRST);
    const { abi, bytecode } = compileErc20();
    const coin = await new ContractFactory(abi as [], bytecode, signer).deploy("Ethers", 1_000n);
    await coin.waitForDeployment();
    const address = await coin.getAddress();
    const own = new Contract(address, abi as [], new Wallet(SECOND_KEY, here));
    const received = given(await given(await coin.getFunction("transfer").send(SECOND, 60n)).wait());
    assert.deepEqual([received.status, received.from, received.logs.length], [1, FIRST, 1]);
    const spent = given(await given(await own.getFunction("transfer").send(FIRST, 10n)).wait());
    assert.equal(spent.from, SECOND);
    await allAgree([one, two]);

    const shown = new Contract(address, abi as [], there);
    assert.equal(await shown.getFunction("balanceOf").staticCall(SECOND), 50n);
    const filter = given(shown.filters.Transfer)(FIRST, SECOND);
    const events = await shown.queryFilter(filter, 0);
    assert.deepEqual(
      events.map((event) => ("args" in event ? [...event.args] : [])),
      [[FIRST, SECOND, 60n]],
    );
    const block = given(await there.getBlock(spent.blockNumber, true));
    assert.deepEqual([block.hash, block.prefetchedTransactions[0]?.hash], [spent.blockHash, spent.hash]);
    const fees = await there.getFeeData();
    assert.equal(fees.gasPrice, 0n);
    assert.equal(await there.getTransactionCount(FIRST), 2);
    await assert.rejects(own.getFunction("transfer").send(FIRST, 51n), (error: unknown) => {
      assert.ok(isCallException(error));
      const { name, args } = given(own.interface.parseError(given(error.data)));
      assert.deepEqual([name, [...args]], ["ERC20InsufficientBalance", [SECOND, 50n, 51n]]);
      return true;
    });
  } finally {
    here.destroy();
    there.destroy();
  }
});

test("ethers hears over WebSocket of blocks, of logs that a filter lets through, and of what is pending on the other node", async () => {
  await using nodes = new Nodes();
  const one = await nodes.start("one", { dev: true });
  const two = await nodes.start("two");
  await connect(two, one);
  const here = new JsonRpcProvider(one.url, undefined, { pollingInterval: 20 });
  const there = new WebSocketProvider(two.url.replace("http", "ws"));
  try {
    const { abi, bytecode } = compileErc20();
    const coin = await new ContractFactory(abi as [], bytecode, await here.getSigner()).deploy("Ethers", 1_000n);
    await coin.waitForDeployment();
    await allAgree([one, two]);
    const [blocks, pending, received]: [number[], string[], Log[]] = [[], [], []];
    const toSecond = given(coin.filters.Transfer)(null, SECOND);
    await there.on("block", (number: number) => blocks.push(number));
    await there.on("pending", (hash: string) => pending.push(hash));
    await there.on({ address: await coin.getAddress(), topics: await toSecond.getTopicFilter() }, (log: Log) =>
      received.push(log),
    );
    // What was subscribed to is confirmed before the node answers this.
    const before = await there.getBlockNumber();

    await rpc(one, "evm_setAutomine", false);
    const transfers = [];
    for (const to of [SECOND, FIRST, SECOND]) transfers.push(await coin.getFunction("transfer").send(to, 7n));
    const hashes = transfers.map(({ hash }) => hash);
    await eventually(async () => assert.deepEqual(pending, hashes));
    for (let block = 0; block < 2; block++) await rpc(one, "evm_mine");
    for (const transfer of transfers) assert.equal((await transfer.wait())?.status, 1);
    await allAgree([one, two]);
    const head = Number(await rpc(one, "eth_blockNumber"));
    await eventually(async () => {
      assert.equal(blocks.at(-1), head);
      assert.equal(received.length, 2);
    });
    assert.deepEqual(
      blocks,
      Array.from({ length: head - before }, (_, at) => before + 1 + at),
    );
    assert.deepEqual(
      received.map(({ transactionHash, topics }) => [transactionHash, getAddress(dataSlice(topics[2] ?? "0x", 12))]),
      [hashes[0], hashes[2]].map((hash) => [hash, SECOND]),
    );
  } finally {
    here.destroy();
    await there.destroy();
  }
});

test("ethers' transactions are waited for on the node that does not seal, though no other block follows", async () => {
  await using nodes = new Nodes();
  const [one, two] = [await nodes.start("one"), await nodes.start("two")];
  await connect(two, one);
  // From its first block on, node 1 leads.
  await deployToken(one);
  await allAgree([one, two]);
  const provider = new WebSocketProvider(two.url.replace("http", "ws"));
  try {
    const wallet = new Wallet(SECOND_KEY, provider);
    for (let nonce = 0; nonce < 5; nonce++) {
      const sent = await wallet.sendTransaction({ to: FIRST, value: 1n, nonce });
      const receipt = given(await sent.wait(1, 10_000));
      assert.deepEqual([receipt.hash, receipt.status], [sent.hash, 1]);
    }
    const { sealer } = (await two.get("blocks/latest")).body;
    assert.equal(String(sealer).toLowerCase(), await rpc(one, "eth_coinbase"));
  } finally {
    await provider.destroy();
  }
});

test("ethers has messages and typed data signed by the node, and contracts recover the account", async () => {
  await using nodes = new Nodes();
  const node = await nodes.start("one", { dev: true });
  const provider = new JsonRpcProvider(node.url);
  try {
    const signer = await provider.getSigner(SECOND);
    assert.equal(verifyMessage("hello", await signer.signMessage("hello")), SECOND);
    const domain = { name: "Mail", version: "1", chainId: 31_337 };
    const types = {
      Person: [
        { name: "name", type: "string" },
        { name: "wallets", type: "address[]" },
      ],
      Mail: [
        { name: "from", type: "Person" },
        { name: "amount", type: "int128" },
      ],
    };
    const value = { from: { name: "Ann", wallets: [FIRST, SECOND] }, amount: -(2n ** 100n) };
    assert.equal(verifyTypedData(domain, types, value, await signer.signTypedData(domain, types, value)), SECOND);
    const checker = compile(
      "Checker",
      `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
contract Checker {
  function who(bytes calldata message, bytes calldata signature) external pure returns (address) {
    return ECDSA.recover(MessageHashUtils.toEthSignedMessageHash(message), signature);
  }
}`,
    );
    const contract = await new ContractFactory(checker.abi as [], checker.bytecode, signer).deploy();
    await contract.waitForDeployment();
    const signature = await signer.signMessage("hello");
    assert.equal(await contract.getFunction("who").staticCall(Buffer.from("hello"), signature), SECOND);
  } finally {
    provider.destroy();
  }
});
