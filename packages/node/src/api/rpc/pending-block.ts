/** The block after the head, as it would be if it were sealed now and nothing waited. */

import type { AnyDecodedBlock } from "@counterpart/core/chain/any-block";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import type { ChainEngine } from "../../engine/types.ts";
import { upcomingBaseFee } from "./fees.ts";

/**
 * The block that would be sealed now if nothing waited: no block is built for a question, so what is in the pool is
 * not in it.
 */
export function pendingBlock(engine: ChainEngine): AnyDecodedBlock {
  const head = engine.head();
  const { timestamp = head.timestamp } = engine.nextContext();
  const header: AnySealedHeader = {
    ...head,
    parentHash: head.hash,
    number: head.number + 1,
    timestamp,
    transactionsRoot: EMPTY_TRIE_ROOT,
    receiptsRoot: EMPTY_TRIE_ROOT,
    logsBloom: new Uint8Array(head.logsBloom.length),
    gasUsed: 0,
    baseFeePerGas: upcomingBaseFee(engine),
    extraData: new Uint8Array(0),
  };
  return { header, transactions: [] };
}
