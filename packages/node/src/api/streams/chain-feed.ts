/**
 * Tells followers what happens to the chain and the pool, in an order in which each thing agrees with what was told
 * before: of a change of head first the logs of the blocks that leave, highest first and marked as removed, then block by
 * block those that join, their headers before their logs. It runs in slices beside everything else. What the receipts of
 * leaving blocks say is read before they are gone.
 */

import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { AnyTransaction, SealedHeader } from "@counterpart/core/chain/types";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { HeadChange } from "../../engine/types.ts";
import type { Backend } from "../backend.ts";
import { formatHeader, formatTransaction } from "../rpc/format.ts";
import { type MatchedLog, matchedLogs } from "./log-matching.ts";
import { createSyncingFeed } from "./syncing-feed.ts";
import { createTellingQueue } from "./telling-queue.ts";
import { createTold } from "./told.ts";
import { createGroups, createItem, type Follower, type Group, type Item, type Topic } from "./topics.ts";

export interface FeedLimits {
  /** Changes that wait to be told. */
  readonly waiting: number;
  /** Bytes, roughly, of the removed logs that one reorganisation may have. */
  readonly removedBytes: number;
  /** Addresses and topics that all filters of logs name together: some 500 bytes each. */
  readonly filtered: number;
}

export const FEED_LIMITS: FeedLimits = { waiting: 8_192, removedBytes: 64 * 1024 * 1024, filtered: 262_144 };

export interface ChainFeed {
  /** Begins with what happens from now on. Returns the function that ends it. @throws RpcError -32005 */
  follow(topic: Topic, follower: Follower): () => void;
  /** Resolves when everything is told that had happened when it was called. */
  settled(): Promise<void>;
  close(): void;
}

export interface ChainFeedDeps {
  readonly backend: Pick<Backend, "engine" | "network">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: FeedLimits;
}

export function createChainFeed(deps: ChainFeedDeps): ChainFeed {
  const { backend, clock, logger, limits = FEED_LIMITS } = deps;
  const { engine } = backend;
  const groups = createGroups(limits.filtered);
  const told = createTold(engine);
  /** What the blocks have that are leaving; undefined: more than can be told. */
  let leaving: MatchedLog[] | undefined = [];

  const tell = ({ followers }: Pick<Group, "followers">, item: Item): void => {
    for (const follower of [...followers]) follower.deliver(item);
  };
  const lose = (kinds: readonly Topic["kind"][]): void => {
    for (const kind of kinds) {
      for (const { followers } of groups.of(kind)) for (const follower of [...followers]) follower.lose();
    }
  };

  const queue = createTellingQueue({
    clock,
    max: limits.waiting,
    onLost(error) {
      const reason = error === undefined ? "too much happens at once" : String(error);
      logger.error("followers of the chain are not told everything", { reason });
      lose(["heads", "blocks", "logs", "pending"]);
    },
  });

  const tellAll = (kind: "heads" | "blocks", show: () => unknown): void => {
    const all = groups.of(kind);
    if (all.length === 0) return;
    const item = createItem(show());
    for (const group of all) tell(group, item);
  };
  function* tellBlock(header: AnySealedHeader): Generator<undefined> {
    tellAll("heads", () => formatHeader(header));
    tellAll("blocks", () => header.hash);
    yield;
    for (const matched of matchedLogs(engine, groups.of("logs"), header, false)) {
      if (matched === undefined) yield;
      else tell(matched.group, matched.item);
    }
  }
  function* tellHead(removed: readonly MatchedLog[], headers: readonly SealedHeader[]): Generator<undefined> {
    for (const [at, { group, item }] of removed.entries()) {
      tell(group, item);
      if (at % 64 === 63) yield;
    }
    for (const header of headers) yield* tellBlock(header);
  }
  function* tellTransaction(transaction: AnyTransaction): Generator<undefined> {
    for (const group of groups.of("pending")) {
      tell(group, createItem(group.topic.full ? formatTransaction(transaction) : transaction.hash));
    }
    yield;
  }
  /** What was sealed as soon as it came is told before its block. */
  const tellSealed = ({ applied, sealedHere }: HeadChange): void => {
    if (!sealedHere) return;
    for (const { transactions, load } of applied) {
      const fresh = new Set(transactions.filter(told.addTransaction));
      if (fresh.size === 0 || groups.of("pending").length === 0) continue;
      for (const transaction of load().transactions) {
        if (fresh.has(transaction.hash)) queue.add(() => tellTransaction(transaction));
      }
    }
  };
  const isFollowed = (...kinds: Topic["kind"][]): boolean => kinds.some((kind) => groups.of(kind).length > 0);

  const onLeaving = (headers: readonly SealedHeader[]): void => {
    leaving = [];
    if (!isFollowed("logs")) return;
    // Their logs have to be told before they are told as removed, and are there no longer afterwards.
    queue.flush();
    let bytes = 0;
    for (const header of headers) {
      for (const matched of matchedLogs(engine, groups.of("logs"), header, true)) {
        if (matched === undefined) continue;
        leaving.push(matched);
        bytes += matched.bytes;
      }
      if (bytes <= limits.removedBytes) continue;
      leaving = undefined;
      return;
    }
  };
  const onHead = (change: HeadChange): void => {
    tellSealed(change);
    const headers = told.addHeaders(change);
    const removed = change.reverted.length === 0 ? [] : leaving;
    leaving = [];
    if (removed === undefined) {
      logger.warn("followers of logs are not told of a reorganisation: it removes too many");
      lose(["logs"]);
    }
    if (!isFollowed("heads", "blocks", "logs")) return;
    queue.add(() => tellHead(removed ?? [], headers));
  };

  const syncing = createSyncingFeed(backend, clock, groups, tell);
  const ends = [
    engine.on("leaving", onLeaving),
    engine.on("head", onHead),
    engine.on("forgotten", told.forgetTransactions),
    engine.on("transaction", (transaction, origin) => {
      const isNew = told.addTransaction(transaction.hash);
      if ((isNew || origin === "reinjected") && isFollowed("pending")) queue.add(() => tellTransaction(transaction));
    }),
  ];
  return {
    follow(topic, follower) {
      // What happened before is told before: to whoever followed then.
      queue.flush();
      const end = groups.add(topic, follower);
      if (topic.kind === "syncing") syncing.begin(follower);
      return end;
    },
    settled: queue.settled,
    close() {
      for (const end of ends) end();
      syncing.close();
      queue.clear();
    },
  };
}
