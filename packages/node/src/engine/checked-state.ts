/**
 * State that is read twice, from the flat rows and from the tries: for a block whose execution disagrees with its header,
 * so that damage of this node's own rows is not taken for somebody else's fault.
 */

import { bytesToBigInt, EMPTY_BYTES, equalBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { decodeAccount } from "@counterpart/core/chain/account";
import { encodeRlp } from "@counterpart/core/codec/rlp";
import { keccak256, keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { StateReader } from "@counterpart/core/execution/types";
import type { StoreReader } from "@counterpart/core/ports/store";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import { getFromTrie } from "@counterpart/core/trie/proof";
import type { TrieNodeReader } from "@counterpart/core/trie/types";
import { accountKey, storageKey } from "./rows.ts";
import { accountNodes, createStateReader, onOwnTrie, storageNodes } from "./state.ts";

const corrupt = (what: string): CodedError =>
  new CodedError("STORE_CORRUPT", `${what} is not what the state's trie has`);

const leafOf = (nodes: TrieNodeReader, root: Hex, key: Uint8Array): Uint8Array =>
  onOwnTrie(() => getFromTrie(nodes, root, key)) ?? EMPTY_BYTES;

/**
 * Reads of the state with this root. Each throws `STORE_CORRUPT` where row and trie do not say the same, or code does not
 * have its hash.
 */
export function createCheckedReader(rows: Pick<StoreReader, "get">, root: Hex): StateReader {
  const flat = createStateReader(rows);
  const readAccount = (address: Hex) => {
    const key = accountKey(address);
    const row = rows.get("accounts", key) ?? EMPTY_BYTES;
    if (!equalBytes(row, leafOf(accountNodes(rows), root, key))) throw corrupt(`account ${address}`);
    return row.length === 0 ? undefined : decodeAccount(row);
  };
  return {
    account: readAccount,
    storage(address, slot) {
      const addressHash = accountKey(address);
      const row = rows.get("storage", storageKey(addressHash, slot));
      const storageRoot = readAccount(address)?.storageRoot ?? EMPTY_TRIE_ROOT;
      const leaf = leafOf(storageNodes(rows, addressHash), storageRoot, keccak256(hexToBytes(slot)));
      const isSame = equalBytes(row === undefined ? EMPTY_BYTES : encodeRlp(row), leaf);
      if (!isSame) throw corrupt(`slot ${slot} of ${address}`);
      return row === undefined ? 0n : bytesToBigInt(row);
    },
    code(codeHash) {
      const code = flat.code(codeHash);
      if (keccak256Hex(code) !== codeHash) throw new CodedError("STORE_CORRUPT", `code ${codeHash} has another hash`);
      return code;
    },
  };
}
