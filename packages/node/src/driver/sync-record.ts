/** What the modules that sync keep about one peer; part of its session and gone with it. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { SealedHeader } from "@counterpart/core/chain/types";
import type { Clock, Random } from "@counterpart/core/ports/runtime";
import { createKnownSet, type KnownSet } from "@counterpart/core/sync/known-set";
import { BLOCKS_MAX } from "@counterpart/core/sync/limits";
import type { BlockRef, Message } from "@counterpart/core/sync/message-types";
import { KNOWN_MAX } from "./limits.ts";
import { createRetry, type Retry } from "./timing.ts";
import type { SyncResult } from "./types.ts";

/** An announcement that came before its block. */
export interface EarlyMessage {
  readonly message: Message;
  readonly sizeBytes: number;
  readonly tries: number;
}

/** Why a peer is not asked about a block's state. */
export interface Unheld {
  readonly reason: "PRUNED" | "NOT_HELD";
  readonly sinceMs: number;
}

export interface SyncRecord {
  /** What the peer has, or was sent. */
  readonly known: KnownSet;
  /** A head that the peer announced before its `Status` did. */
  announced: BlockRef | undefined;
  /** Announced headers, of the last blocks that were not here, by hash; kept by who does not execute. Unchecked. */
  readonly announcedHeaders: Map<Hex, SealedHeader>;
  /** Greatest `Status` sequence of the peer that this node has fully applied. */
  applied: number;
  /** What the last `Status` sent to it said. */
  sent: { readonly sequence: number; readonly applied: number };
  /** Sequence of the first `Status` that was sent to it: what this node had when they connected. */
  firstSequence: number | undefined;
  /** When both sides first held what the other had; undefined before. */
  coveredSinceMs: number | undefined;
  inStep: boolean;
  /** It has been in step since it connected. */
  wasInStep: boolean;
  /** Since when they do not agree, and what had been fetched from it before; undefined while they do. */
  syncing: { readonly sinceMs: number; readonly blocks: number; readonly contracts: number } | undefined;
  lastSync: SyncResult | undefined;
  /** Imports and pulls from this peer under way, and announcements that wait. */
  busy: number;
  /** Artifacts are being fetched from it. */
  pulling: boolean;
  /** Requests of the peer being served, and when the next one's turn is. */
  serving: number;
  turn: Promise<void>;
  /** Called when anything arrives from the peer: by whoever has waited long for an answer. */
  readonly awaiting: Set<() => void>;
  /** The pool was offered to it, and whatever came since: not so while it is far behind. */
  offered: boolean;
  /** When what waits in the pool was last offered to it. */
  offeredAtMs: number;
  /** Blocks to ask for at once; halved by time-outs. */
  batch: number;
  /** Blocks a millisecond by which its last turn brought this node's chain on; infinite before the first. */
  blockRate: number;
  readonly blockRetry: Retry;
  readonly artifactRetry: Retry;
  /** This node's head when something that the last pull brought could not be kept yet. */
  unfinishedAt: Hex | undefined;
  readonly stateRetry: Retry;
  /** Requests for state that it has not answered yet. */
  stateRequests: number;
  /** Bytes of state a millisecond that its last answers brought, 0 when it brought none; undefined before the first. */
  stateRate: { readonly bytesPerMs: number; readonly atMs: number } | undefined;
  /** Blocks whose state it does not hold, the last it was asked about at the end. */
  readonly unheld: Map<Hex, Unheld>;
  /** Since when the peer's head has been another than this node's; undefined while they are equal. */
  apartSinceMs: number | undefined;
  /** Faults so far, by name: what is repeated is logged ever more rarely. */
  readonly faults: Map<string, number>;
  /** The two artifact digests last compared from the start, and when. */
  compared: { readonly key: string; readonly atMs: number } | undefined;
  readonly early: Map<string, EarlyMessage>;
  blocksSynced: number;
  /** Those of them that were on this node's chain at once. */
  blocksJoined: number;
  contractsSynced: number;
  /** Contracts counted in `contractsSynced`. */
  readonly credited: KnownSet;
}

export function createSyncRecord(clock: Clock, random: Random): SyncRecord {
  return {
    known: createKnownSet(KNOWN_MAX),
    announced: undefined,
    announcedHeaders: new Map(),
    applied: 0,
    sent: { sequence: 0, applied: 0 },
    firstSequence: undefined,
    coveredSinceMs: undefined,
    inStep: false,
    wasInStep: false,
    syncing: undefined,
    lastSync: undefined,
    busy: 0,
    pulling: false,
    serving: 0,
    turn: Promise.resolve(),
    awaiting: new Set(),
    offered: false,
    offeredAtMs: clock.now(),
    batch: BLOCKS_MAX,
    blockRate: Number.POSITIVE_INFINITY,
    blockRetry: createRetry(clock, random),
    artifactRetry: createRetry(clock, random),
    unfinishedAt: undefined,
    stateRetry: createRetry(clock, random),
    stateRequests: 0,
    stateRate: undefined,
    unheld: new Map(),
    apartSinceMs: undefined,
    faults: new Map(),
    compared: undefined,
    early: new Map(),
    blocksSynced: 0,
    blocksJoined: 0,
    contractsSynced: 0,
    credited: createKnownSet(KNOWN_MAX),
  };
}
