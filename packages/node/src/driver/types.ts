/** The network as callers of the API see it. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import type { Ban } from "@counterpart/core/sync/scores";

export type PeerState = "connecting" | "handshaking" | "syncing" | "synced" | "disconnected";

export interface PeerView {
  readonly peerId?: string;
  readonly address: string;
  readonly direction: "inbound" | "outbound";
  readonly state: PeerState;
  readonly client?: string;
  readonly signer?: Hex;
  readonly head?: { readonly hash: Hex; readonly number: number };
  /** The peer's clock minus this node's. */
  readonly clockDifferenceMs?: number;
  readonly connectedAt?: number;
  readonly lastError?: string;
  readonly blocksSynced: number;
  readonly contractsSynced: number;
  /** The last time on this connection that anything had to be fetched from it. */
  readonly lastSync?: SyncResult;
}

/** A peer that this node refuses. */
export interface BanView extends Ban {
  readonly peerId: string;
}

export interface ConnectResult {
  readonly status: "synced" | "syncing";
  readonly peerId: string;
  readonly address: string;
  readonly blocksSynced: number;
  readonly contractsSynced: number;
  readonly durationMs: number;
}

/** Blocks that are being fetched now. */
export interface SyncProgress {
  /** Number of the head when this began. */
  readonly fromBlock: number;
  /** Number of the best block that the peer claims to have, whose headers so far are in order. */
  readonly toBlock: number;
  /** When this began. */
  readonly sinceMs: number;
}

/** A time in which this node and a peer came to agree. */
export interface SyncResult {
  readonly finishedAtMs: number;
  readonly durationMs: number;
  /** What was new to this node. */
  readonly blocks: number;
  readonly contracts: number;
}

/** State that is being taken over. */
export interface StateProgress {
  /** Number of the block whose state it is. */
  readonly toBlock: number;
  /** When this began. */
  readonly sinceMs: number;
  /** Proven answers, and their bytes as they came. */
  readonly pages: number;
  readonly bytes: number;
  /** Bytes of answers that were of no use. */
  readonly wastedBytes: number;
  /** Which part of an empty state is there, from 0 to 1; absent when nodes that differ are walked. */
  readonly filled?: number;
  /** Which part was there when this began: an earlier target, or an earlier run of the program, has brought it. */
  readonly filledBefore: number;
}

/** This node has come to agree with every peer that is connected. */
export interface SyncComplete {
  readonly head: { readonly hash: Hex; readonly number: number };
  readonly peers: number;
  /** Since it last did, or since the first of them connected. */
  readonly durationMs: number;
  /** Contracts of which nobody has said yet where they come from. */
  readonly unnamedContracts: number;
}

/** Where this node stands among its peers. */
export interface SyncView {
  /** `alone`: no peer is connected. `synced`: it agrees with all that are. */
  readonly state: "alone" | "syncing" | "synced";
  readonly head: { readonly hash: Hex; readonly number: number };
  /** Since the head was sealed, by this node's clock. */
  readonly headAgeMs: number;
  readonly lagBlocks: number;
  /** Contracts of the state that was taken over of which no peer has said yet where they come from. */
  readonly unnamedContracts: number;
  /** The best head that a peer claims, while it is better than this node's. */
  readonly target?: { readonly hash: Hex; readonly number: number; readonly peerId: string };
  /** What is being fetched. */
  readonly stage?: "blocks" | "contracts" | "headers" | "state";
  readonly stateProgress?: StateProgress;
  readonly progress?: {
    readonly fromBlock: number;
    readonly toBlock: number;
    readonly blocksPerSecond: number;
    /** Unknown before the first block. */
    readonly remainingMs?: number;
  };
}

/** This node's execution contradicts a block that most of its peers hold, or they one that it has sealed. */
export interface DivergenceView {
  readonly block: { readonly hash: Hex; readonly number: number };
  /** Whether this node has sealed the block, and the others refuse it. */
  readonly sealedHere: boolean;
  /** When it was found out, in ms since 1970; it may have been before this start. */
  readonly sinceMs: number;
  /** Where the evidence is, within the data directory; undefined when it could not be written. */
  readonly evidence?: string;
}

/** What happened to a peer. `synced`: both sides said for the first time on this connection that they agree. */
export interface PeerChange {
  readonly kind: "connected" | "synced" | "disconnected";
  readonly peerId: string;
  readonly address: string;
  /** Why it disconnected. */
  readonly reason?: ErrorCode;
}

export interface NetworkService {
  readonly peerId: string;
  addresses(): readonly string[];
  peers(): readonly PeerView[];
  sync(): SyncView;
  /** Looks at once whether there is state to take over: contracts that a replica is to hold were added. */
  takeOver(): void;
  /**
   * Whether this node takes states over and stays behind, as only replicas are ahead, which give none: it will until it is
   * connected to a full node.
   */
  needsFullNode(): boolean;
  /**
   * Seconds by which the head is dated ahead of this clock, while that is so far that other nodes refuse it and nothing is
   * sealed on it; else undefined.
   */
  withheldS(): number | undefined;
  /**
   * Undefined unless this node has diverged: then nothing of its state is to be served. Stays until the end of the
   * program; after a restart, until this node is in step with the others again.
   */
  divergence(): DivergenceView | undefined;
  /** Undefined unless blocks that this node lacks are arriving from a peer. */
  progress(): SyncProgress | undefined;
  /**
   * Connects and resolves when both sides agree on version, blocks and contracts, or with `syncing` after `waitMs`.
   * Remembers the address and redials it without end.
   * @throws CodedError of `Network.dial` or of the handshake; `TOO_MANY_PEERS` when no more addresses can be remembered;
   * `PEER_BANNED` (details: until, when this node banned the peer)
   */
  connect(address: string, waitMs: number): Promise<ConnectResult>;
  /** Forgets a peer, or every peer: they are not redialled until connected again. Returns how many links were closed. */
  disconnect(target?: { readonly peerId?: string; readonly address?: string }): Promise<number>;
  /** Calls back after each change of a peer that has shaken hands; one that never did is not heard of. */
  onPeer(listener: (change: PeerChange) => void): () => void;
  /** Calls back each time that this node has come to agree with all its peers. */
  onSyncComplete(listener: (complete: SyncComplete) => void): () => void;
  /** Peers that are banned now. */
  bans(): readonly BanView[];
  /** Ends a ban, and forgets the score that led to it. False when the peer is not banned. */
  liftBan(peerId: string): boolean;
  start(): Promise<void>;
  stop(): Promise<void>;
}
