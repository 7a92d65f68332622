import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type FoundryProgram, FoundryProject, foundryProgram } from "./foundry.ts";
import { rpc } from "./json-rpc.ts";
import { allAgree, balance, connect, Nodes } from "./nodes.ts";
import { compileErc20 } from "./solidity.ts";

/** The first two development accounts, whose keys are public. */
const KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const FIRST = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const SECOND = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const NOBODY = `0x${"77".repeat(20)}`;

/** The program; where it is not installed the test ends. */
function requireProgram(t: TestContext, name: FoundryProgram): string | undefined {
  const program = foundryProgram(name);
  if (program === undefined) t.skip(`the package of ${name} for this machine is not installed`);
  return program;
}

test("cast deploys and sends on node 1, signed here and by the node, and calls and reads on node 2", async (t) => {
  const cast = requireProgram(t, "cast");
  if (cast === undefined) return;
  await using nodes = new Nodes();
  using project = new FoundryProject();
  const one = await nodes.start("one", { dev: true });
  const two = await nodes.start("two");
  await connect(two, one);
  const on = (url: string, ...args: readonly string[]) => project.run(cast, ...args, "--rpc-url", url);
  const { bytecode } = compileErc20();
  const creation = ["--create", bytecode, "constructor(string,uint256)", "Cast", "1000"];
  const deployed = JSON.parse(
    await project.run(cast, "send", "--rpc-url", one.url, "--json", "--private-key", KEY, ...creation),
  ) as { readonly contractAddress: string; readonly status: string };
  assert.equal(deployed.status, "0x1");
  const coin = deployed.contractAddress;
  const transfer = ["transfer(address,uint256)", SECOND, "5"];
  await on(one.url, "send", "--json", "--from", FIRST, "--unlocked", coin, ...transfer);
  await allAgree([one, two]);
  assert.match(await on(two.url, "call", coin, "balanceOf(address)(uint256)", SECOND), /^5$/);
  assert.equal(await balance(two, coin, SECOND), "5");
  assert.equal(await on(two.url, "chain-id"), "31337");
  assert.equal(await on(two.url, "nonce", FIRST), "2");
  const logs = JSON.parse(await on(two.url, "logs", "--json", "--from-block", "0", "--address", coin)) as unknown[];
  assert.equal(logs.length, 2);
  await assert.rejects(
    on(one.url, "send", "--private-key", KEY, coin, "transfer(address,uint256)", SECOND, "100000"),
    /execution reverted/,
  );
  const estimate = Number(await on(two.url, "estimate", "--from", FIRST, coin, ...transfer));
  assert.ok(estimate > 21_000 && estimate < 100_000, String(estimate));
});

test("cast drives a development node by hand", async (t) => {
  const cast = requireProgram(t, "cast");
  if (cast === undefined) return;
  await using nodes = new Nodes();
  using project = new FoundryProject();
  const { url } = await nodes.start("one", { dev: true });
  const node = { url };
  const castRpc = (...args: readonly string[]) => project.run(cast, "rpc", "--rpc-url", url, ...args);
  await castRpc("anvil_setBalance", NOBODY, "1000000000000000000");
  await castRpc("anvil_impersonateAccount", NOBODY);
  await project.run(cast, "send", "--rpc-url", url, "--from", NOBODY, "--unlocked", SECOND, "--value", "3");
  await castRpc("anvil_mine", "10");
  await castRpc("evm_setNextBlockTimestamp", "4102444800");
  await castRpc("evm_mine");
  const latest = await rpc<{ readonly timestamp: string; readonly number: string }>(
    node,
    "eth_getBlockByNumber",
    "latest",
    false,
  );
  assert.deepEqual([Number(latest.timestamp), Number(latest.number)], [4_102_444_800, 12]);
  // It offers a small tip, though none is needed.
  const left = BigInt(await project.run(cast, "balance", "--rpc-url", url, NOBODY));
  assert.ok(left <= 10n ** 18n - 3n && left > 10n ** 18n - 10n ** 12n, String(left));
  const info = JSON.parse(await castRpc("anvil_nodeInfo")) as { readonly currentBlockNumber: string };
  assert.equal(Number(info.currentBlockNumber), 12);
});

const SCRIPT = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
interface Vm { function startBroadcast() external; function stopBroadcast() external; }
contract Coin is ERC20 {
    constructor(uint256 supply) ERC20("Forge", "FRG") { _mint(msg.sender, supply); }
}
contract Vault {
    Coin public coin;
    constructor(Coin coin_) { coin = coin_; }
}
contract Deploy {
    Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    bool public IS_SCRIPT = true;
    function run() external {
        vm.startBroadcast();
        Coin coin = new Coin(100);
        Vault vault = new Vault(coin);
        coin.transfer(address(vault), 40);
        vm.stopBroadcast();
    }
}
`;

interface Broadcast {
  readonly receipts: readonly { readonly status: string }[];
  readonly transactions: readonly { readonly contractName: string; readonly contractAddress: string }[];
}

test("forge script --broadcast deploys on node 1 what node 2 shows", async (t) => {
  const forge = requireProgram(t, "forge");
  if (forge === undefined) return;
  await using nodes = new Nodes();
  using project = new FoundryProject();
  const one = await nodes.start("one");
  const two = await nodes.start("two");
  await connect(two, one);
  project.write("script/Deploy.s.sol", SCRIPT);
  await project.run(
    forge,
    ...["script", "script/Deploy.s.sol:Deploy", "--rpc-url", one.url, "--broadcast", "--private-key", KEY, "--offline"],
  );
  const { receipts, transactions } = project.readJson<Broadcast>("broadcast/Deploy.s.sol/31337/run-latest.json");
  assert.deepEqual(
    receipts.map(({ status }) => status),
    ["0x1", "0x1", "0x1"],
  );
  const addressOf = (name: string): string =>
    transactions.find(({ contractName }) => contractName === name)?.contractAddress ?? "";
  await allAgree([one, two]);
  assert.equal(await balance(two, addressOf("Coin"), addressOf("Vault")), "40");
});
