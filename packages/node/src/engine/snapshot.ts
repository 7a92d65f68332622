/** Reads of one moment. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import type { StateReader } from "@counterpart/core/execution/types";
import { createChainReader } from "./chain-reader.ts";
import { readContract, readHashedContract } from "./contract-index.ts";
import type { EngineCore } from "./core.ts";
import { createStateReader } from "./state.ts";
import type { Snapshot } from "./types.ts";

export interface OpenSnapshot extends Snapshot {
  canonicalHash(number: number): Hex | undefined;
}

/** What a replica of some contracts holds of the state, and beside it what was proven at the head. */
function createPartialReader(
  held: StateReader,
  { holding, proven }: Pick<EngineCore, "holding" | "proven">,
  head: Hex,
): StateReader {
  const isHeld = (address: Hex): boolean => holding.has(address) && held.account(address) !== undefined;
  return {
    ...held,
    account: (address) => (isHeld(address) ? held.account(address) : proven.at(head).account(address)),
    storage: (address, slot) =>
      isHeld(address) ? held.storage(address, slot) : proven.at(head).storage(address, slot),
  };
}

export function openSnapshot(core: EngineCore): OpenSnapshot {
  const rows = core.store.snapshot();
  const chain = createChainReader(rows, core.processor.chainId);
  const head = chain.head();
  const held = createStateReader(rows);
  const state = core.holding.role === "chosen" ? createPartialReader(held, core, head.hash) : held;
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
