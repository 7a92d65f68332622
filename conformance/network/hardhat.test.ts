import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { HardhatProject, hasHardhat } from "./hardhat-project.ts";
import { rpc } from "./json-rpc.ts";
import { allAgree, connect, Nodes } from "./nodes.ts";
import { compileErc20 } from "./solidity.ts";

const ABSENT = "Hardhat's native part is not installed: npm of Node 22 or later installs it";
const NOBODY = `0x${"77".repeat(20)}`;
const FIRST = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
/** Answers with slot 0. */
const READER = "0x60005460005260206000f3";

/** Whether the test can go on. */
function requireHardhat(t: TestContext): boolean {
  const isThere = hasHardhat();
  if (!isThere) t.skip(ABSENT);
  return isThere;
}

test("every helper of Hardhat 3 does on a node with --dev what it says", async (t) => {
  if (!requireHardhat(t)) return;
  await using nodes = new Nodes();
  using project = new HardhatProject();
  const node = await nodes.start("one", { dev: true });
  const found = await project.script<Record<string, unknown>>(
    node.url,
    `
const { networkHelpers: helpers, ethers, provider } = connection;
const { time } = helpers;
const nobody = "${NOBODY}";
const found = {};
await helpers.mine();
await helpers.mine(4, { interval: 10 });
await helpers.mineUpTo(8);
found.block = await time.latestBlock();
const before = await time.latest();
found.increased = (await time.increase(3_600)) - before;
await time.increaseTo(before + 10_000);
found.increasedTo = (await time.latest()) - before;
await time.setNextBlockTimestamp(before + 20_000);
await helpers.mine();
found.next = (await time.latest()) - before;
await helpers.setBalance(nobody, 10n ** 18n);
await helpers.setNonce(nobody, 7);
await helpers.setCode(nobody, "${READER}");
await helpers.setStorageAt(nobody, 0, 42);
found.balance = await ethers.provider.getBalance(nobody);
found.nonce = await ethers.provider.getTransactionCount(nobody);
found.storage = await helpers.getStorageAt(nobody, 0);
found.call = await ethers.provider.call({ to: nobody });
const snapshot = await helpers.takeSnapshot();
await helpers.setBalance(nobody, 5n);
await helpers.mine(3);
await snapshot.restore();
found.restored = await ethers.provider.getBalance(nobody);
await helpers.impersonateAccount(nobody);
const signer = await ethers.getSigner(nobody);
const sent = await signer.sendTransaction({ to: "${FIRST}", value: 3n });
const receipt = await sent.wait();
found.impersonated = [receipt.from.toLowerCase(), receipt.status, sent.nonce];
await helpers.stopImpersonatingAccount(nobody);
found.refused = await signer.sendTransaction({ to: "${FIRST}", value: 3n }).then(() => "sent", (error) => error.message);
await helpers.setCoinbase(nobody);
await helpers.setNextBlockBaseFeePerGas(9n);
await helpers.setPrevRandao(5n);
await helpers.setBlockGasLimit(50_000_000n);
await helpers.mine();
const { baseFeePerGas, gasLimit, miner, mixHash } =
  await provider.request({ method: "eth_getBlockByNumber", params: ["latest", false] });
found.fields = [baseFeePerGas, gasLimit, miner, mixHash].map(Number);
await provider.request({ method: "evm_setAutomine", params: [false] });
const [first] = await ethers.getSigners();
const { hash } = await first.sendTransaction({ to: nobody, value: 1n });
found.dropped = await helpers.dropTransaction(hash);
let runs = 0;
async function fixture() { runs++; await helpers.mine(2); return time.latestBlock(); }
const fixed = await helpers.loadFixture(fixture);
await helpers.mine(5);
found.fixture = [await helpers.loadFixture(fixture) === fixed, await time.latestBlock() === fixed, runs];
done(found);
`,
  );
  const { refused, ...rest } = found;
  assert.match(String(refused), /unknown account/);
  assert.deepEqual(rest, {
    block: 8,
    increased: 3_600,
    increasedTo: 10_000,
    next: 20_000,
    balance: (10n ** 18n).toString(),
    nonce: 7,
    storage: `0x${"2a".padStart(64, "0")}`,
    call: `0x${"2a".padStart(64, "0")}`,
    restored: (10n ** 18n).toString(),
    impersonated: [NOBODY, 1, 7],
    fields: [9, 50_000_000, Number(NOBODY), 5],
    dropped: true,
    fixture: [true, true, 1],
  });
});

test("Hardhat Ignition deploys through node 1 what node 2 shows, in parts that depend on each other", async (t) => {
  if (!requireHardhat(t)) return;
  await using nodes = new Nodes();
  using project = new HardhatProject();
  const one = await nodes.start("one", { dev: true });
  const two = await nodes.start("two");
  await connect(two, one);
  const { abi, bytecode } = compileErc20();
  project.write(
    "coin.json",
    JSON.stringify({
      _format: "hh3-artifact-1",
      contractName: "Coin",
      sourceName: "Coin.sol",
      abi,
      bytecode,
      deployedBytecode: "0x",
      linkReferences: {},
      deployedLinkReferences: {},
    }),
  );
  const deployed = await project.script<{ readonly coin: string; readonly supply: string }>(
    one.url,
    `
import { readFileSync } from "node:fs";
import { buildModule } from "@nomicfoundation/ignition-core";
const artifact = JSON.parse(readFileSync("coin.json", "utf8"));
const module = buildModule("Coins", (m) => {
  const first = m.contract("Coin", artifact, ["First", 100n], { id: "first" });
  const second = m.contract("Coin", artifact, ["Second", 5n], { id: "second", after: [first] });
  m.call(second, "mint", [first, 7n]);
  return { first, second };
});
const { first, second } = await connection.ignition.deploy(module);
done({ coin: await second.getAddress(), supply: await second.totalSupply(), held: await second.balanceOf(await first.getAddress()) });
`,
  );
  assert.equal(deployed.supply, "12");
  await allAgree([one, two]);
  assert.notEqual(await rpc(two, "eth_getCode", deployed.coin, "latest"), "0x");
  assert.equal((await two.get(`contracts/${deployed.coin}`)).status, 200);
});
