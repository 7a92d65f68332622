/** Views of recent states that somebody reads, kept in step with the chain. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { SealedHeader } from "@counterpart/core/chain/types";
import type { Store, StoreWrite } from "@counterpart/core/ports/store";
import { createStateView, type StateView } from "./state-view.ts";

/** State is held for as many blocks as the limits say or this long, whichever is more. */
export const HELD_BLOCKS = 256;
const HELD_MS = 15 * 60 * 1_000;

export interface ViewLimits {
  readonly viewsMax: number;
  readonly bytesMax: number;
  /** Rows that a view takes back when it is made: it holds the thread for so long. */
  readonly changesMax: number;
  /** Blocks up to the head whose state there are views of. */
  readonly blocksMax: number;
}

export const VIEW_LIMITS: ViewLimits = {
  viewsMax: 8,
  bytesMax: 64 * 1024 * 1024,
  changesMax: 10_000,
  blocksMax: HELD_BLOCKS,
};

export interface StateViews<H extends AnySealedHeader = SealedHeader> {
  /**
   * The state of a canonical block. To be read before the next await: from then on ask again.
   * @throws CodedError `PRUNED` when it is too long ago, or too much has changed since
   */
  at(header: H, head: H, nowMs: number): StateView<H>;
  /** Must be told of what extends the chain before it is written. */
  beforeWrite(writes: Iterable<StoreWrite>): void;
  /** Blocks were taken back. */
  clear(): void;
}

export function createStateViews<H extends AnySealedHeader = SealedHeader>(
  store: Store,
  limits = VIEW_LIMITS,
): StateViews<H> {
  /** The one that was read last at the end. */
  const views = new Map<Hex, StateView<H>>();

  const trim = (): void => {
    let bytes = [...views.values()].reduce((sum, view) => sum + view.bytes, 0);
    for (const [hash, view] of views) {
      if (views.size <= limits.viewsMax && bytes <= limits.bytesMax) return;
      views.delete(hash);
      bytes -= view.bytes;
    }
  };
  return {
    at(header, head, nowMs) {
      const isRecent = header.number > head.number - limits.blocksMax || header.timestamp * 1_000 > nowMs - HELD_MS;
      if (!isRecent) throw new CodedError("PRUNED", `the state of block ${header.number} is not held any more`);
      const view = views.get(header.hash) ?? createStateView(store, header, head, limits.changesMax);
      views.delete(header.hash);
      views.set(header.hash, view);
      trim();
      return view;
    },
    beforeWrite(writes) {
      if (views.size === 0) return;
      for (const write of writes) for (const view of views.values()) view.keep(write);
      trim();
    },
    clear: () => views.clear(),
  };
}
