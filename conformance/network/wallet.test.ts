/** What MetaMask asks a network that its user adds, and on the way of one transaction, as its extension sends it. */

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { test } from "node:test";
import { createPublicClient, encodeDeployData, encodeFunctionData, type Hex, http, parseEther } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { allAgree, connect, eventually, Nodes } from "./nodes.ts";
import { compileErc20 } from "./solidity.ts";
import { clientsOf } from "./viem-clients.ts";

const ORIGIN = "chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn";
const account = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const NOBODY: Hex = `0x${"77".repeat(20)}`;

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** As a browser sends it for an extension; fetch does not let a test say its origin. */
function post(url: string, body: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", origin: ORIGIN, accept: "application/json" };
    const request = httpRequest(url, { method: "POST", headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve(JSON.parse(Buffer.concat(chunks).toString())));
    });
    request.on("error", reject);
    request.end(JSON.stringify(body));
  });
}

function walletOf(url: string) {
  let id = 0;
  return async <T>(method: string, ...params: readonly unknown[]): Promise<T> => {
    const { result, error } = (await post(url, { id: ++id, jsonrpc: "2.0", method, params })) as Answer;
    assert.equal(error, undefined, `${method}: ${error?.message}`);
    return result as T;
  };
}

test("a wallet adds the network, sends ether and tokens through node 1, and sees them on node 2", async () => {
  await using nodes = new Nodes();
  const one = await nodes.start("one");
  const two = await nodes.start("two");
  await connect(two, one);
  const { abi, bytecode } = compileErc20();
  const { reader } = clientsOf(one);
  const ask = walletOf(one.url);

  // The network is added: chain id, version, capabilities.
  assert.equal(await ask("eth_chainId"), "0x7a69");
  assert.equal(await ask("net_version"), "31337");
  const block = await ask<Record<string, string>>("eth_getBlockByNumber", "latest", false);
  assert.equal(block.baseFeePerGas, "0x0", "it takes fees of EIP-1559");
  assert.equal(await ask("eth_getBlockByNumber", "0xffffff", false), null);
  assert.match(await ask("eth_blockNumber"), /^0x/);
  // Balances of the account, in one batch.
  const batch = (await post(one.url, [
    { id: 1, jsonrpc: "2.0", method: "eth_getBalance", params: [account.address.toLowerCase(), block.number] },
    { id: 2, jsonrpc: "2.0", method: "eth_getTransactionCount", params: [account.address.toLowerCase(), "latest"] },
  ])) as readonly Answer[];
  assert.deepEqual(
    batch.map(({ result }) => typeof result),
    ["string", "string"],
  );

  const send = async (transaction: { readonly to?: Hex; readonly data?: Hex; readonly value?: bigint }) => {
    const shape = {
      from: account.address.toLowerCase(),
      ...(transaction.to === undefined ? {} : { to: transaction.to }),
      ...(transaction.data === undefined ? {} : { data: transaction.data }),
      value: `0x${(transaction.value ?? 0n).toString(16)}`,
    };
    if (transaction.to !== undefined) await ask("eth_getCode", transaction.to, "latest");
    const gas = await ask<Hex>("eth_estimateGas", shape);
    const history = await ask<{ baseFeePerGas: Hex[]; reward: Hex[][] }>(
      "eth_feeHistory",
      "0x5",
      "latest",
      [10, 20, 30],
    );
    assert.ok(history.baseFeePerGas.length > history.reward.length);
    await ask("eth_gasPrice");
    const nonce = await ask<Hex>("eth_getTransactionCount", account.address.toLowerCase(), "pending");
    const raw = await account.signTransaction({
      type: "eip1559",
      chainId: 31_337,
      nonce: Number(nonce),
      gas: (BigInt(gas) * 3n) / 2n,
      maxFeePerGas: 2_500_000_000n,
      maxPriorityFeePerGas: 1_500_000_000n,
      ...transaction,
    });
    const hash = await ask<Hex>("eth_sendRawTransaction", raw);
    let receipt: Record<string, string> | null = null;
    await eventually(async () => {
      receipt = await ask("eth_getTransactionReceipt", hash);
      assert.ok(receipt);
    });
    const { status, blockHash, contractAddress } = given(receipt as Record<string, string> | null);
    assert.equal(status, "0x1");
    assert.equal((await ask<Record<string, string>>("eth_getTransactionByHash", hash)).blockHash, blockHash);
    assert.ok(await ask("eth_getBlockByHash", blockHash, false));
    return contractAddress as Hex;
  };

  await send({ to: NOBODY, value: parseEther("0.5") });
  const deployment = { abi, bytecode, args: ["Coin", 9n] } as const;
  const coin = await send({ data: encodeDeployData(deployment) });
  // The token is found out about, and sent.
  for (const functionName of ["symbol", "decimals", "name"]) {
    await ask("eth_call", { to: coin, data: encodeFunctionData({ abi, functionName }) }, "latest");
  }
  await send({ to: coin, data: encodeFunctionData({ abi, functionName: "transfer", args: [NOBODY, 4n] }) });
  await allAgree([one, two]);
  const there = createPublicClient({ transport: http(two.url) });
  assert.equal(await there.getBalance({ address: NOBODY }), parseEther("0.5"));
  assert.equal(await there.readContract({ abi, address: coin, functionName: "balanceOf", args: [NOBODY] }), 4n);
  assert.equal(await reader.getTransactionCount({ address: account.address }), 3);
});

function given<T>(value: T | null): T {
  assert.ok(value !== null);
  return value;
}
