/** Where this node stands among its peers: how far behind, what is under way, and what the last synchronisations took. */

import type { Clock } from "@counterpart/core/ports/runtime";
import { isBehind } from "@counterpart/core/sync/decisions";
import type { BlockRef } from "@counterpart/core/sync/message-types";
import type { Engine } from "../engine/types.ts";
import { type BlockPull, bestHeadOf } from "./block-pull.ts";
import type { DriverMetrics } from "./driver-metrics.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import type { StateJoin } from "./state-join.ts";
import type { SyncComplete, SyncProgress, SyncView } from "./types.ts";

export interface SyncMonitor {
  /** Whether this node and the peer agree now. */
  note(session: Session, inStep: boolean): void;
  /** A peer is gone. */
  closed(): void;
  view(): SyncView;
  /** Blocks that the best peer has and this node has not. */
  lag(): number;
}

export interface SyncMonitorDeps {
  readonly engine: Pick<Engine, "head"> & { readonly adoption: Pick<Engine["adoption"], "unnamed"> };
  readonly peers: Pick<Peers, "ready">;
  readonly clock: Pick<Clock, "now">;
  readonly metrics: DriverMetrics;
  readonly blockPull: Pick<BlockPull, "progress">;
  readonly stateJoin: Pick<StateJoin, "progress">;
  /** Told each time that this node has come to agree with all its peers. */
  readonly onComplete: (complete: SyncComplete) => void;
}

interface Target {
  readonly head: BlockRef;
  readonly session: Session;
}

/** Blocks a second since the fetching began, and how long the rest takes at that rate. */
function paceOf({ fromBlock, toBlock, sinceMs }: SyncProgress, head: number, nowMs: number) {
  const [done, seconds] = [Math.max(0, head - fromBlock), Math.max(0.001, (nowMs - sinceMs) / 1_000)];
  const blocksPerSecond = done / seconds;
  const left = Math.max(0, toBlock - head);
  return {
    fromBlock,
    toBlock,
    blocksPerSecond,
    ...(done > 0 ? { remainingMs: (left / blocksPerSecond) * 1_000 } : {}),
  };
}

export function createSyncMonitor(deps: SyncMonitorDeps): SyncMonitor {
  const { engine, peers, clock, metrics, blockPull, stateJoin, onComplete } = deps;
  /** Since when this node does not agree with all its peers; undefined while it does, or has none. */
  let apartSinceMs: number | undefined;
  const noteAll = (): void => {
    const ready = peers.ready();
    if (!ready.every(({ inStep }) => inStep)) apartSinceMs ??= clock.now();
    else if (ready.length > 0 && apartSinceMs !== undefined) {
      const { hash, number } = engine.head();
      const durationMs = Math.max(0, clock.now() - apartSinceMs);
      apartSinceMs = undefined;
      onComplete({
        head: { hash, number },
        peers: ready.length,
        durationMs,
        unnamedContracts: engine.adoption.unnamed,
      });
    }
  };
  /** The peer whose head is the best, if it is better than this node's. */
  const target = (): Target | undefined => {
    let best: Target | undefined;
    for (const session of peers.ready()) {
      const head = bestHeadOf(session);
      if (head !== undefined && isBehind(best?.head ?? engine.head(), head)) best = { head, session };
    }
    return best;
  };
  const finish = (session: Session): void => {
    const began = session.syncing;
    session.syncing = undefined;
    if (began === undefined) return;
    const blocks = session.blocksSynced - began.blocks;
    const contracts = session.contractsSynced - began.contracts;
    const isFirst = session.lastSync === undefined;
    if (blocks + contracts === 0 && !isFirst) return;
    const finishedAtMs = clock.now();
    const durationMs = finishedAtMs - began.sinceMs;
    session.lastSync = { finishedAtMs, durationMs, blocks, contracts };
    metrics.synced.observe({}, durationMs / 1_000);
  };
  const lag = (): number => Math.max(0, (target()?.head.number ?? 0) - engine.head().number);
  const stageOf = (ready: readonly Session[]): SyncView["stage"] => {
    const state = stateJoin.progress();
    if (state !== undefined) return state === "headers" ? "headers" : "state";
    if (blockPull.progress() !== undefined) return "blocks";
    return ready.some(({ pulling }) => pulling) ? "contracts" : undefined;
  };

  return {
    lag,
    note(session, inStep) {
      if (inStep) finish(session);
      else {
        const { blocksSynced: blocks, contractsSynced: contracts } = session;
        session.syncing ??= { sinceMs: clock.now(), blocks, contracts };
      }
      noteAll();
    },
    closed() {
      if (peers.ready().length === 0) apartSinceMs = undefined;
    },
    view() {
      const ready = peers.ready();
      const best = target();
      const stage = stageOf(ready);
      const under = blockPull.progress();
      const state = stateJoin.progress();
      const { hash, number, timestamp } = engine.head();
      const isSynced = ready.every(({ inStep }) => inStep);
      return {
        state: ready.length === 0 ? "alone" : isSynced ? "synced" : "syncing",
        head: { hash, number },
        headAgeMs: Math.max(0, clock.now() - timestamp * 1_000),
        lagBlocks: lag(),
        unnamedContracts: engine.adoption.unnamed,
        ...(best === undefined ? {} : { target: { ...best.head, peerId: best.session.peerId } }),
        ...(stage === undefined ? {} : { stage }),
        ...(state === undefined || state === "headers" ? {} : { stateProgress: state }),
        ...(under === undefined ? {} : { progress: paceOf(under, number, clock.now()) }),
      };
    },
  };
}
