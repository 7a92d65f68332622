/** What of a configuration only shows to be wrong beside the rest of it, or beside what the data directory holds. */

import { readFileSync } from "node:fs";
import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Genesis } from "@counterpart/core/chain/genesis";
import type { Store } from "@counterpart/core/ports/store";
import { CLOCK_SKEW_MAX_MS } from "@counterpart/core/sync/decisions";
import type { NodeConfig } from "../config.ts";
import { readDetached } from "../engine/irregular.ts";
import { type PrivateNetwork, type PrivateNetworkFiles, readPrivateNetwork } from "../net/private-network.ts";

/** What a replica holds. @throws CodedError `INVALID_CONFIG` */
export function chosenOf(contracts: readonly string[]): "all" | readonly Hex[] {
  if (!contracts.includes("all")) return contracts.map((address) => address.toLowerCase() as Hex);
  if (contracts.length === 1) return "all";
  throw new CodedError("INVALID_CONFIG", "--contracts is all, or addresses, not both");
}

/** On a chain where anyone may seal, a state is only as good as the peers it comes from. @throws CodedError `INVALID_CONFIG` */
export function checkCertified({ role, sync, allowUncertified }: NodeConfig, { signers }: Genesis): void {
  const takesOver = role === "replica" || sync === "snap";
  if (!takesOver || signers.length > 0 || allowUncertified) return;
  const flag = role === "replica" ? "--role replica" : "--sync snap";
  throw new CodedError(
    "INVALID_CONFIG",
    `${flag} takes state on the word of who seals, and on this chain anyone may: --allow-uncertified takes it all the same`,
  );
}

/**
 * Blocks follow the genesis in time, so that where it is of tomorrow the first signer to seal would be refused by the others.
 * @throws CodedError `INVALID_GENESIS`
 */
export function checkGenesisTime({ timestamp }: Genesis, nowMs: number): void {
  if (timestamp * 1_000 - nowMs <= CLOCK_SKEW_MAX_MS) return;
  const toText = (ms: number): string => new Date(ms).toISOString();
  throw new CodedError(
    "INVALID_GENESIS",
    `the genesis is dated ${toText(timestamp * 1_000)}, and this machine's clock says ${toText(nowMs)}: one of them is wrong`,
  );
}

/** A full node holds every contract. @throws CodedError `INVALID_CONFIG` */
export function checkContracts({ role, contracts }: NodeConfig): void {
  if (role === "replica" || contracts.every((contract) => contract === "all")) return;
  throw new CodedError("INVALID_CONFIG", "--contracts chooses what a replica holds: it needs --role replica");
}

/** What peers would send or take from: an imported chain stays as it is. @throws CodedError `INVALID_CONFIG` */
export function checkReadOnly({ role, sync, peer }: NodeConfig): void {
  const flag = role === "replica" ? "--role replica" : sync === "snap" ? "--sync snap" : "--peer";
  if (role === "full" && sync === "full" && peer.length === 0) return;
  throw new CodedError("INVALID_CONFIG", `${flag}: the data directory holds an imported chain, which has no peers`);
}

/** The key and the list of allowed peers, as configured. @throws CodedError `INVALID_CONFIG` */
export const privateNetworkOf = (files: PrivateNetworkFiles): PrivateNetwork =>
  readPrivateNetwork(files, (path) => readFileSync(path, "utf8"));

/** Development methods are for chains on which anyone may seal, and for nodes that execute. */
export const isDevelopment = ({ dev, role }: NodeConfig, { signers }: Genesis): boolean =>
  dev && role === "full" && signers.length === 0;

/** @throws CodedError `DETACHED` where a chain that development methods have changed would be taken for one that has peers */
export function checkAttached(store: Store, config: NodeConfig, genesis: Genesis): void {
  const by = readDetached(store);
  if (by === undefined || isDevelopment(config, genesis)) return;
  const advice = "start with --dev, or give it up with `counterpart db reset`";
  throw new CodedError(
    "DETACHED",
    `${by} has changed the chain in ${config.dataDir} as other nodes could not: ${advice}`,
  );
}
