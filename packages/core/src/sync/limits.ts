/**
 * Bounds of the wire protocol. The same table is advertised in `Version`, enforced when a message is decoded and obeyed
 * when one is built, so that what a node says it takes is what it takes.
 */

import { MAX_HEADER_BYTES, MAX_TRANSACTION_BYTES } from "../chain/rules.ts";
import { CONTENT_SIZE_MAX } from "./artifact-content.ts";
import type { MessageType } from "./message-types.ts";

const KIB = 1024;

/** No frame is larger: a reader checks the length prefix against this before it allocates. */
export const FRAME_BYTES_MAX = 1024 * KIB;

export const HEADERS_MAX = 256;
export const HEADER_BYTES_MAX = MAX_HEADER_BYTES;
/** Hashes of a locator. */
export const LOCATOR_MAX = 64;
export const BLOCKS_MAX = 64;
/** Blocks up to this size are announced whole, larger ones by their header. */
export const ANNOUNCED_BLOCK_BYTES_MAX = 64 * KIB;
export const TRANSACTION_BYTES_MAX = MAX_TRANSACTION_BYTES;
export const TRANSACTIONS_MAX = 256;
export const CONTRACTS_MAX = 256;
/** Content of one artifact. */
export const CONTENT_BYTES_MAX = CONTENT_SIZE_MAX;
export const BLOBS_MAX = 64;
/** Slots in a request for accounts and slots, of all accounts together. */
export const SLOTS_MAX = 1024;
/** Storages in a request for ranges of slots. */
export const STORAGES_MAX = 64;
/** Nodes in a request for nodes. */
export const NODES_MAX = 512;
/** A node of a trie with hashed keys: a branch of 16 hashes is 532 bytes. */
export const NODE_BYTES_MAX = 1024;
/** Nodes of the proofs in one answer. */
export const PROOF_NODES_MAX = 8192;
/** Accounts in an answer with a range of them. */
export const RANGE_ACCOUNTS_MAX = 4096;
/** Slots in an answer with ranges of slots, of all storages together. */
export const RANGE_SLOTS_MAX = 12288;
/** Requests of one peer that are served at the same time. */
export const REQUESTS_MAX = 4;

/** Room that a frame's and a list's own headers take. */
export const FRAME_OVERHEAD_BYTES = 64;

/** Size of a whole frame by its type, checked before anything is decoded. */
export const FRAME_BYTES_BY_TYPE: Readonly<Record<MessageType, number>> = {
  Version: 4 * KIB,
  Status: 512,
  Goodbye: 64,
  Error: 64,
  GetHeaders: 4 * KIB,
  Headers: FRAME_BYTES_MAX,
  GetBlocks: 4 * KIB,
  Blocks: FRAME_BYTES_MAX,
  NewBlock: Math.max(ANNOUNCED_BLOCK_BYTES_MAX, HEADER_BYTES_MAX) + FRAME_OVERHEAD_BYTES,
  NewTransaction: 512 * KIB,
  GetContracts: 48 * KIB,
  Contracts: 512 * KIB,
  GetBlobs: 8 * KIB,
  Blobs: FRAME_BYTES_MAX,
  NewContract: 320 * KIB,
  UpdateContract: 320 * KIB,
  GetStorage: 8 * KIB,
  Storage: 512 * KIB,
  GetNodes: 24 * KIB,
  Nodes: 512 * KIB,
};

/** What a peer may ask for, as advertised in `Version`. */
export interface AdvertisedLimits {
  readonly frameBytes: number;
  readonly headers: number;
  readonly blocks: number;
  readonly transactions: number;
  readonly contracts: number;
  readonly blobs: number;
  readonly slots: number;
  readonly storages: number;
  readonly nodes: number;
  readonly requests: number;
}

export const OWN_LIMITS: AdvertisedLimits = {
  frameBytes: FRAME_BYTES_MAX,
  headers: HEADERS_MAX,
  blocks: BLOCKS_MAX,
  transactions: TRANSACTIONS_MAX,
  contracts: CONTRACTS_MAX,
  blobs: BLOBS_MAX,
  slots: SLOTS_MAX,
  storages: STORAGES_MAX,
  nodes: NODES_MAX,
  requests: REQUESTS_MAX,
};
