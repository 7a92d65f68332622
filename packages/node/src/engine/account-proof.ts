/** Proofs of accounts and their slots (EIP-1186). */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import { proveKey } from "@counterpart/core/trie/proof";
import { accountKey } from "./rows.ts";
import type { StateView } from "./state-view.ts";
import type { AccountProof } from "./types.ts";

/** The account, which may be absent, and its slots at the view's block. */
export function proveAccount(view: StateView, address: Hex, slots: readonly Hex[]): AccountProof {
  const key = accountKey(address);
  const account = view.account(key);
  const nodes = view.storageNodes(key);
  const storageRoot = account?.storageRoot ?? EMPTY_TRIE_ROOT;
  return {
    account,
    accountProof: proveKey(view.accountNodes, view.header.stateRoot, key),
    storage: slots.map((slot) => {
      const slotHash = keccak256(hexToBytes(slot));
      return { slot, value: view.slot(key, slotHash), proof: proveKey(nodes, storageRoot, slotHash) };
    }),
  };
}
