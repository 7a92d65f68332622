import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import {
  type Compiled,
  compile,
  LAB_SOURCE,
  openTestNode,
  requireIncluded,
  type TestNode,
} from "../contracts/contracts.test-support.ts";
import type { DeployRequest } from "../contracts/types.ts";
import { accountOf } from "../engine/engine.test-support.ts";
import { createLocalSource, type LocalSource } from "./local-source.test-support.ts";
import { clock, follow } from "./state-join.test-support.ts";

const IMPLEMENTATION = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
const BEACON = "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50";

/** A proxy of either kind; what it is asked it asks what it has in the slot of the implementation. */
const SOURCE = `${LAB_SOURCE}
contract Relay {
  constructor(bytes32 slot, address to) { assembly { sstore(slot, to) } }
  fallback() external {
    assembly {
      calldatacopy(0, 0, calldatasize())
      let done := delegatecall(gas(), sload(${IMPLEMENTATION}), 0, calldatasize(), 0, 0)
      returndatacopy(0, 0, returndatasize())
      if iszero(done) { revert(0, returndatasize()) }
      return(0, returndatasize())
    }
  }
}
interface Supplied { function totalSupply() external view returns (uint256); }`;

let compiled: (name: string) => Compiled;
before(() => {
  compiled = compile(SOURCE);
});

interface Scene {
  readonly full: TestNode;
  /** Holds the lab and the relays, and neither token nor beacon. */
  readonly replica: TestNode;
  readonly token: Hex;
  readonly lab: Hex;
  readonly toToken: Hex;
  readonly toBeacon: Hex;
  /** Whether the replica has a peer to ask. */
  connect(connected: boolean): void;
}

const sourceOf = ({ engine, service }: TestNode): LocalSource =>
  createLocalSource({ engine, contracts: service, clock, instanceId: "full", isDiverged: () => false });

async function openScene(): Promise<Scene> {
  const full = openTestNode();
  const deploy = async (request: DeployRequest): Promise<Hex> =>
    requireIncluded(await full.service.deploy(request)).address;
  const made = (name: string, ...args: readonly string[]) =>
    deploy({ contractType: "custom", ...compiled(name), args });
  const token = await deploy({ contractType: "token", name: "T", symbol: "T", initialSupply: "10" });
  const lab = await made("Lab", "1");
  const toToken = await made("Relay", IMPLEMENTATION, token);
  const toBeacon = await made("Relay", BEACON, await made("Lab", "2"));
  await full.service.publish(toToken, { abi: compiled("Supplied").abi });
  const source = sourceOf(full);
  let hasPeers = true;
  const held = [lab, toToken, toBeacon];
  const replica = openTestNode({ own: 1, replica: held, remote: { ...source, hasPeers: () => hasPeers } });
  await follow(replica.engine, source);
  for (const address of held) await replica.service.putRecord(full.service.artifact(address) as ArtifactRecord);
  const connect = (connected: boolean): void => {
    hasPeers = connected;
  };
  return { full, replica, token, lab, toToken, toBeacon, connect };
}

describe("of a contract that a replica does not hold", () => {
  it("balances are fetched, and that there is none is said of no other than where that is proven", async () => {
    const { full, replica, token, connect } = await openScene();
    assert.equal(await replica.service.balance(token, full.keys.own), 10n);
    await assert.rejects(replica.service.balance(accountOf(5), full.keys.own), { code: "CONTRACT_NOT_FOUND" });
    connect(false);
    await assert.rejects(replica.service.balance(accountOf(6), full.keys.own), {
      code: "NOT_HELD",
      message: /no peer is connected/,
    });
  });

  it("it is said how to have it held, whatever is to be done with it", async () => {
    const { full, replica, token } = await openScene();
    const use = `/api/v1/replica/contracts/${token}`;
    for (const work of [
      () => replica.service.get(token),
      () => replica.service.call(token, { function: "totalSupply" }),
      () => replica.service.publish(token, { name: "U" }),
    ]) {
      await assert.rejects(work, { code: "NOT_HELD", message: new RegExp(`told to hold: PUT ${use} adds it$`) });
    }
    const record = full.service.artifact(token) as ArtifactRecord;
    assert.equal(await replica.service.putRecord(record), "unknown-contract");
    replica.engine.holding.add(token);
    await assert.rejects(replica.service.get(token), { code: "NOT_HELD", message: /has not fetched 0x\w+ yet/ });
  });
});

describe("a contract that a replica holds", () => {
  it("is shown and listed without what another contract has to say, where nobody proves that", async () => {
    const { replica, token, lab, toToken, toBeacon, connect } = await openScene();
    connect(false);
    const { contracts } = await replica.service.list({ limit: 10 });
    const shown = new Map(contracts.map((view) => [view.entry.address, view]));
    assert.deepEqual(new Set(shown.keys()), new Set([lab, toToken, toBeacon]));
    assert.equal(shown.get(toToken)?.proxy?.implementation, token);
    assert.equal(shown.get(toToken)?.totalSupply, undefined);
    assert.equal(shown.get(toBeacon)?.proxy, undefined);
    assert.equal((await replica.service.get(toBeacon)).proxy, undefined);
    connect(true);
    assert.equal((await replica.service.get(toToken)).totalSupply, "0");
  });

  it("is called with a value that its sender has, or has not, as whom the replica does not hold", async () => {
    const { replica, lab } = await openScene();
    const call = { function: "pay", value: "5" };
    assert.equal(await replica.service.call(lab, { ...call, from: accountOf(3) }), null);
    await assert.rejects(replica.service.call(lab, { ...call, from: accountOf(90) }), { code: "INSUFFICIENT_FUNDS" });
  });

  it("has no functions of an implementation that is not held, which is said", async () => {
    const { full, replica, token, toToken } = await openScene();
    const missing = () => replica.service.call(toToken, { function: "symbol" });
    const named = /; this replica does not hold 0x\w+, whose code it runs, nor that one's ABI$/;
    await assert.rejects(missing, { code: "UNKNOWN_FUNCTION", message: named });
    replica.engine.holding.add(token);
    await follow(replica.engine, sourceOf(full));
    await replica.service.putRecord(full.service.artifact(token) as ArtifactRecord);
    assert.equal(await replica.service.call(toToken, { function: "symbol" }), "");
  });
});
