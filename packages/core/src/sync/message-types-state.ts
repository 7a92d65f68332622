/**
 * The messages that carry state with its proof: accounts and slots by name, ranges of them, and nodes of tries, all at
 * a block that the asker has the header of.
 */

import type { Hex } from "../base/bytes.ts";
import type { Account } from "../chain/types.ts";

/** An account, and the slots of it that are asked for; 32 bytes each. */
export interface WantedState {
  readonly address: Hex;
  readonly slots: readonly Hex[];
}

export interface GetStateMessage {
  readonly type: "GetContracts";
  readonly kind: "state";
  readonly blockHash: Hex;
  readonly wanted: readonly WantedState[];
}

/** Accounts in the order of their keys; they are not asked for by address, which the state does not hold. */
export interface GetAccountRangeMessage {
  readonly type: "GetContracts";
  readonly kind: "range";
  readonly blockHash: Hex;
  /** 32 bytes: the least keccak(address) that is wanted. */
  readonly start: Uint8Array;
  /** What the answer may take but for its proof, one account in any case; absent: what a frame holds. */
  readonly bytesMax?: number;
}

/** Block after which state was read. */
export interface StateBlock {
  readonly hash: Hex;
  readonly number: number;
}

export interface AnsweredState {
  readonly address: Hex;
  /** Absent: there is no such account at the block. */
  readonly account?: Account;
  /** In the order asked; 0 where nothing is stored. */
  readonly slots: readonly bigint[];
}

export interface StateMessage {
  readonly type: "Contracts";
  readonly kind: "state";
  readonly block: StateBlock;
  /** In the order asked. The tail may be cut, also within the slots of the last account, of which the first is there. */
  readonly accounts: readonly AnsweredState[];
  /** Nodes of the account trie and of storage tries, each once: they prove what is answered, no more. */
  readonly proof: readonly Uint8Array[];
}

/** A leaf of a trie with hashed keys. */
export interface KeyedRow {
  /** 32 bytes. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface AccountRangeMessage {
  readonly type: "Contracts";
  readonly kind: "range";
  readonly block: StateBlock;
  /** All accounts from the start asked for to the last of these, as the trie holds them. */
  readonly accounts: readonly KeyedRow[];
  /** Nodes that the two ends of the range run through; whether more follows is to be read from them. */
  readonly proof: readonly Uint8Array[];
}

/** Contracts by the hashes of their addresses, which is what the state holds of them. */
export interface GetContractIndexMessage {
  readonly type: "GetContracts";
  readonly kind: "index";
  /** keccak(address). */
  readonly accounts: readonly Hex[];
}

/** Where a contract comes from, as the index of who is asked has it. */
export interface ContractOrigin {
  readonly address: Hex;
  /** Sender of the creating transaction; absent for contracts of the genesis. */
  readonly owner?: Hex;
  /**
   * Nonce of a top-level creation, from which and the owner the address follows; without it the owner is told, not
   * proven. Absent for a factory's children.
   */
  readonly creationNonce?: bigint;
}

/**
 * One entry for each account from the first on, `undefined` where there is no contract at the head of who answers; the
 * tail may be cut.
 */
export interface ContractIndexMessage {
  readonly type: "Contracts";
  readonly kind: "index";
  readonly entries: readonly (ContractOrigin | undefined)[];
}

export interface WantedStorage {
  /** keccak(address). */
  readonly account: Hex;
  /** Root of its storage, as the asker has it proven. */
  readonly root: Hex;
}

export interface GetStorageMessage {
  readonly type: "GetStorage";
  readonly blockHash: Hex;
  readonly wanted: readonly WantedStorage[];
  /** 32 bytes: the least keccak(slot) that is wanted of the first account; all of the others is. */
  readonly start: Uint8Array;
  /** What the answer may take but for its proofs, one slot in any case; absent: what a frame holds. */
  readonly bytesMax?: number;
}

export interface StoragePage {
  /** keccak(slot) and the value without leading zeros. */
  readonly slots: readonly KeyedRow[];
  /**
   * Nodes that the two ends of the page run through. None where it is a whole storage, whose root follows from its
   * slots alone.
   */
  readonly proof: readonly Uint8Array[];
}

/** A page for each storage from the first on, each but the last one complete from its start on; the tail may be cut. */
export interface StorageMessage {
  readonly type: "Storage";
  readonly pages: readonly StoragePage[];
}

export interface GetNodesMessage {
  readonly type: "GetNodes";
  readonly blockHash: Hex;
  /** keccak(address) of the account whose storage trie is meant; without it, the account trie. */
  readonly account?: Hex;
  /** Nibbles, one character each, from the root to the node. */
  readonly paths: readonly string[];
}

/** One node for each path from the first on, empty where none is stored; the tail may be cut. */
export interface NodesMessage {
  readonly type: "Nodes";
  readonly nodes: readonly Uint8Array[];
}
