/** State set by hand, senders without signatures, and the chain as a whole. Sources: as of `mining-methods`. */

import { bytesToBigInt, type Hex, hexToBytes, utf8ToBytes } from "@counterpart/core/base/bytes";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { AccountEdit } from "@counterpart/core/execution/irregular-state";
import type { DevelopmentNode } from "../../../driver/development-node.ts";
import type { Backend } from "../../backend.ts";
import { accountOf } from "../../state.ts";
import type { RpcMethod } from "../dispatch.ts";
import { invalidParams } from "../errors.ts";
import { suggestedPrice, upcomingBaseFee } from "../fees.ts";
import { quantity } from "../format.ts";
import {
  defineMethod,
  optional,
  readAddress,
  readAmount,
  readBoolean,
  readData,
  readHash,
  readNonce,
  readSlot,
  required,
} from "../params.ts";
import { readNoForking } from "./mining-methods.ts";

/** What both tools have, under their own prefixes. */
const BOTH = ["hardhat", "anvil"] as const;

export interface ChangingDeps {
  readonly backend: Backend;
  readonly node: DevelopmentNode;
}

function stateSetters({ backend, node }: ChangingDeps, prefix: string): Record<string, RpcMethod> {
  const { engine } = backend;
  const { chain } = node;
  const set = async (method: string, address: Hex, edit: AccountEdit): Promise<true> => {
    node.leave(method);
    await chain.setAccount(address, edit);
    return true;
  };
  const name = (method: string): string => `${prefix}_${method}`;
  return {
    [name("setBalance")]: defineMethod([required(readAddress), required(readAmount)], (address, balance) =>
      set(name("setBalance"), address, { balance }),
    ),
    [name("setCode")]: defineMethod([required(readAddress), required(readData)], (address, code) =>
      set(name("setCode"), address, { code }),
    ),
    [name("setNonce")]: defineMethod([required(readAddress), required(readNonce)], async (address, nonce) => {
      const before = await engine.read((state) => accountOf(state, address).nonce);
      if (nonce < before)
        throw invalidParams(`New nonce (${nonce}) must not be smaller than the existing nonce (${before})`);
      return set(name("setNonce"), address, { nonce });
    }),
    [name("setStorageAt")]: defineMethod(
      [required(readAddress), required(readSlot), required(readSlot)],
      async (address, slot, value) => {
        node.leave(name("setStorageAt"));
        await chain.setSlot(address, slot, bytesToBigInt(hexToBytes(value)));
        return true;
      },
    ),
  };
}

function accountsAndChain({ node }: ChangingDeps, prefix: string): Record<string, RpcMethod> {
  const autoImpersonate = defineMethod([required(readBoolean)], (isOn) => {
    node.setAutoImpersonate(isOn);
    return true;
  });
  return {
    [`${prefix}_impersonateAccount`]: defineMethod([required(readAddress)], (address) => {
      node.impersonate(address);
      return true;
    }),
    [`${prefix}_stopImpersonatingAccount`]: defineMethod([required(readAddress)], (address) =>
      node.stopImpersonating(address),
    ),
    [`${prefix}_autoImpersonateAccount`]: autoImpersonate,
    // What is logged is the operator's: `--log-level`. Scripts that call this run all the same.
    [`${prefix}_setLoggingEnabled`]: defineMethod([required(readBoolean)], () => null),
    [`${prefix}_reset`]: defineMethod([optional(readNoForking, undefined)], async () => {
      await node.reset();
      return true;
    }),
  };
}

function metadata({ engine, version, instanceId }: Backend) {
  const head = engine.head();
  return {
    clientVersion: `counterpart/v${version}`,
    chainId: engine.chainId,
    instanceId: keccak256Hex(utf8ToBytes(instanceId)),
    latestBlockNumber: head.number,
    latestBlockHash: head.hash,
  };
}

function nodeInfo({ engine }: Backend) {
  const head = engine.head();
  const { number, hash, timestamp, gasLimit } = head;
  return {
    currentBlockNumber: quantity(number),
    currentBlockTimestamp: timestamp,
    currentBlockHash: hash,
    hardFork: "Osaka",
    transactionOrder: "fees",
    environment: {
      baseFee: quantity(upcomingBaseFee(engine)),
      chainId: engine.chainId,
      gasLimit: quantity(gasLimit),
      gasPrice: quantity(suggestedPrice(engine)),
    },
    forkConfig: { forkUrl: null, forkBlockNumber: null, forkRetryBackoff: null },
  };
}

export function changingMethods(deps: ChangingDeps): Record<string, RpcMethod> {
  const { backend, node } = deps;
  const describe = defineMethod([], () => metadata(backend));
  return {
    ...Object.assign(
      {},
      ...BOTH.map((prefix) => ({ ...stateSetters(deps, prefix), ...accountsAndChain(deps, prefix) })),
    ),
    hardhat_dropTransaction: defineMethod([required(readHash)], (hash) => node.chain.drop(hash)),
    anvil_dropTransaction: defineMethod([required(readHash)], async (hash) =>
      (await node.chain.drop(hash)) ? hash : null,
    ),
    anvil_dropAllTransactions: defineMethod([], async () => {
      await node.chain.dropAll();
      return null;
    }),
    hardhat_metadata: describe,
    anvil_metadata: describe,
    anvil_nodeInfo: defineMethod([], () => nodeInfo(backend)),
  };
}
