import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { bytesToHex } from "@counterpart/core/base/bytes";
import {
  type Abi,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  parseEventLogs,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { accountOf, keyOf } from "../../engine/engine.test-support.ts";
import { createFakeBackend, serverOptions } from "../fake-backend.test-support.ts";
import { createApiServer } from "../server.ts";

const TOKEN = JSON.parse(readFileSync(new URL("../../contracts/templates/token.json", import.meta.url), "utf8")) as {
  readonly abi: Abi;
  readonly bytecode: Hex;
};

const OWNER = privateKeyToAccount(bytesToHex(keyOf(1)));
const OTHER = accountOf(2);

async function openClients(batch = false) {
  const server = createApiServer(serverOptions(createFakeBackend()));
  after(() => server.stop());
  const { url } = await server.start();
  const chain = defineChain({
    id: 31337,
    name: "test",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const transport = http(url, { batch, retryCount: 0 });
  return {
    url,
    reader: createPublicClient({ chain, transport, pollingInterval: 10 }),
    wallet: createWalletClient({ account: OWNER, chain, transport }),
  };
}

test("viem deploys a contract, writes, reads, and finds its events", async () => {
  const { reader, wallet } = await openClients();
  const args = ["TestToken", "TEST", 18, 10n ** 24n, 5n, OWNER.address];
  const deployed = await reader.waitForTransactionReceipt({ hash: await wallet.deployContract({ ...TOKEN, args }) });
  const address = deployed.contractAddress;
  assert.equal(deployed.status, "success");
  assert.ok(address);
  const token = { abi: TOKEN.abi, address };

  const { request } = await reader.simulateContract({
    ...token,
    functionName: "mint",
    args: [OTHER, 1000n],
    account: OWNER,
  });
  const minted = await reader.waitForTransactionReceipt({ hash: await wallet.writeContract(request) });
  assert.equal(minted.status, "success");
  assert.equal(minted.effectiveGasPrice, 0n);
  const [event] = parseEventLogs({ abi: TOKEN.abi, logs: minted.logs, eventName: "Transfer" });
  assert.equal((event as unknown as { args: { value: bigint } }).args.value, 1000n);

  assert.equal(await reader.readContract({ ...token, functionName: "balanceOf", args: [OTHER] }), 1000n);
  assert.equal(await reader.readContract({ ...token, functionName: "totalSupply" }), 1005n);
  const events = await reader.getContractEvents({ ...token, eventName: "Transfer", fromBlock: 0n });
  assert.equal(events.length, 2);
  assert.equal(events[1]?.transactionHash, minted.transactionHash);
  assert.ok((await reader.getCode({ address }))?.startsWith("0x"));
});

test("viem decodes a custom error of a revert", async () => {
  const { reader, wallet } = await openClients();
  const args = ["TestToken", "TEST", 18, 10n, 5n, OWNER.address];
  const { contractAddress } = await reader.waitForTransactionReceipt({
    hash: await wallet.deployContract({ ...TOKEN, args }),
  });
  assert.ok(contractAddress);
  const mint = {
    abi: TOKEN.abi,
    address: contractAddress,
    functionName: "mint",
    args: [OTHER, 1000n],
    account: OWNER,
  } as const;
  const nameOf = (error: unknown): string | undefined => {
    const cause =
      error instanceof Error && "walk" in error
        ? (error.walk as (match: (e: unknown) => boolean) => unknown)((e) => e instanceof ContractFunctionRevertedError)
        : undefined;
    return cause instanceof ContractFunctionRevertedError ? cause.data?.errorName : undefined;
  };
  await assert.rejects(reader.simulateContract(mint), (error) => nameOf(error) === "ERC20ExceededCap");
  await assert.rejects(wallet.writeContract(mint), (error) => nameOf(error) === "ERC20ExceededCap");
});

test("viem sends value with fees and nonce of its own finding", async () => {
  const { reader, wallet } = await openClients();
  const before = await reader.getBalance({ address: OTHER });
  const hashes: Hex[] = [];
  for (let i = 0; i < 3; i++) hashes.push(await wallet.sendTransaction({ to: OTHER, value: 7n }));
  await Promise.all(hashes.map((hash) => reader.waitForTransactionReceipt({ hash })));
  assert.equal(await reader.getBalance({ address: OTHER }), before + 21n);
  assert.equal(await reader.getTransactionCount({ address: OWNER.address }), 3);
  const transaction = await reader.getTransaction({ hash: hashes[2] as Hex });
  assert.deepEqual([transaction.type, transaction.nonce, transaction.value], ["eip1559", 2, 7n]);
  assert.equal(await reader.getTransactionConfirmations({ hash: hashes[0] as Hex }), 3n);
});

test("viem has the node fill in a transaction that it will sign", async () => {
  const { reader, wallet } = await openClients();
  await reader.waitForTransactionReceipt({ hash: await wallet.sendTransaction({ to: OTHER, value: 1n }) });
  const { transaction } = await reader.fillTransaction({ account: OWNER, to: OTHER, value: 7n });
  const { type, nonce, gas, maxFeePerGas, value } = transaction;
  assert.deepEqual([type, nonce, gas, maxFeePerGas, value], ["eip1559", 1, 21_000n, 0n, 7n]);
  const hash = await wallet.sendTransaction(transaction as Parameters<typeof wallet.sendTransaction>[0]);
  assert.equal((await reader.waitForTransactionReceipt({ hash })).status, "success");
});

test("viem reads blocks, fees, proofs and the chain", async () => {
  const { reader, wallet } = await openClients();
  await reader.waitForTransactionReceipt({ hash: await wallet.sendTransaction({ to: OTHER, value: 1n }) });
  const block = await reader.getBlock({ includeTransactions: true });
  assert.equal(block.number, 1n);
  assert.equal(block.baseFeePerGas, 0n);
  assert.equal(block.transactions[0]?.from, OWNER.address.toLowerCase());
  assert.equal((await reader.getBlock({ blockHash: block.hash })).hash, block.hash);
  assert.equal((await reader.getBlock({ blockTag: "finalized" })).number, 0n);
  assert.equal(await reader.getChainId(), 31337);
  assert.equal(await reader.getGasPrice(), 0n);
  assert.equal(await reader.estimateMaxPriorityFeePerGas(), 0n);
  assert.equal((await reader.getFeeHistory({ blockCount: 2, rewardPercentiles: [50] })).reward?.length, 2);
  const proof = await reader.getProof({ address: OWNER.address, storageKeys: [] });
  assert.equal(proof.nonce, 1);
  await assert.rejects(reader.getBlock({ blockNumber: 99n }), /could not be found/);
  await assert.rejects(reader.getTransactionReceipt({ hash: block.hash }), /could not be found/);
});

test("viem calls with overrides, simulates blocks and lists accesses", async () => {
  const { reader } = await openClients();
  // SLOAD(CALLDATALOAD(0))
  const code: Hex = "0x5f35545f5260205ff3";
  const slot: Hex = `0x${"1".padStart(64, "0")}`;
  const stateOverride = [{ address: OTHER, code, stateDiff: [{ slot, value: slot }] }];
  const { data } = await reader.call({ to: OTHER, data: slot, stateOverride });
  assert.equal(data, slot);
  const gas = await reader.estimateGas({ account: OWNER.address, to: OTHER, data: slot, stateOverride });
  assert.ok(gas > 23_000n && gas < 25_000n);
  const blocks = await reader.simulateBlocks({
    blocks: [
      { stateOverrides: stateOverride, calls: [{ to: OTHER, data: slot }] },
      { calls: [{ account: OWNER.address, to: OTHER, value: 1n, data: slot }] },
    ],
  });
  assert.deepEqual(
    blocks.map(({ number, calls }) => [number, calls.map(({ status, data: output }) => [status, output])]),
    [
      [1n, [["success", slot]]],
      [2n, [["success", slot]]],
    ],
  );
  const { accessList } = await reader.createAccessList({ to: OTHER, data: slot });
  assert.deepEqual(accessList, []);
  await assert.rejects(
    reader.call({ account: OTHER, to: OWNER.address, value: 10n ** 30n }),
    /insufficient funds|exceeds the balance/,
  );
});

test("viem's batches and notifications-free posts are answered", async () => {
  const { reader } = await openClients(true);
  const [number, chainId, balance] = await Promise.all([
    reader.getBlockNumber({ cacheTime: 0 }),
    reader.getChainId(),
    reader.getBalance({ address: OWNER.address }),
  ]);
  assert.deepEqual([number, chainId, balance], [0n, 31337, 10n ** 20n]);
});

test("over HTTP a notification is answered with 204 and malformed JSON with a JSON-RPC error", async () => {
  const { url } = await openClients();
  const post = (body: string) => fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  const notification = await post('{"jsonrpc":"2.0","method":"eth_chainId"}');
  assert.equal(notification.status, 204);
  assert.equal(await notification.text(), "");
  for (const body of ["{", "", Buffer.from([0xff]).toString("latin1")]) {
    const answer = await post(body);
    assert.equal(answer.status, 200);
    assert.equal(((await answer.json()) as { error: { code: number } }).error.code, -32700);
  }
  const invalidUtf8 = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: new Uint8Array([0x22, 0xff, 0x22]),
  });
  assert.equal(((await invalidUtf8.json()) as { error: { code: number } }).error.code, -32700);
});
