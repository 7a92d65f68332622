/** What tells of the chain over JSON-RPC: one feed, the filters on it, and on it the subscriptions of connections. */

import type { ApiContext } from "../context.ts";
import { type ChainFeed, createChainFeed } from "./chain-feed.ts";
import { createFilters, type Filters } from "./filters.ts";

export interface Streams {
  readonly feed: ChainFeed;
  readonly filters: Filters;
  close(): void;
}

export type StreamsContext = Pick<ApiContext, "backend" | "clock" | "logger" | "logLimits">;

export function createStreams({ backend, clock, logger, logLimits }: StreamsContext): Streams {
  const feed = createChainFeed({ backend, clock, logger });
  const filters = createFilters({ feed, source: { engine: backend.engine, clock, limits: logLimits } });
  return {
    feed,
    filters,
    close() {
      filters.close();
      feed.close();
    },
  };
}
