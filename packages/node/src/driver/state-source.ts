/**
 * Where state comes from that this node has not executed: from whichever peers hold it, each answer held against the
 * header of a block that is known to be good.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { ContractOrigin, WantedState, WantedStorage } from "@counterpart/core/sync/message-types-state";
import type { NibblePath } from "@counterpart/core/trie/types";
import type { ProvenNode, ProvenStorage, TrustedHeader } from "@counterpart/core/verify/peer-answers";
import type { ProvenAccount, ProvenAccounts } from "@counterpart/core/verify/state-proof";

/** A node of a trie, as the node above it names it. */
export interface WantedNode {
  readonly path: NibblePath;
  readonly hash: Hex;
}

/**
 * State of recent blocks, proven. Several requests at once go to several peers. An answer may give less than was asked
 * for, from the end on, at least one item; an answer that does not hold is never seen here: somebody else is asked, and
 * while there is nobody, the promise waits.
 *
 * All of them reject with CodedError `NOT_READY` when the node stops; those that name a block with `PRUNED` when no peer
 * has its state any more, so that the caller goes on with a later one.
 */
export interface StateSource {
  /** All accounts from `start` (32 bytes) to the last that the answer gives. */
  accounts(block: TrustedHeader, start: Uint8Array): Promise<ProvenAccounts>;
  /**
   * Slots of storages, of the first one from `start` (32 bytes) on; all but the last one of the answer are whole.
   * @param wanted roots as accounts that are proven at `block` have them
   */
  storages(
    block: TrustedHeader,
    wanted: readonly WantedStorage[],
    start: Uint8Array,
  ): Promise<readonly ProvenStorage[]>;
  /**
   * Nodes of one trie.
   * @param account keccak(address) of the account whose storage trie is meant; without it, the account trie
   */
  nodes(block: TrustedHeader, account: Hex | undefined, wanted: readonly WantedNode[]): Promise<readonly ProvenNode[]>;
  /** Accounts and slots by name; of the last account of the answer perhaps only its first slots. */
  state(block: TrustedHeader, wanted: readonly WantedState[]): Promise<readonly ProvenAccount[]>;
  /** Codes by their hashes, at least one of those asked for, none that was not. Held by any block or by none. */
  codes(hashes: readonly Hex[]): Promise<ReadonlyMap<Hex, Uint8Array>>;
  /** Where contracts come from, by keccak(address); those that no peer could name are missing. */
  origins(accounts: readonly Hex[]): Promise<ReadonlyMap<Hex, ContractOrigin>>;
}
