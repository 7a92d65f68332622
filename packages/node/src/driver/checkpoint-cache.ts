/**
 * Checkpoints with the writing put off: they rise with every artifact of every peer, and each write waits for the disk.
 * One that is lost costs fetching a few envelopes again.
 */

import type { Checkpoints } from "./ports.ts";
import type { Session } from "./session.ts";
import { isUnwritten } from "./stored.ts";

/** Under which a peer's checkpoint is kept: the id that it has proven beside the one that it merely claims. */
export const checkpointName = ({ peerId, version }: Pick<Session, "peerId" | "version">): string =>
  `${peerId} ${version?.instanceId ?? ""}`;

export interface CheckpointCache {
  /** 0 for a database that was never met. */
  get(instanceId: string): number;
  /** Never lowers it: a comparison from the start begins below. */
  raise(instanceId: string, sequence: number): void;
  /** Writes what rose since the last time. */
  flush(): void;
}

/** Enough for all peers at once; more only costs a read of the store. */
const CACHED_MAX = 256;

export function createCheckpointCache(stored: Checkpoints): CheckpointCache {
  const cached = new Map<string, { sequence: number; dirty: boolean }>();

  const flush = (): void => {
    try {
      for (const [instanceId, entry] of cached) {
        if (entry.dirty) stored.set(instanceId, entry.sequence);
        entry.dirty = false;
      }
    } catch (error) {
      // A full disk, or a damaged database: what was not written stays to be written, and is worth no more than that.
      if (!isUnwritten(error)) throw error;
    }
  };
  const entryOf = (instanceId: string): { sequence: number; dirty: boolean } => {
    const held = cached.get(instanceId);
    if (held !== undefined) return held;
    if (cached.size >= CACHED_MAX) {
      flush();
      cached.clear();
    }
    const entry = { sequence: stored.get(instanceId) ?? 0, dirty: false };
    cached.set(instanceId, entry);
    return entry;
  };
  return {
    get: (instanceId) => entryOf(instanceId).sequence,
    raise(instanceId, sequence) {
      const entry = entryOf(instanceId);
      if (sequence <= entry.sequence) return;
      entry.sequence = sequence;
      entry.dirty = true;
    },
    flush,
  };
}
