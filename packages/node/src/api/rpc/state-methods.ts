/** Reads of a block's state: balances, nonces, code, storage; and proofs of recent ones. */

import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { proveAccount } from "../../engine/account-proof.ts";
import type { ChainEngine } from "../../engine/types.ts";
import type { JsonValue } from "../json.ts";
import { accountOf, EMPTY_ACCOUNT } from "../state.ts";
import { LATEST, readBlockRef, readState, stateViewAt } from "./block-ref.ts";
import type { RpcMethod } from "./dispatch.ts";
import { invalidParams, RPC_CODES, RpcError } from "./errors.ts";
import { quantity, word } from "./format.ts";
import { defineMethod, listOf, optional, type Reader, readAddress, readObject, readSlot, required } from "./params.ts";

const PROOF_SLOTS_MAX = 1024;
/** Slots of one request for values, as in go-ethereum. */
const VALUE_SLOTS_MAX = 1024;
const SLOT_HEX_CHARACTERS = 66;

interface SlotRequest {
  readonly address: Hex;
  readonly slots: readonly Hex[];
}

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

/** Slots of each account, as `{address: [slot…]}`. */
const readSlotRequests: Reader<readonly SlotRequest[]> = (value) => {
  const entries = Object.entries(readObject(value));
  const count = entries.reduce((sum, [, slots]) => sum + (Array.isArray(slots) ? slots.length : 0), 0);
  if (count > VALUE_SLOTS_MAX) throw new RpcError(RPC_CODES.limitExceeded, `too many slots (max ${VALUE_SLOTS_MAX})`);
  const readSlots = listOf(readSlot, VALUE_SLOTS_MAX);
  const requests = entries.map(([name, slots]) => ({ address: readAddress(name), slots: readSlots(slots ?? null) }));
  if (count === 0) throw invalidParams("empty request");
  return requests;
};

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

    eth_getStorageValues: defineMethod(
      [required(readSlotRequests), optional(readBlockRef, LATEST)],
      (requests, block) =>
        readState(engine, block, (state) =>
          Object.fromEntries(
            requests.map(({ address, slots }) => [address, slots.map((slot) => word(state.storage(address, slot)))]),
          ),
        ),
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
