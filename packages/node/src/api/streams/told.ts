/** What was told lately of blocks and transactions, so that nothing is told twice and no header is left out. */

import type { Hex } from "@counterpart/core/base/bytes";
import { dropOldest } from "@counterpart/core/base/drop-oldest";
import type { SealedHeader } from "@counterpart/core/chain/types";
import type { ChainEngine, HeadChange } from "../../engine/types.ts";

/** Transactions, and blocks, that are remembered as told. */
const TRANSACTIONS_MAX = 65_536;
const BLOCKS_MAX = 1_024;

export interface Told {
  /** Whether this transaction is yet to be told; it counts as told from now on. */
  addTransaction(hash: Hex): boolean;
  /** What is not pending now is news when it comes again. */
  forgetTransactions(): void;
  /** Headers that are to be told of a change of head, lowest first; they count as told from now on. */
  addHeaders(change: HeadChange): readonly SealedHeader[];
}

export function createTold(engine: ChainEngine): Told {
  const transactions = new Set<Hex>();
  const blocks = new Map<number, Hex>([[engine.head().number, engine.head().hash]]);

  /** Headers that joined where nothing was executed: from the head back to what was told. */
  function followedHeaders(head: SealedHeader): SealedHeader[] {
    const headers: SealedHeader[] = [];
    let header: SealedHeader | undefined = head;
    while (header !== undefined && blocks.get(header.number) !== header.hash && headers.length < BLOCKS_MAX) {
      headers.unshift(header);
      header = engine.header(header.parentHash) as SealedHeader | undefined;
    }
    return headers;
  }
  function joinedHeaders({ head, applied, reverted }: HeadChange): SealedHeader[] {
    if (applied.length > 0) return applied.map(({ header }) => header);
    // A head that only went back is no news.
    return reverted.at(-1)?.parentHash === head.hash ? [] : followedHeaders(head);
  }
  return {
    addTransaction(hash) {
      if (transactions.has(hash)) return false;
      transactions.add(hash);
      dropOldest(transactions, TRANSACTIONS_MAX);
      return true;
    },
    forgetTransactions() {
      const pending = new Set(engine.pool.transactions().map(({ hash }) => hash));
      for (const hash of transactions) if (!pending.has(hash)) transactions.delete(hash);
    },
    addHeaders(change) {
      const headers = joinedHeaders(change);
      for (const { number, hash } of headers) {
        blocks.delete(number);
        blocks.set(number, hash);
      }
      dropOldest(blocks, BLOCKS_MAX);
      return headers;
    },
  };
}
