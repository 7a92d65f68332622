/** The node itself: chain, network, client. */

import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { PeerView } from "../../driver/types.ts";
import type { Backend } from "../backend.ts";
import type { RpcMethod } from "./dispatch.ts";
import { quantity } from "./format.ts";
import { defineMethod, readData, required } from "./params.ts";

const isConnected = ({ state }: PeerView): boolean => state === "syncing" || state === "synced";

/** Progress while blocks are being fetched; false otherwise, whatever heights peers claim. */
export function syncing({ engine, network }: Pick<Backend, "engine" | "network">) {
  const progress = network.progress();
  if (progress === undefined) return false;
  const current = engine.head().number;
  return {
    startingBlock: quantity(progress.fromBlock),
    currentBlock: quantity(current),
    highestBlock: quantity(Math.max(current, progress.toBlock)),
  };
}

/** The account that this node's blocks name. @throws CodedError `READ_ONLY`, `REPLICA` where it seals none */
function coinbase({ engine, keys }: Backend) {
  const refusal = engine.refusal();
  if (refusal !== undefined) throw refusal;
  return keys.own;
}

export function nodeMethods(backend: Backend): Record<string, RpcMethod> {
  const { engine, network, version, development } = backend;
  // The helpers of Hardhat run on what begins with a name that they know, and on nothing else.
  const name = development === undefined ? "" : "HardhatNetwork/";
  return {
    eth_chainId: defineMethod([], () => quantity(engine.chainId)),
    eth_syncing: defineMethod([], () => syncing(backend)),
    eth_coinbase: defineMethod([], () => coinbase(backend)),
    net_version: defineMethod([], () => engine.chainId.toString()),
    net_listening: defineMethod([], () => network.addresses().length > 0),
    net_peerCount: defineMethod([], () => quantity(network.peers().filter(isConnected).length)),
    web3_clientVersion: defineMethod([], () => `${name}counterpart/v${version}/node${process.versions.node}`),
    web3_sha3: defineMethod([required(readData)], (data) => keccak256Hex(data)),
  };
}
