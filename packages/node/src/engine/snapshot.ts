/** Reads of one moment. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import type { Store } from "@counterpart/core/ports/store";
import { createChainReader } from "./chain-reader.ts";
import { readContract, readHashedContract } from "./contract-index.ts";
import { createStateReader } from "./state.ts";
import type { Snapshot } from "./types.ts";

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
    heldCode: (codeHash) => rows.get("codes", hexToBytes(codeHash)),
    contract: (address) => readContract(rows, address),
    hashedContract: (addressHash) => readHashedContract(rows, addressHash),
    done: () => rows.done(),
  };
}
