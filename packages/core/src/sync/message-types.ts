/**
 * The messages that peers exchange. A frame is RLP [type number, field, …].
 *
 * Requests travel on a stream of their own and are answered there, so the stream is the request's identity: a response
 * on the long-lived stream is unsolicited by construction.
 */

import type { Hex } from "../base/bytes.ts";
import type { ArtifactRecord, ArtifactsSummary } from "./artifact-types.ts";
import type { AdvertisedLimits } from "./limits.ts";
import type {
  AccountRangeMessage,
  ContractIndexMessage,
  GetAccountRangeMessage,
  GetContractIndexMessage,
  GetNodesMessage,
  GetStateMessage,
  GetStorageMessage,
  NodesMessage,
  StateMessage,
  StorageMessage,
} from "./message-types-state.ts";

/** Type numbers; gaps leave room for messages of the same group. */
export const MESSAGE_NUMBERS = {
  Version: 0x01,
  Status: 0x02,
  Goodbye: 0x03,
  Error: 0x04,
  GetHeaders: 0x10,
  Headers: 0x11,
  GetBlocks: 0x12,
  Blocks: 0x13,
  NewBlock: 0x14,
  NewTransaction: 0x15,
  GetContracts: 0x20,
  Contracts: 0x21,
  GetBlobs: 0x22,
  Blobs: 0x23,
  NewContract: 0x24,
  UpdateContract: 0x25,
  GetStorage: 0x30,
  Storage: 0x31,
  GetNodes: 0x32,
  Nodes: 0x33,
} as const;

export type MessageType = keyof typeof MESSAGE_NUMBERS;

/** Why a request was not served. */
export const REFUSALS = {
  /** The block, or every hash asked for, is not held. */
  NOT_HELD: 1,
  /** Held once, but too old by now. */
  PRUNED: 2,
  /** The account has no storage with that root at the block. */
  UNKNOWN_ROOT: 3,
  /** Too many requests at once: ask again after `retryAfterMs`. */
  BUSY: 4,
  TOO_LARGE: 5,
  BAD_REQUEST: 6,
} as const;

export type Refusal = keyof typeof REFUSALS;

/** Why a connection ends. */
export const GOODBYES = {
  /** The operator disconnected: do not redial, forget the address. */
  DISCONNECTED: 1,
  /** The node stops: redial as usual. */
  STOPPING: 2,
  WRONG_CHAIN: 3,
  CLOCK_SKEW: 4,
  INCOMPATIBLE_VERSION: 5,
  SELF_CONNECTION: 6,
  /** Try again after `retryAfterMs`. */
  TOO_MANY_PEERS: 7,
  PEER_BANNED: 8,
  /** The peer broke the protocol. */
  BAD_MESSAGE: 9,
  /** No `Version` in time, or nothing heard for too long. */
  TIMEOUT: 10,
  /** Another connection to the same peer takes over. */
  REPLACED: 11,
  /** The node's chain was changed by development methods: it takes no peers until it is reset. */
  DETACHED: 12,
} as const;

export type GoodbyeCode = keyof typeof GOODBYES;

export const ROLES = { full: 1, replica: 2 } as const;
export type Role = keyof typeof ROLES;

export interface BlockRef {
  readonly hash: Hex;
  readonly number: number;
}

/** What a node holds. Two nodes are in step when their heads and artifact digests are equal and both have said so. */
export interface Status {
  /** Rises when head, artifacts or `reinjecting` change; a repetition keeps its number. */
  readonly sequence: number;
  readonly head: BlockRef;
  /** Best head that is certified; the genesis where consensus certifies nothing. */
  readonly certifiedHead: BlockRef;
  readonly artifacts: ArtifactsSummary;
  /** Greatest `sequence` of the receiver's that the sender has fully applied; 0 before the first. */
  readonly applied: number;
  /** Re-injected transactions that were not tried yet. */
  readonly reinjecting: number;
  /** Milliseconds since 1970. */
  readonly clockMs: number;
}

export interface StatusMessage extends Status {
  readonly type: "Status";
}

export interface VersionMessage {
  readonly type: "Version";
  readonly protocolVersions: readonly number[];
  readonly chainId: number;
  readonly genesisHash: Hex;
  /** Hash of the frozen rules, so that equal genesis blocks under different rules do not meet. */
  readonly forkRulesId: Hex;
  /** Such as "poa". */
  readonly consensus: string;
  /** Names this database: change sequences are only meaningful together with it. */
  readonly instanceId: string;
  readonly earliestBlock: number;
  readonly role: Role;
  /** Address that the node seals with. */
  readonly signer?: Hex;
  readonly limits: AdvertisedLimits;
  /** Compressions the sender can read. */
  readonly codecs: readonly string[];
  readonly client: string;
  /** The sender's operator asked for this connection now; lifts an earlier `disconnect` on the receiver's side. */
  readonly explicit: boolean;
  readonly status: Status;
}

export interface GoodbyeMessage {
  readonly type: "Goodbye";
  readonly code: GoodbyeCode;
  /** 0: nothing said. */
  readonly retryAfterMs: number;
}

export interface ErrorMessage {
  readonly type: "Error";
  readonly code: Refusal;
  readonly retryAfterMs: number;
}

export interface GetHeadersMessage {
  readonly type: "GetHeaders";
  /**
   * A number on the sender's canonical chain, or a locator: the answer starts at the first of these hashes that is
   * canonical there.
   */
  readonly from: { readonly number: number } | { readonly hashes: readonly Hex[] };
  readonly count: number;
  readonly direction: "up" | "down";
}

/** Encoded headers, the starting one first. */
export interface HeadersMessage {
  readonly type: "Headers";
  readonly headers: readonly Uint8Array[];
}

export interface GetBlocksMessage {
  readonly type: "GetBlocks";
  readonly hashes: readonly Hex[];
}

/** One encoded block for each hash from the first on, empty where it is not held; the tail may be cut. */
export interface BlocksMessage {
  readonly type: "Blocks";
  readonly blocks: readonly Uint8Array[];
}

/** An encoded block; of one too large to announce, its header alone. */
export type NewBlockMessage =
  | { readonly type: "NewBlock"; readonly kind: "block"; readonly block: Uint8Array }
  | { readonly type: "NewBlock"; readonly kind: "header"; readonly header: Uint8Array };

export interface NewTransactionMessage {
  readonly type: "NewTransaction";
  /** Canonical encodings. */
  readonly transactions: readonly Uint8Array[];
}

/** An artifact record whose content may be left out; the content hash names it. */
export interface ArtifactEnvelope extends Omit<ArtifactRecord, "content"> {
  readonly content?: Uint8Array;
}

export type GetContractsMessage =
  | {
      readonly type: "GetContracts";
      readonly kind: "since";
      /** Database that `sequence` belongs to; another one there answers from the start. */
      readonly instanceId: string;
      readonly sequence: number;
      /** Content that the asker wants inline, in bytes together; 0 asks for envelopes only. */
      readonly inlineBytesMax: number;
    }
  | { readonly type: "GetContracts"; readonly kind: "addresses"; readonly addresses: readonly Hex[] }
  | GetStateMessage
  | GetAccountRangeMessage
  | GetContractIndexMessage;

export interface ContractAccount {
  readonly address: Hex;
  /** Absent: there is no such account at the block. */
  readonly account?: {
    readonly nonce: bigint;
    readonly balance: bigint;
    readonly storageRoot: Hex;
    readonly codeHash: Hex;
  };
  readonly artifact?: ArtifactEnvelope;
}

export type ContractsMessage =
  | {
      readonly type: "Contracts";
      readonly kind: "since";
      readonly instanceId: string;
      /** Everything up to this change sequence is in this answer or an earlier one. */
      readonly upTo: number;
      /** Greatest change sequence of the sender; there is more while `upTo` is below it. */
      readonly last: number;
      readonly entries: readonly ArtifactEnvelope[];
    }
  | {
      readonly type: "Contracts";
      readonly kind: "accounts";
      /** Block after which the accounts were read. */
      readonly block: BlockRef;
      /** In the order asked; the tail may be cut. */
      readonly accounts: readonly ContractAccount[];
    }
  | StateMessage
  | AccountRangeMessage
  | ContractIndexMessage;

export interface BlobRequest {
  /** keccak of the wanted bytes: a code hash, or an artifact's content hash. */
  readonly hash: Hex;
  /**
   * Contract that the bytes belong to, so that finding content needs no index. Without it code is meant, of any
   * contract: who has fetched accounts by the hashes of their addresses knows no addresses.
   */
  readonly address?: Hex;
}

export interface GetBlobsMessage {
  readonly type: "GetBlobs";
  readonly wanted: readonly BlobRequest[];
}

/** One item for each request from the first on; the tail may be cut. */
export interface BlobsMessage {
  readonly type: "Blobs";
  readonly blobs: readonly (Uint8Array | undefined)[];
}

export interface NewContractMessage {
  readonly type: "NewContract";
  /** Block that created it. */
  readonly blockHash: Hex;
  readonly address: Hex;
  readonly owner: Hex;
  readonly codeHash: Hex;
  readonly artifact?: ArtifactRecord;
}

export type UpdateContractMessage =
  | {
      readonly type: "UpdateContract";
      readonly kind: "state";
      readonly blockHash: Hex;
      readonly contracts: readonly { readonly address: Hex; readonly storageRoot: Hex }[];
      /** The block changed more contracts than are listed. */
      readonly truncated: boolean;
    }
  | { readonly type: "UpdateContract"; readonly kind: "artifact"; readonly artifact: ArtifactRecord };

export interface MessageMap {
  readonly Version: VersionMessage;
  readonly Status: StatusMessage;
  readonly Goodbye: GoodbyeMessage;
  readonly Error: ErrorMessage;
  readonly GetHeaders: GetHeadersMessage;
  readonly Headers: HeadersMessage;
  readonly GetBlocks: GetBlocksMessage;
  readonly Blocks: BlocksMessage;
  readonly NewBlock: NewBlockMessage;
  readonly NewTransaction: NewTransactionMessage;
  readonly GetContracts: GetContractsMessage;
  readonly Contracts: ContractsMessage;
  readonly GetBlobs: GetBlobsMessage;
  readonly Blobs: BlobsMessage;
  readonly NewContract: NewContractMessage;
  readonly UpdateContract: UpdateContractMessage;
  readonly GetStorage: GetStorageMessage;
  readonly Storage: StorageMessage;
  readonly GetNodes: GetNodesMessage;
  readonly Nodes: NodesMessage;
}

export type Message = MessageMap[MessageType];
export type MessageOf<T extends MessageType> = MessageMap[T];

/** What answers which request. */
export const RESPONSES = {
  GetHeaders: "Headers",
  GetBlocks: "Blocks",
  GetContracts: "Contracts",
  GetBlobs: "Blobs",
  GetStorage: "Storage",
  GetNodes: "Nodes",
} as const satisfies Partial<Record<MessageType, MessageType>>;

export type RequestType = keyof typeof RESPONSES;
export type Request = MessageMap[RequestType];
export type ResponseTo<T extends RequestType> = MessageMap[(typeof RESPONSES)[T]];

export const isRequest = (message: Message): message is Request => message.type in RESPONSES;
