/**
 * Transactions of peers that lost their nonce, as long as there is room. The node whose caller sent one keeps it for
 * good; if every node did, a peer could fill their disks by outbidding itself.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Conflict } from "./settle.ts";

const LOSERS_BYTES_MAX = 16 * 1024 * 1024;

export interface Losers {
  get(hash: Hex): Conflict | undefined;
  /** The oldest give way. */
  add(conflict: Conflict): void;
}

export function createLosers(bytesMax = LOSERS_BYTES_MAX): Losers {
  const byHash = new Map<Hex, Conflict>();
  let bytes = 0;
  const drop = (hash: Hex): void => {
    bytes -= byHash.get(hash)?.transaction.raw.length ?? 0;
    byHash.delete(hash);
  };
  return {
    get: (hash) => byHash.get(hash),
    add(conflict) {
      const { hash, raw } = conflict.transaction;
      drop(hash);
      byHash.set(hash, conflict);
      bytes += raw.length;
      for (const oldest of byHash.keys()) {
        if (bytes <= bytesMax) break;
        drop(oldest);
      }
    },
  };
}
