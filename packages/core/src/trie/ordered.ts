/** The tries of a block's body: transactions, receipts and withdrawals by their index. */

import type { Hex } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { encodeRlp, rlpNumber } from "../codec/rlp.ts";
import { EMPTY_TRIE_ROOT } from "./types.ts";
import { updateTrie } from "./update.ts";

export { EMPTY_TRIE_ROOT };

/**
 * Root of the trie that holds `values`, none of them empty, under the RLP of their indexes.
 * Source: Ethereum yellow paper, section 4.4.3.
 */
export function orderedTrieRoot(values: readonly Uint8Array[]): Hex {
  const changes = values.map((value, index) => {
    assert(value.length > 0, "a trie holds no empty values");
    return { key: encodeRlp(rlpNumber(index)), value };
  });
  return updateTrie(() => undefined, EMPTY_TRIE_ROOT, changes).root;
}
