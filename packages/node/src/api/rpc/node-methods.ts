/** The node itself: chain, network, client. */

import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { PeerView } from "../../driver/types.ts";
import type { Backend } from "../backend.ts";
import type { RpcMethod } from "./dispatch.ts";
import { quantity } from "./format.ts";
import { defineMethod, readData, required } from "./params.ts";

const isConnected = ({ state }: PeerView): boolean => state === "syncing" || state === "synced";

/** Progress while a peer that this node is fetching from is ahead; false otherwise. */
function syncing({ engine, network }: Backend) {
  const current = engine.head().number;
  const heights = network
    .peers()
    .filter(({ state }) => state === "syncing")
    .map(({ head }) => head?.number ?? 0);
  const highest = Math.max(current, ...heights);
  if (highest === current) return false;
  return {
    startingBlock: quantity(current),
    currentBlock: quantity(current),
    highestBlock: quantity(highest),
  };
}

export function nodeMethods(backend: Backend): Record<string, RpcMethod> {
  const { engine, network, version } = backend;
  return {
    eth_chainId: defineMethod([], () => quantity(engine.chainId)),
    eth_syncing: defineMethod([], () => syncing(backend)),
    // The node signs only through its REST API: nothing here may look as if it signed for callers.
    eth_accounts: defineMethod([], () => []),
    net_version: defineMethod([], () => engine.chainId.toString()),
    net_listening: defineMethod([], () => true),
    net_peerCount: defineMethod([], () => quantity(network.peers().filter(isConnected).length)),
    web3_clientVersion: defineMethod([], () => `counterpart/v${version}/node${process.versions.node}`),
    web3_sha3: defineMethod([required(readData)], (data) => keccak256Hex(data)),
  };
}
