/** A source of state that is left between two requests. */

import type { StateSource } from "./state-source.ts";

/** @param check called before every request; what it throws is what the request ends with */
export function watchedSource(source: StateSource, check: () => Promise<void>): StateSource {
  const watched =
    <A extends readonly unknown[], R>(ask: (...query: A) => Promise<R>) =>
    async (...query: A): Promise<R> => {
      await check();
      return ask(...query);
    };
  return {
    hasPeers: source.hasPeers,
    accounts: watched(source.accounts),
    storages: watched(source.storages),
    nodes: watched(source.nodes),
    expectedNodes: watched(source.expectedNodes),
    state: watched(source.state),
    codes: watched(source.codes),
    block: watched(source.block),
    origins: watched(source.origins),
  };
}
