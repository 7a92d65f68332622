/**
 * Which keys of a trie are likely to differ in the next block: those that differed in both of the last two steps, as the
 * accounts of a busy contract, of its users and of the sealer do, and what the system calls of each block write. Nothing
 * depends on it but how many requests it takes to bring the next block's state.
 */

import { bigIntToFixedBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { dropOldest } from "@counterpart/core/base/drop-oldest";
import { BEACON_ROOTS_ADDRESS, HISTORY_ADDRESS } from "@counterpart/core/chain/system-contracts";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { keccak256, keccak256Hex } from "@counterpart/core/crypto/crypto";
import { keyToNibbles } from "@counterpart/core/trie/nibbles";
import type { NibblePath } from "@counterpart/core/trie/types";
import { LIKELY_KEYS_MAX, LIKELY_TRIES_MAX } from "./limits.ts";

export interface LikelyKeys {
  /** @param account keccak(address) of the account whose storage it is; without it, the account trie */
  of(account: Hex | undefined, block: SealedHeader): readonly NibblePath[];
  /** What differed in a step. */
  note(account: Hex | undefined, keys: readonly Uint8Array[]): void;
}

/** EIP-2935 and EIP-4788: slots of the ring buffers, by number and by time. */
const RING_SLOTS = 8_191;
const HISTORY = keccak256Hex(hexToBytes(HISTORY_ADDRESS));
const BEACON_ROOTS = keccak256Hex(hexToBytes(BEACON_ROOTS_ADDRESS));

const slotKey = (slot: number): NibblePath => keyToNibbles(keccak256(bigIntToFixedBytes(BigInt(slot), 32)));

/** Slots that the system calls at the beginning of a block write. */
function systemSlots(account: Hex | undefined, { number, timestamp }: SealedHeader): readonly NibblePath[] {
  if (account === HISTORY) return [slotKey((number - 1) % RING_SLOTS)];
  if (account === BEACON_ROOTS)
    return [slotKey(timestamp % RING_SLOTS), slotKey((timestamp % RING_SLOTS) + RING_SLOTS)];
  return [];
}

export function createLikelyKeys(): LikelyKeys {
  const last = new Map<Hex | undefined, { readonly keys: ReadonlySet<NibblePath>; readonly likely: NibblePath[] }>();
  return {
    of: (account, block) => [...systemSlots(account, block), ...(last.get(account)?.likely ?? [])],
    note(account, keys) {
      const before = last.get(account)?.keys;
      const now = new Set(keys.slice(0, LIKELY_KEYS_MAX).map(keyToNibbles));
      last.delete(account);
      last.set(account, { keys: now, likely: [...now].filter((key) => before?.has(key) === true) });
      dropOldest(last, LIKELY_TRIES_MAX);
    },
  };
}
