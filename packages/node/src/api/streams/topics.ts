/** What can be followed over JSON-RPC, and what a follower is given. */

import { tooMuchAtOnce } from "../rpc/errors.ts";
import { createLogMatcher, type LogFilter, type LogMatcher } from "../rpc/log-filter.ts";

/** Logs that a filter matches, in blocks from one number to another where these are given. */
export interface LogTopic extends LogFilter {
  readonly kind: "logs";
  readonly from: number | undefined;
  readonly to: number | undefined;
}

export type Topic =
  /** Headers of blocks that join the canonical chain. */
  | { readonly kind: "heads" }
  /** Their hashes. */
  | { readonly kind: "blocks" }
  | LogTopic
  /** Transactions that the pool takes: their hashes, or all of them. */
  | { readonly kind: "pending"; readonly full: boolean }
  /** Whether blocks are being fetched from peers. */
  | { readonly kind: "syncing" };

/** One thing that was told: made once for all its followers. */
export interface Item {
  readonly value: unknown;
  /** As JSON text. */
  readonly text: string;
}

export function createItem(value: unknown): Item {
  let text: string | undefined;
  return {
    value,
    get text() {
      text ??= JSON.stringify(value);
      return text;
    },
  };
}

export interface Follower {
  deliver(item: Item): void;
  /** It was not told everything: nothing more comes. */
  lose(): void;
}

/** Followers of what is the same, whoever they are. */
export interface Group<T extends Topic = Topic> {
  readonly topic: T;
  readonly followers: ReadonlySet<Follower>;
  readonly matcher: T extends LogTopic ? LogMatcher : undefined;
}

export interface Groups {
  /** Returns the function that ends it. @throws RpcError -32005 where filters name too much already */
  add(topic: Topic, follower: Follower): () => void;
  of<K extends Topic["kind"]>(kind: K): readonly Group<Extract<Topic, { kind: K }>>[];
}

const KEYS: readonly Topic["kind"][] = ["heads", "blocks", "logs", "pending", "syncing"];

const filteredBy = (topic: Topic): number =>
  topic.kind === "logs" ? topic.addresses.length + topic.topics.flat().length : 0;

interface OpenGroup extends Group {
  readonly followers: Set<Follower>;
}

/** @param filteredMax addresses and topics that all filters of logs may name together */
export function createGroups(filteredMax: number): Groups {
  const kinds = new Map(KEYS.map((kind) => [kind, new Map<string, OpenGroup>()]));
  let filtered = 0;
  const open = (topic: Topic): OpenGroup => {
    const count = filteredBy(topic);
    if (filtered + count > filteredMax) {
      throw tooMuchAtOnce(`the filters of this node name ${filtered} addresses and topics, of at most ${filteredMax}`);
    }
    filtered += count;
    return { topic, followers: new Set(), matcher: topic.kind === "logs" ? createLogMatcher(topic) : undefined };
  };
  return {
    add(topic, follower) {
      const groups = kinds.get(topic.kind) as Map<string, OpenGroup>;
      const key = JSON.stringify(topic);
      const group = groups.get(key) ?? open(topic);
      groups.set(key, group);
      group.followers.add(follower);
      return () => {
        const wasThere = group.followers.delete(follower);
        if (!wasThere || group.followers.size > 0) return;
        groups.delete(key);
        filtered -= filteredBy(topic);
      };
    },
    of: (kind) => [...(kinds.get(kind)?.values() ?? [])] as never,
  };
}
