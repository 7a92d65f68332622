/**
 * Filters that are polled: `eth_newFilter` and its kin (execution-apis, and go-ethereum where the specification is
 * silent). What happens waits in a filter until it is asked for. A filter that nobody asks for goes after five minutes, one
 * in which more waits than an answer may hold: both answer "filter not found" from then on.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { JsonValue } from "../json.ts";
import { RESPONSE_CHARACTERS_MAX, type RpcMethod } from "../rpc/dispatch.ts";
import { serverError, tooMuchAtOnce } from "../rpc/errors.ts";
import { type LogQuery, type LogSource, logsOf, readLogQuery } from "../rpc/logs.ts";
import { badValue, defineMethod, optional, type Reader, readBoolean, required } from "../rpc/params.ts";
import type { ChainFeed } from "./chain-feed.ts";
import { logTopicOf, requireExecution } from "./log-topic.ts";
import { createStreamId } from "./stream-id.ts";
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

/** An id in the form in which it was given out; what is no such id is that of no filter. */
const readId: Reader<string> = (value: JsonValue) => {
  if (typeof value !== "string") throw badValue("expected a string");
  return value.toLowerCase();
};

const notFound = () => serverError("filter not found");

/** Calls `sweep` some time after the last call, as long as it says that there is more to come. */
function createSweeper(clock: Clock, everyMs: number, sweep: () => boolean) {
  let cancel: (() => void) | undefined;
  const run = (): void => {
    cancel = sweep() ? clock.setTimer(everyMs, run) : undefined;
  };
  return {
    start(): void {
      cancel ??= clock.setTimer(everyMs, run);
    },
    stop(): void {
      cancel?.();
      cancel = undefined;
    },
  };
}

export function createFilters({ feed, source, limits = FILTER_LIMITS }: FilterDeps): Filters {
  const { engine, clock } = source;
  const filters = new Map<string, Filter>();
  let charactersOfAll = 0;

  const remove = (id: string): boolean => {
    const filter = filters.get(id);
    if (filter === undefined) return false;
    filter.end();
    charactersOfAll -= filter.characters;
    return filters.delete(id);
  };
  const expire = (): boolean => {
    const nowMs = clock.now();
    for (const [id, { usedAtMs }] of [...filters]) if (nowMs - usedAtMs >= limits.idleMs) remove(id);
    return filters.size > 0;
  };
  const sweeper = createSweeper(clock, limits.idleMs / 5, expire);
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
    sweeper.start();
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
    eth_getFilterChanges: defineMethod([required(readId)], async (id) => {
      const filter = await use(id);
      const { items } = filter;
      filter.items = [];
      charactersOfAll -= filter.characters;
      filter.characters = 0;
      return items;
    }),
    eth_getFilterLogs: defineMethod([required(readId)], async (id) => {
      const { query } = await use(id);
      if (query === undefined) throw notFound();
      return logsOf(source, query);
    }),
    eth_uninstallFilter: defineMethod([required(readId)], (id) => remove(id)),
  } satisfies Record<string, RpcMethod>;
  return {
    methods,
    get size() {
      return filters.size;
    },
    close() {
      sweeper.stop();
      for (const id of [...filters.keys()]) remove(id);
    },
  };
}
