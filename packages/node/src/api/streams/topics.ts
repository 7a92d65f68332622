/** What can be followed over JSON-RPC, and what a follower is given. */

import type { LogFilter } from "../rpc/log-filter.ts";

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
}

export interface Groups {
  /** Returns the function that ends it. */
  add(topic: Topic, follower: Follower): () => void;
  of<K extends Topic["kind"]>(kind: K): readonly Group<Extract<Topic, { kind: K }>>[];
}

const KEYS: readonly Topic["kind"][] = ["heads", "blocks", "logs", "pending", "syncing"];

export function createGroups(): Groups {
  const kinds = new Map(KEYS.map((kind) => [kind, new Map<string, Group & { followers: Set<Follower> }>()]));
  return {
    add(topic, follower) {
      const groups = kinds.get(topic.kind);
      const key = JSON.stringify(topic);
      const group = groups?.get(key) ?? { topic, followers: new Set<Follower>() };
      groups?.set(key, group);
      group.followers.add(follower);
      return () => {
        group.followers.delete(follower);
        if (group.followers.size === 0 && groups?.get(key) === group) groups.delete(key);
      };
    },
    of: (kind) => [...(kinds.get(kind)?.values() ?? [])] as never,
  };
}
