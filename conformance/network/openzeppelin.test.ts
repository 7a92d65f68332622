/** What people do with OpenZeppelin's contracts: sent to node 1, which signs, and read on node 2. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Abi,
  type Address,
  encodeFunctionData,
  getAddress,
  type Hex,
  keccak256,
  parseSignature,
  toHex,
  zeroAddress,
} from "viem";
import { allAgree, connect, Nodes, type TestNode } from "./nodes.ts";
import { type Compiled, compile } from "./solidity.ts";
import { type Clients, clientsOf, FIRST, SECOND, THIRD } from "./viem-clients.ts";

const HEAD = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.24;\n";

/** Two nodes in step, and a contract that is deployed on the first. */
class Stage implements AsyncDisposable {
  readonly #nodes = new Nodes();
  one!: TestNode;
  two!: TestNode;
  here!: Clients;
  there!: Clients;

  static async open(): Promise<Stage> {
    const stage = new Stage();
    stage.one = await stage.#nodes.start("one", { dev: true });
    stage.two = await stage.#nodes.start("two");
    await connect(stage.two, stage.one);
    stage.here = clientsOf(stage.one);
    stage.there = clientsOf(stage.two);
    return stage;
  }

  async deploy({ abi, bytecode }: Compiled, ...args: readonly unknown[]): Promise<Address> {
    const hash = await this.here.writer.deployContract({ abi, bytecode, args });
    const { contractAddress, status } = await this.here.reader.waitForTransactionReceipt({ hash });
    assert.equal(status, "success");
    return getAddress(contractAddress as Address);
  }

  /** Sends on node 1, from an account that it holds. */
  async send(
    from: Address,
    abi: Abi,
    address: Address,
    functionName: string,
    ...args: readonly unknown[]
  ): Promise<void> {
    const hash = await this.here.writerOf(from).writeContract({ abi, address, functionName, args });
    assert.equal((await this.here.reader.waitForTransactionReceipt({ hash })).status, "success", functionName);
  }

  /** Why a call would not be sent. */
  async refusal(
    from: Address,
    abi: Abi,
    address: Address,
    functionName: string,
    ...args: readonly unknown[]
  ): Promise<string> {
    const request = { account: from, abi, address, functionName, args };
    return this.here.reader.simulateContract(request).then(
      () => assert.fail(`${functionName} was not refused`),
      (error: Error) => error.message,
    );
  }

  /** Reads on node 2, once it has what node 1 has. */
  async read<T>(abi: Abi, address: Address, functionName: string, ...args: readonly unknown[]): Promise<T> {
    await allAgree([this.one, this.two]);
    return (await this.there.reader.readContract({ abi, address, functionName, args })) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#nodes[Symbol.asyncDispose]();
  }
}

describe("OpenZeppelin's contracts over two nodes", () => {
  test("an ERC-20 permit signed by the node lets another account spend", async () => {
    await using stage = await Stage.open();
    const coin = compile(
      "Coin",
      `${HEAD}import {ERC20Permit, ERC20} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
contract Coin is ERC20Permit { constructor() ERC20("Coin", "COIN") ERC20Permit("Coin") { _mint(msg.sender, 100); } }`,
    );
    const { abi } = coin;
    const address = await stage.deploy(coin);
    const deadline = 4_102_444_800n;
    const signature = await stage.here.writer.signTypedData({
      domain: { name: "Coin", version: "1", chainId: 31_337, verifyingContract: address },
      types: {
        Permit: [
          { name: "owner", type: "address" },
          { name: "spender", type: "address" },
          { name: "value", type: "uint256" },
          { name: "nonce", type: "uint256" },
          { name: "deadline", type: "uint256" },
        ],
      },
      primaryType: "Permit",
      message: { owner: FIRST, spender: SECOND, value: 60n, nonce: 0n, deadline },
    });
    const { v, r, s } = parseSignature(signature);
    const permit = [FIRST, SECOND, 60n, deadline, Number(v), r, s];
    await stage.send(THIRD, abi, address, "permit", ...permit);
    assert.equal(await stage.read(abi, address, "allowance", FIRST, SECOND), 60n);
    await stage.send(SECOND, abi, address, "transferFrom", FIRST, THIRD, 25n);
    assert.equal(await stage.read(abi, address, "balanceOf", THIRD), 25n);
    assert.equal(await stage.read(abi, address, "nonces", FIRST), 1n);
    assert.match(await stage.refusal(THIRD, abi, address, "permit", ...permit), /ERC2612InvalidSigner/);
    const events = await stage.there.reader.getContractEvents({ abi, address, eventName: "Transfer", fromBlock: 0n });
    assert.equal(events.length, 2);
  });

  test("an ERC-721 is minted, approved, and given to a contract that takes it", async () => {
    await using stage = await Stage.open();
    const art = compile(
      "Art",
      `${HEAD}import {ERC721URIStorage, ERC721} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721URIStorage.sol";
contract Art is ERC721URIStorage {
  constructor() ERC721("Art", "ART") {}
  function mint(address to, uint256 id, string calldata uri) external { _safeMint(to, id); _setTokenURI(id, uri); }
}`,
    );
    const vault = compile(
      "Vault",
      `${HEAD}import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";
contract Vault is ERC721Holder {}`,
    );
    const { abi } = art;
    const address = await stage.deploy(art);
    const holder = await stage.deploy(vault);
    await stage.send(FIRST, abi, address, "mint", FIRST, 7n, "ipfs://seven");
    assert.equal(await stage.read(abi, address, "tokenURI", 7n), "ipfs://seven");
    await stage.send(FIRST, abi, address, "approve", SECOND, 7n);
    assert.equal(await stage.read(abi, address, "getApproved", 7n), SECOND);
    assert.match(
      await stage.refusal(SECOND, abi, address, "safeTransferFrom", FIRST, address, 7n),
      /ERC721InvalidReceiver/,
    );
    await stage.send(SECOND, abi, address, "safeTransferFrom", FIRST, holder, 7n);
    assert.equal(await stage.read(abi, address, "ownerOf", 7n), holder);
    const [sale] = await stage.there.reader.getContractEvents({
      abi,
      address,
      eventName: "Transfer",
      args: { from: FIRST, tokenId: 7n },
      fromBlock: 0n,
    });
    assert.deepEqual((sale as { args?: unknown } | undefined)?.args, { from: FIRST, to: holder, tokenId: 7n });
  });

  test("roles of AccessControl are granted, used, and missed by name", async () => {
    await using stage = await Stage.open();
    const counter = compile(
      "Counter",
      `${HEAD}import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
contract Counter is AccessControl {
  bytes32 public constant WORKER = keccak256("WORKER");
  uint256 public count;
  constructor() { _grantRole(DEFAULT_ADMIN_ROLE, msg.sender); }
  function work() external onlyRole(WORKER) { count++; }
}`,
    );
    const { abi } = counter;
    const address = await stage.deploy(counter);
    const worker = keccak256(toHex("WORKER"));
    assert.match(
      await stage.refusal(SECOND, abi, address, "work"),
      new RegExp(`AccessControlUnauthorizedAccount\\(address account, bytes32 neededRole\\)[^]*${SECOND}, ${worker}`),
    );
    await stage.send(FIRST, abi, address, "grantRole", worker, SECOND);
    await stage.send(SECOND, abi, address, "work");
    assert.equal(await stage.read(abi, address, "count"), 1n);
    await stage.send(FIRST, abi, address, "revokeRole", worker, SECOND);
    assert.equal(await stage.read(abi, address, "hasRole", worker, SECOND), false);
  });

  test("a UUPS proxy is upgraded by its owner, and keeps its state", async () => {
    await using stage = await Stage.open();
    const box = (version: number): string => `${HEAD}
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
contract Box is Initializable, UUPSUpgradeable {
  address public owner;
  uint256 public value;
  function initialize(address owner_) external initializer { owner = owner_; }
  function set(uint256 value_) external { value = value_ * ${version}; }
  function version() external pure returns (uint256) { return ${version}; }
  function _authorizeUpgrade(address) internal view override { require(msg.sender == owner, "not the owner"); }
}`;
    const proxy = compile(
      "Proxy",
      `${HEAD}import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
contract Proxy is ERC1967Proxy { constructor(address to, bytes memory data) ERC1967Proxy(to, data) {} }`,
    );
    const [first, second] = [compile("Box", box(1)), compile("Box", box(2))];
    const { abi } = first;
    const implementations = [await stage.deploy(first), await stage.deploy(second)] as const;
    const data = encodeFunctionData({ abi, functionName: "initialize", args: [FIRST] });
    const address = await stage.deploy(proxy, implementations[0], data);
    await stage.send(THIRD, abi, address, "set", 21n);
    assert.match(
      await stage.refusal(THIRD, abi, address, "upgradeToAndCall", implementations[1], "0x"),
      /not the owner/,
    );
    assert.match(await stage.refusal(THIRD, abi, address, "initialize", THIRD), /InvalidInitialization/);
    await stage.send(FIRST, abi, address, "upgradeToAndCall", implementations[1], "0x");
    assert.equal(await stage.read(abi, address, "version"), 2n);
    assert.equal(await stage.read(abi, address, "value"), 21n);
    await stage.send(THIRD, abi, address, "set", 21n);
    assert.equal(await stage.read(abi, address, "value"), 42n);
    const slot = `0x${(BigInt(keccak256(toHex("eip1967.proxy.implementation"))) - 1n).toString(16)}` as Hex;
    const stored = await stage.there.reader.getStorageAt({ address, slot });
    assert.equal(BigInt(stored ?? zeroAddress), BigInt(implementations[1]));
  });

  test("a proposal to a Governor is voted for and executed after as many blocks as it wants", async () => {
    await using stage = await Stage.open();
    const votes = compile(
      "Votes",
      `${HEAD}import {ERC20Votes, ERC20} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
contract Votes is ERC20Votes { constructor() ERC20("Votes", "V") EIP712("Votes", "1") { _mint(msg.sender, 100); } }`,
    );
    const governor = compile(
      "Dao",
      `${HEAD}import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {GovernorVotesQuorumFraction} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
contract Dao is Governor, GovernorCountingSimple, GovernorVotes, GovernorVotesQuorumFraction {
  uint256 public decided;
  constructor(IVotes token) Governor("Dao") GovernorVotes(token) GovernorVotesQuorumFraction(4) {}
  function votingDelay() public pure override returns (uint256) { return 5; }
  function votingPeriod() public pure override returns (uint256) { return 50; }
  function decide(uint256 value) external onlyGovernance { decided = value; }
}`,
    );
    const token = await stage.deploy(votes);
    const dao = await stage.deploy(governor, token);
    const { abi } = governor;
    await stage.send(FIRST, votes.abi, token, "delegate", FIRST);
    const calls = [[dao], [0n], [encodeFunctionData({ abi, functionName: "decide", args: [42n] })]] as const;
    const text = "decide 42";
    await stage.send(FIRST, abi, dao, "propose", ...calls, text);
    const hash = keccak256(toHex(text));
    const id = await stage.read<bigint>(abi, dao, "hashProposal", ...calls, hash);
    // Other nodes take these blocks: they are dated as the clock says.
    await stage.here.tester.mine({ blocks: 6 });
    await stage.send(FIRST, abi, dao, "castVote", id, 1);
    assert.match(await stage.refusal(FIRST, abi, dao, "execute", ...calls, hash), /GovernorUnexpectedProposalState/);
    await stage.here.tester.mine({ blocks: 51 });
    assert.equal(await stage.read(abi, dao, "state", id), 4, "succeeded");
    await stage.send(SECOND, abi, dao, "execute", ...calls, hash);
    assert.equal(await stage.read(abi, dao, "decided"), 42n);
    const votesFor = await stage.read<readonly bigint[]>(abi, dao, "proposalVotes", id);
    assert.deepEqual(votesFor, [0n, 100n, 0n]);
  });
});
