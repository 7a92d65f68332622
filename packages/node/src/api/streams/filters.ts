/**
 * Filters that are polled: `eth_newFilter` and its kin (execution-apis, and go-ethereum where the specification is
 * silent). What happens waits in a filter until it is asked for. A filter that nobody asks for goes after five minutes, one
 * in which more waits than an answer may hold: both answer "filter not found" from then on.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { RESPONSE_CHARACTERS_MAX, type RpcMethod } from "../rpc/dispatch.ts";
import { serverError, tooMuchAtOnce } from "../rpc/errors.ts";
import { type LogQuery, type LogSource, logsOf, readLogQuery } from "../rpc/logs.ts";
import { defineMethod, optional, readBoolean, required } from "../rpc/params.ts";
import type { ChainFeed } from "./chain-feed.ts";
import { logTopicOf, requireExecution } from "./log-topic.ts";
import { createStreamId, readStreamId } from "./stream-id.ts";
import type { Topic } from "./topics.ts";

export interface FilterLimits {
  readonly filters: number;
  /** Characters of what waits in one filter, no more than an answer may have, and in all. */
  readonly characters: number;
  readonly charactersOfAll: number;
  readonly idleMs: number;
}

export const FILTER_LIMITS: FilterLimits = {
  filters: 1_024,
  characters: RESPONSE_CHARACTERS_MAX,
  charactersOfAll: 8 * RESPONSE_CHARACTERS_MAX,
  idleMs: 300_000,
};
/** What an item takes beside its text, so that small ones are limited too. */
const ITEM_CHARACTERS = 100;

interface Filter {
  /** Of a filter of logs. */
  readonly query: LogQuery | undefined;
  items: unknown[];
  characters: number;
  usedAtMs: number;
  end(): void;
}

export interface Filters {
  readonly methods: Record<string, RpcMethod>;
  readonly size: number;
  close(): void;
}

export interface FilterDeps {
  readonly feed: ChainFeed;
  readonly source: LogSource;
  readonly limits?: FilterLimits;
}

const notFound = () => serverError("filter not found");

export function createFilters({ feed, source, limits = FILTER_LIMITS }: FilterDeps): Filters {
  const { engine, clock } = source;
  const filters = new Map<string, Filter>();
  const sweepMs = limits.idleMs / 5;
  let charactersOfAll = 0;
  let cancelSweep: (() => void) | undefined;

  const remove = (id: string): boolean => {
    const filter = filters.get(id);
    if (filter === undefined) return false;
    filter.end();
    charactersOfAll -= filter.characters;
    return filters.delete(id);
  };
  const expire = (): void => {
    const nowMs = clock.now();
    for (const [id, { usedAtMs }] of [...filters]) if (nowMs - usedAtMs >= limits.idleMs) remove(id);
  };
  const sweep = (): void => {
    expire();
    cancelSweep = filters.size > 0 ? clock.setTimer(sweepMs, sweep) : undefined;
  };
  const add = (topic: Topic, query?: LogQuery): Hex => {
    expire();
    if (filters.size >= limits.filters) {
      throw tooMuchAtOnce(`this node keeps ${limits.filters} filters already: uninstall some`);
    }
    const id = createStreamId();
    const filter: Filter = { query, items: [], characters: 0, usedAtMs: clock.now(), end: () => {} };
    filter.end = feed.follow(topic, {
      deliver({ value, text }) {
        const characters = text.length + ITEM_CHARACTERS;
        filter.items.push(value);
        filter.characters += characters;
        charactersOfAll += characters;
        if (filter.characters > limits.characters || charactersOfAll > limits.charactersOfAll) remove(id);
      },
      lose: () => remove(id),
    });
    filters.set(id, filter);
    cancelSweep ??= clock.setTimer(sweepMs, sweep);
    return id;
  };
  /** @throws RpcError `filter not found` */
  const use = async (id: string): Promise<Filter> => {
    await feed.settled();
    expire();
    const filter = filters.get(id);
    if (filter === undefined) throw notFound();
    filter.usedAtMs = clock.now();
    return filter;
  };

  const methods = {
    eth_newFilter: defineMethod([required(readLogQuery)], (query) => {
      requireExecution(engine, "logs");
      return add(logTopicOf(query), query);
    }),
    eth_newBlockFilter: defineMethod([], () => add({ kind: "blocks" })),
    eth_newPendingTransactionFilter: defineMethod([optional(readBoolean, false)], (full) => {
      requireExecution(engine, "pending transactions");
      return add({ kind: "pending", full });
    }),
    eth_getFilterChanges: defineMethod([required(readStreamId)], async (id) => {
      const filter = await use(id);
      const { items } = filter;
      filter.items = [];
      charactersOfAll -= filter.characters;
      filter.characters = 0;
      return items;
    }),
    eth_getFilterLogs: defineMethod([required(readStreamId)], async (id) => {
      const { query } = await use(id);
      if (query === undefined) throw notFound();
      return logsOf(source, query);
    }),
    eth_uninstallFilter: defineMethod([required(readStreamId)], (id) => remove(id)),
  } satisfies Record<string, RpcMethod>;
  return {
    methods,
    get size() {
      return filters.size;
    },
    close() {
      cancelSweep?.();
      for (const id of [...filters.keys()]) remove(id);
    },
  };
}
