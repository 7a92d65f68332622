/** Reads of a block's state: balances, nonces, code, storage; and proofs of recent ones. */

import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { proveAccount } from "../../engine/account-proof.ts";
import type { ChainEngine } from "../../engine/types.ts";
import type { JsonValue } from "../json.ts";
import { accountOf, EMPTY_ACCOUNT } from "../state.ts";
import { LATEST, readBlockRef, readState, stateViewAt } from "./block-ref.ts";
import type { RpcMethod } from "./dispatch.ts";
import { quantity, word } from "./format.ts";
import { defineMethod, listOf, optional, readAddress, readSlot, required } from "./params.ts";

const PROOF_SLOTS_MAX = 1024;
const SLOT_HEX_CHARACTERS = 66;

interface ProofSlot {
  readonly slot: Hex;
  /** The slot as it is shown: 32 bytes when it was given so, else a quantity. */
  readonly key: Hex;
}

function readProofSlot(value: JsonValue): ProofSlot {
  const slot = readSlot(value);
  const full = typeof value === "string" && value.length === SLOT_HEX_CHARACTERS;
  return { slot, key: full ? slot : quantity(BigInt(slot)) };
}

const proofNodes = (nodes: readonly Uint8Array[]): Hex[] => nodes.map((node) => bytesToHex(node));

export function stateMethods(engine: ChainEngine): Record<string, RpcMethod> {
  return {
    eth_getBalance: defineMethod([required(readAddress), optional(readBlockRef, LATEST)], (address, block) =>
      readState(engine, block, (state) => quantity(accountOf(state, address).balance)),
    ),

    eth_getTransactionCount: defineMethod([required(readAddress), optional(readBlockRef, LATEST)], (address, block) => {
      if (block.kind === "pending" && !engine.isReplica) return quantity(engine.pool.nextNonce(address));
      return readState(engine, block, (state) => quantity(accountOf(state, address).nonce));
    }),

    eth_getCode: defineMethod([required(readAddress), optional(readBlockRef, LATEST)], (address, block) =>
      readState(engine, block, (state) => bytesToHex(state.code(accountOf(state, address).codeHash))),
    ),

    eth_getStorageAt: defineMethod(
      [required(readAddress), required(readSlot), optional(readBlockRef, LATEST)],
      (address, slot, block) => readState(engine, block, (state) => word(state.storage(address, slot))),
    ),

    eth_getProof: defineMethod(
      [required(readAddress), required(listOf(readProofSlot, PROOF_SLOTS_MAX)), optional(readBlockRef, LATEST)],
      (address, slots, block) => {
        const names = slots.map(({ slot }) => slot);
        const proof = proveAccount(stateViewAt(engine, block), address, names);
        const account = proof.account ?? EMPTY_ACCOUNT;
        return {
          address,
          accountProof: proofNodes(proof.accountProof),
          balance: quantity(account.balance),
          codeHash: account.codeHash,
          nonce: quantity(account.nonce),
          storageHash: account.storageRoot,
          storageProof: proof.storage.map((entry, index) => ({
            key: slots[index]?.key ?? entry.slot,
            value: quantity(entry.value),
            proof: proofNodes(entry.proof),
          })),
        };
      },
    ),
  };
}
