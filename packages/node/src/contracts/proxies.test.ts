import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { accountOf } from "../engine/engine.test-support.ts";
import { openTestNode, requireIncluded, type TestNode } from "./contracts.test-support.ts";
import { compileAll, hardhatArtifact, type SolcContract, solidity } from "./solidity.test-support.ts";
import type { ArgumentValue } from "./types.ts";

const SOURCE = solidity(`
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {BeaconProxy} from "@openzeppelin/contracts/proxy/beacon/BeaconProxy.sol";
import {UpgradeableBeacon} from "@openzeppelin/contracts/proxy/beacon/UpgradeableBeacon.sol";
import {TransparentUpgradeableProxy} from "@openzeppelin/contracts/proxy/transparent/TransparentUpgradeableProxy.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
contract Plain is ERC1967Proxy { constructor(address to) ERC1967Proxy(to, abi.encodeWithSignature("initialize()")) {} }
contract Transparent is TransparentUpgradeableProxy {
  constructor(address to, address owner) TransparentUpgradeableProxy(to, owner, abi.encodeWithSignature("initialize()")) {}
}
contract Follower is BeaconProxy { constructor(address beacon) BeaconProxy(beacon, abi.encodeWithSignature("initialize()")) {} }
contract Beacon is UpgradeableBeacon { constructor(address to, address owner) UpgradeableBeacon(to, owner) {} }
contract Cloner { function clone(address to) external returns (address) { return Clones.clone(to); } }
contract Box {
  error TooLarge(uint256 value);
  event Stored(uint256 value);
  uint256 public value;
  function initialize() external {}
  function store(uint256 next) external { if (next > 9) revert TooLarge(next); value = next; emit Stored(next); }
}
contract BetterBox { uint256 public value; function increment() external { value++; } }
`);

let contracts: Record<string, SolcContract>;
before(() => {
  contracts = compileAll(SOURCE);
});

async function deploy({ service }: TestNode, name: string, args: readonly ArgumentValue[] = []): Promise<Hex> {
  const code = { kind: "artifact", artifact: hardhatArtifact(name, contracts[name] as SolcContract) } as const;
  return requireIncluded(await service.deploy({ contractType: "custom", code, args })).address;
}

async function usesBox({ service }: TestNode, address: Hex): Promise<void> {
  const stored = requireIncluded(await service.execute(address, { function: "store", params: { next: "7" } }));
  assert.deepEqual(
    stored.logs.map(({ event, args }) => [event, args]),
    [["Stored", { value: "7" }]],
  );
  assert.equal(await service.call(address, { function: "value" }), "7");
  await assert.rejects(service.execute(address, { function: "store", params: ["10"] }), {
    code: "EXECUTION_REVERTED",
    message: /TooLarge/,
  });
}

describe("a proxy", () => {
  it("of ERC-1967 is shown with its implementation and takes that one's functions by name", async () => {
    const node = openTestNode();
    const box = await deploy(node, "Box");
    const address = await deploy(node, "Transparent", [box, accountOf(5)]);
    await usesBox(node, address);
    const { proxy } = await node.service.get(address);
    assert.equal(proxy?.kind, "erc1967");
    assert.equal(proxy.implementation, box);
    assert.equal(proxy.artifact?.name, "Box");
    assert.equal(proxy.admin, createAddress(address, 1n));
    assert.equal((await node.service.get(box)).proxy, undefined);
    const { contracts: listed } = await node.service.list({ limit: 10 });
    assert.deepEqual(
      listed.filter(({ proxy }) => proxy !== undefined).map(({ entry }) => entry.address),
      [address],
    );
  });

  it("of a beacon follows it", async () => {
    const node = openTestNode();
    const beacon = await deploy(node, "Beacon", [await deploy(node, "Box"), node.keys.own]);
    const address = await deploy(node, "Follower", [beacon]);
    await usesBox(node, address);
    const better = await deploy(node, "BetterBox");
    await node.service.execute(beacon, { function: "upgradeTo", params: [better] });
    const { proxy } = await node.service.get(address);
    assert.deepEqual([proxy?.kind, proxy?.beacon, proxy?.implementation], ["erc1967_beacon", beacon, better]);
    await node.service.execute(address, { function: "increment" });
    assert.equal(await node.service.call(address, { function: "value" }), "8");
    await assert.rejects(node.service.execute(address, { function: "store", params: ["1"] }), {
      code: "UNKNOWN_FUNCTION",
    });
  });

  it("of ERC-1167, which nobody has published anything of, is used by its implementation's functions", async () => {
    const node = openTestNode();
    const box = await deploy(node, "Box");
    const cloner = await deploy(node, "Cloner");
    const { result } = requireIncluded(await node.service.execute(cloner, { function: "clone", params: [box] }));
    const clone = String(result) as Hex;
    const { artifact, proxy } = await node.service.get(clone);
    assert.deepEqual([artifact, proxy?.kind, proxy?.implementation], [undefined, "erc1167", box]);
    await usesBox(node, clone);
  });

  it("whose implementation nobody has described has no functions to call by name", async () => {
    const node = openTestNode();
    const address = await deploy(node, "Plain", [await deploy(node, "Box")]);
    const { proxy } = await node.service.get(address);
    await node.service.publish(proxy?.implementation as Hex, {});
    await assert.rejects(node.service.call(address, { function: "value" }), { code: "UNKNOWN_FUNCTION" });
    assert.deepEqual((await node.service.get(address)).proxy?.artifact, {});
  });

  it("says whose code it runs to whoever publishes that code as its own", async () => {
    const node = openTestNode();
    const box = await deploy(node, "Box");
    const address = await deploy(node, "Plain", [box]);
    const source = { kind: "artifact", artifact: hardhatArtifact("Box", contracts.Box as SolcContract) } as const;
    await assert.rejects(node.service.publish(address, {}, source), {
      code: "CODE_MISMATCH",
      message: new RegExp(`; it runs the code at ${box}: is that the one meant\\?$`),
    });
    const { match } = await node.service.publish(box, {}, source);
    assert.equal(match?.match, "exact");
  });

  it("is not whoever has something else in those slots, or a beacon that answers nothing", async () => {
    const node = openTestNode();
    /** SSTORE of the value in the slot; then an empty contract of one byte. */
    const storing = (slot: string, value: string): Hex => `0x7f${value}7f${slot}5560015ff3`;
    const word = (digits: string): string => digits.padStart(64, "0");
    const SLOT = "360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
    const BEACON = "a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50";
    const made = async (bytecode: Hex): Promise<Hex> =>
      requireIncluded(await node.service.deploy({ contractType: "custom", bytecode, abi: [] })).address;
    for (const bytecode of [storing(SLOT, `${"f".repeat(64)}`), storing(BEACON, word(accountOf(3).slice(2)))]) {
      const address = await made(bytecode);
      assert.equal((await node.service.get(address)).proxy, undefined, bytesToHex(hexToBytes(bytecode)));
    }
    const pointing = await made(storing(SLOT, word(accountOf(3).slice(2))));
    assert.equal((await node.service.get(pointing)).proxy?.implementation, accountOf(3));
  });
});
