/** Tells whether blocks are being fetched from peers: looked up each second, as long as somebody follows it. */

import type { Clock } from "@counterpart/core/ports/runtime";
import type { Backend } from "../backend.ts";
import { syncing } from "../rpc/node-methods.ts";
import { createItem, type Follower, type Groups, type Item } from "./topics.ts";

const POLL_MS = 1_000;

export interface SyncingFeed {
  /** A new follower is told at once that nothing is being fetched, if that is so. */
  begin(follower: Follower): void;
  close(): void;
}

export function createSyncingFeed(
  backend: Pick<Backend, "engine" | "network">,
  clock: Clock,
  groups: Groups,
  tell: (group: { readonly followers: ReadonlySet<Follower> }, item: Item) => void,
): SyncingFeed {
  let cancel: (() => void) | undefined;
  let wasSyncing = false;

  const tellAll = (): void => {
    const progress = syncing(backend);
    if (progress === false && !wasSyncing) return;
    wasSyncing = progress !== false;
    const item = createItem(progress === false ? false : { syncing: true, status: progress });
    for (const group of groups.of("syncing")) tell(group, item);
  };
  const poll = (): void => {
    cancel = undefined;
    if (groups.of("syncing").length === 0) return;
    tellAll();
    cancel = clock.setTimer(POLL_MS, poll);
  };
  return {
    begin(follower) {
      if (cancel === undefined) {
        wasSyncing = syncing(backend) !== false;
        cancel = clock.setTimer(POLL_MS, poll);
      }
      if (!wasSyncing) follower.deliver(createItem(false));
    },
    close() {
      cancel?.();
      cancel = undefined;
    },
  };
}
