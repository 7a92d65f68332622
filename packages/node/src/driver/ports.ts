/** What the driver needs from the rest of the node. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { CodedError } from "@counterpart/core/base/errors";
import type { Transaction } from "@counterpart/core/chain/types";
import type { Compressor } from "@counterpart/core/ports/compressor";
import type { Metrics } from "@counterpart/core/ports/metrics";
import type { Network } from "@counterpart/core/ports/network";
import type { Clock, Logger, Random } from "@counterpart/core/ports/runtime";
import type { RecoverSenders } from "@counterpart/core/ports/senders";
import type { Ban } from "@counterpart/core/sync/scores";
import type { ContractService } from "../contracts/types.ts";
import type { Engine } from "../engine/types.ts";
import type { StateSource } from "./state-source.ts";
import type { NetworkService } from "./types.ts";

/** Addresses that are redialled after a restart; at most 64. */
export interface PeerBook {
  load(): readonly string[];
  /** Replaces what is kept. */
  save(addresses: readonly string[]): void;
}

/** Bans over restarts, by peer id, oldest first; at most 1024. */
export interface BanBook {
  load(): readonly (readonly [string, Ban])[];
  /** Replaces what is kept. @throws CodedError `STORE_WRITE_FAILED` */
  save(bans: ReadonlyMap<string, Ban>): void;
}

/** Evidence of divergences, by name, over restarts. The implementation bounds its number. */
export interface EvidenceBook {
  /** Every document that is kept, JSON values all of them. */
  load(): readonly (readonly [string, unknown])[];
  /** Keeps a document, in place of one of the same name. */
  save(name: string, document: object): void;
  /** Where a document is, within the data directory. */
  pathOf(name: string): string;
}

/** How far the artifacts of other nodes are known, by the node's instance id. The implementation bounds their number. */
export interface Checkpoints {
  get(instanceId: string): number | undefined;
  set(instanceId: string, sequence: number): void;
}

/** What this node says of itself in `Version`. */
export interface Self {
  /** Program and version, printable, at most 64 characters. */
  readonly client: string;
  /** Names this database; at most 64 printable characters. */
  readonly instanceId: string;
  /** Address that this node seals with. */
  readonly signer?: Hex;
  /** Hash of the frozen chain rules. */
  readonly forkRulesId: Hex;
  /** Such as "poa". */
  readonly consensus: string;
  /** Whether somebody stands for each block: the genesis lists who may seal. */
  readonly certifies: boolean;
}

export interface DriverDeps {
  readonly network: Network;
  readonly engine: Engine;
  readonly contracts: ContractService;
  readonly peerBook: PeerBook;
  readonly checkpoints: Checkpoints;
  /** Without it bans end with the program. */
  readonly banBook?: BanBook;
  /** Without it a divergence is forgotten with the program. */
  readonly evidenceBook?: EvidenceBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly self: Self;
  /** Addresses to dial without end, though nobody connected to them; they are not saved. */
  readonly bootstrap?: readonly string[];
  readonly metrics?: Metrics;
  /** Whether a node that begins with the genesis takes a state over instead of executing every block. */
  readonly joins?: boolean;
  /** Of transactions and blocks of peers; without it this thread does, at once. */
  readonly recoverSenders?: RecoverSenders;
  /** Why this node takes no peers, and dials none, at present; undefined while it does. */
  readonly detached?: () => CodedError | undefined;
  /** Without it frames go as they are. */
  readonly compressor?: Compressor;
}

/** The connected peer that seals with some address. */
export interface Leader {
  /** When anything last arrived from it, in ms. */
  readonly heardAtMs: number;
  /** Sends it a transaction at once. False when it reads too slowly. */
  forward(transaction: Transaction): boolean;
}

export interface Driver extends NetworkService {
  /** State of recent blocks, from peers. */
  readonly state: StateSource;
  leader(signer: Hex): Leader | undefined;
  /** Milliseconds since anything new of a peer's better chain arrived; undefined while no peer has a better one. */
  catchingUpMs(): number | undefined;
}
