/** Reads of one moment, with proofs of what is read. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import type { Store } from "@counterpart/core/ports/store";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import { proveKey } from "@counterpart/core/trie/proof";
import { createChainReader } from "./chain-reader.ts";
import { readContract } from "./contract-index.ts";
import { accountKey } from "./rows.ts";
import { accountNodes, createStateReader, readAccount, storageNodes } from "./state.ts";
import type { AccountProof, Snapshot } from "./types.ts";

export interface OpenSnapshot extends Snapshot {
  canonicalHash(number: number): Hex | undefined;
}

export function openSnapshot(store: Store, chainId: number): OpenSnapshot {
  const rows = store.snapshot();
  const state = createStateReader(rows);
  const chain = createChainReader(rows, chainId);
  const head = chain.head();
  return {
    ...state,
    head,
    canonicalHash: chain.canonicalHash,
    contract: (address) => readContract(rows, address),
    proof(address, slots): AccountProof {
      const key = accountKey(address);
      const account = readAccount(rows, key);
      const nodes = storageNodes(rows, key);
      const storageRoot = account?.storageRoot ?? EMPTY_TRIE_ROOT;
      return {
        account,
        accountProof: proveKey(accountNodes(rows), head.stateRoot, key),
        storage: slots.map((slot) => ({
          slot,
          value: state.storage(address, slot),
          proof: proveKey(nodes, storageRoot, keccak256(hexToBytes(slot))),
        })),
      };
    },
    done: () => rows.done(),
  };
}
