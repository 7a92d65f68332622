import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMPT, verifyMPTWithMerkleProof } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import {
  concatHex,
  createPublicClient,
  createWalletClient,
  defineChain,
  encodeFunctionData,
  type Hex,
  hexToBytes,
  http,
  keccak256,
  numberToHex,
  pad,
  parseEther,
  parseEventLogs,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { allAgree, balance, connect, deployToken, eventually, mint, Nodes, type TestNode } from "./nodes.ts";
import { compileErc20 } from "./solidity.ts";

/** The first of the well-known development accounts, which the default genesis funds. */
const account = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");

function clientsOf(node: TestNode) {
  const chain = defineChain({
    id: 31_337,
    name: "Counterpart",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [node.url] } },
  });
  const options = { chain, transport: http(node.url), pollingInterval: 20 };
  return { reader: createPublicClient(options), writer: createWalletClient({ ...options, account }) };
}

describe("an ERC-20 of OpenZeppelin compiled elsewhere", () => {
  test("deployed as bytecode through REST, is the same on every node", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    const two = await nodes.start("two");
    await connect(two, one);
    const { abi, bytecode } = compileErc20();
    const deployed = await one.post("contracts", {
      contract_type: "custom",
      name: "Coin",
      bytecode,
      abi,
      args: ["My coin", "123456789012345678901234567890"],
    });
    assert.equal(deployed.status, 201, JSON.stringify(deployed.body));
    const address = deployed.body.address as Hex;
    await allAgree([one, two]);
    assert.equal(await balance(two, address, one.account), "123456789012345678901234567890");
    const { reader } = clientsOf(two);
    assert.equal(await reader.readContract({ address, abi, functionName: "name" }), "My coin");
    const there = await two.post(`contracts/${address}/call`, { function: "symbol" });
    assert.equal(there.body.result, "COIN");
  });

  test("deployed by viem on one node, is used and read by viem on the other, and listed without artifact", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    const two = await nodes.start("two");
    await connect(two, one);
    const { abi, bytecode } = compileErc20();
    const here = clientsOf(one);
    const hash = await here.writer.deployContract({ abi, bytecode, args: ["Raw coin", 1_000n] });
    const receipt = await here.reader.waitForTransactionReceipt({ hash });
    const address = receipt.contractAddress as Hex;
    assert.equal(receipt.status, "success");
    await allAgree([one, two]);

    const there = clientsOf(two);
    assert.equal(
      await there.reader.readContract({ address, abi, functionName: "balanceOf", args: [account.address] }),
      1_000n,
    );
    const sent = await there.writer.writeContract({ address, abi, functionName: "mint", args: [account.address, 5n] });
    const minted = await there.reader.waitForTransactionReceipt({ hash: sent });
    assert.equal(minted.status, "success");
    const [event] = parseEventLogs({ abi, logs: minted.logs, eventName: "Transfer" });
    assert.deepEqual((event as { args?: unknown } | undefined)?.args, {
      from: "0x0000000000000000000000000000000000000000",
      to: account.address,
      value: 5n,
    });
    await allAgree([one, two]);
    assert.equal(await here.reader.readContract({ address, abi, functionName: "totalSupply" }), 1_005n);
    const logs = await here.reader.getContractEvents({ address, abi, eventName: "Transfer", fromBlock: 0n });
    assert.equal(logs.length, 2);
    const listed = await two.get(`contracts/${address}`);
    assert.equal(listed.body.contract_type, null);
    assert.equal(listed.body.owner, account.address);
    assert.equal(await balance(two, address, account.address), "1005");
  });
});

test("viem sends ether, estimates gas, and sees nonces, fees and blocks on both nodes", async () => {
  await using nodes = new Nodes();
  const one = await nodes.start("one");
  const two = await nodes.start("two");
  await connect(two, one);
  const { reader, writer } = clientsOf(one);
  const to = two.account as Hex;
  const hash = await writer.sendTransaction({ to, value: parseEther("1.5") });
  const receipt = await reader.waitForTransactionReceipt({ hash });
  await allAgree([one, two]);
  const there = clientsOf(two).reader;
  assert.equal(await there.getBalance({ address: to }), parseEther("1.5"));
  assert.equal(await there.getTransactionCount({ address: account.address }), 1);
  assert.equal((await there.getTransaction({ hash })).value, parseEther("1.5"));
  assert.equal(await there.estimateGas({ account, to, value: 1n }), 21_000n);
  const block = await there.getBlock({ blockNumber: receipt.blockNumber, includeTransactions: true });
  assert.equal(block.hash, receipt.blockHash);
  assert.equal(block.transactions[0]?.hash, hash);
  assert.equal(block.baseFeePerGas, 0n);
  assert.equal((await there.getFeeHistory({ blockCount: 4, rewardPercentiles: [50] })).oldestBlock, 0n);
});

test("viem delegates an account to a contract (EIP-7702), gas estimated here, and both nodes show it", async () => {
  await using nodes = new Nodes();
  const one = await nodes.start("one");
  const two = await nodes.start("two");
  await connect(two, one);
  const { abi, bytecode } = compileErc20();
  const { reader, writer } = clientsOf(one);
  const deployment = await writer.deployContract({ abi, bytecode, args: ["Delegate", 0n] });
  const { contractAddress } = await reader.waitForTransactionReceipt({ hash: deployment });
  const delegating = privateKeyToAccount(`0x${"42".repeat(32)}`);
  const authorization = await writer.signAuthorization({
    account: delegating,
    contractAddress: contractAddress as Hex,
  });
  const data = encodeFunctionData({ abi, functionName: "totalSupply" });
  const hash = await writer.sendTransaction({ to: delegating.address, data, authorizationList: [authorization] });
  assert.equal((await reader.waitForTransactionReceipt({ hash })).type, "eip7702");
  await allAgree([one, two]);
  const code = await clientsOf(two).reader.getCode({ address: delegating.address });
  assert.equal(code, `0xef0100${(contractAddress as Hex).slice(2)}`);
});

/** Value of a leaf by a trie library that is not ours, which throws when the proof does not lead to the root. */
async function provenLeaf(root: Hex, key: Hex, proof: readonly Hex[]): Promise<Uint8Array | null> {
  const nodes = proof.map((node) => hexToBytes(node));
  return verifyMPTWithMerkleProof(await createMPT(), hexToBytes(root), hexToBytes(keccak256(key)), nodes);
}

test("an outside verifier recomputes state hash and storage root of a contract from eth_getProof", async () => {
  await using nodes = new Nodes();
  const one = await nodes.start("one");
  const two = await nodes.start("two");
  const address = (await deployToken(one)) as Hex;
  await mint(one, address, two.account, "77");
  await connect(two, one);
  const { reader } = clientsOf(two);
  const block = await reader.getBlock();
  // OpenZeppelin's ERC-20 holds balances in the mapping at slot 0.
  const slot = keccak256(concatHex([pad(two.account as Hex), numberToHex(0, { size: 32 })]));
  const absent = keccak256("0x1234");
  const proof = await reader.getProof({ address, storageKeys: [slot, absent] });

  const leaf = await provenLeaf(block.stateRoot, address, proof.accountProof);
  const encoded = RLP.encode([BigInt(proof.nonce), proof.balance, proof.storageHash, proof.codeHash]);
  assert.deepEqual(leaf, encoded);
  const [held, empty] = proof.storageProof;
  assert.equal(held?.value, 77n);
  assert.deepEqual(await provenLeaf(proof.storageHash, slot, held?.proof ?? []), RLP.encode(77n));
  assert.equal(await provenLeaf(proof.storageHash, absent, empty?.proof ?? []), null);

  const { body } = await two.get(`contracts/${address}`);
  assert.equal(body.storage_root, proof.storageHash);
  const stateHash = keccak256(
    RLP.encode([address, BigInt(proof.nonce), proof.balance, proof.storageHash, proof.codeHash]),
  );
  assert.equal(body.state_hash, stateHash);
  assert.equal(body.integrity_hash, keccak256(concatHex([stateHash, body.artifact_hash as Hex])));
  await eventually(async () => assert.deepEqual((await one.get(`contracts/${address}`)).body.state_hash, stateHash));
});
