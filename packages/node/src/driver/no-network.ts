/** The network of a node that serves an imported chain: there are no peers, as nobody else follows such a chain with it. */

import { CodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { ChainEngine } from "../engine/types.ts";
import type { NetworkService } from "./types.ts";

const NO_LISTENER = (): void => {};

export function createNoNetwork(engine: Pick<ChainEngine, "head">, clock: Clock): NetworkService {
  return {
    peerId: "",
    addresses: () => [],
    peers: () => [],
    sync() {
      const { hash, number, timestamp } = engine.head();
      const headAgeMs = Math.max(0, clock.now() - timestamp * 1_000);
      return { state: "alone", head: { hash, number }, headAgeMs, lagBlocks: 0, unnamedContracts: 0 };
    },
    takeOver() {},
    needsFullNode: () => false,
    withheldS: () => undefined,
    divergence: () => undefined,
    progress: () => undefined,
    async connect() {
      throw new CodedError("READ_ONLY", "this node serves a chain that was imported: it connects to no peers");
    },
    disconnect: async () => 0,
    onPeer: () => NO_LISTENER,
    onSyncComplete: () => NO_LISTENER,
    bans: () => [],
    liftBan: () => false,
    async start() {},
    async stop() {},
  };
}
