/** Contracts as callers and peers see them. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import type { AnyTransaction, Log, Transaction } from "@counterpart/core/chain/types";
import type { ArtifactContent, ArtifactRecord, ArtifactsSummary } from "@counterpart/core/sync/artifact-types";
import type { ContractEntry } from "../engine/types.ts";
import type { CodeMatch } from "./code-match.ts";
import type { Libraries } from "./compiled.ts";
import type { SoliditySource } from "./compiler.ts";
import type { RequestKey } from "./idempotency.ts";
import type { DelegateProxy } from "./proxies.ts";

/** One contract: its chain part, proven state, and its owner's artifact where there is one. */
export interface ContractView {
  readonly entry: ContractEntry;
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly storageRoot: Hex;
  /** keccak(rlp[address, nonce, balance, storageRoot, codeHash]). */
  readonly stateHash: Hex;
  /** Content hash of the artifact, or zero. */
  readonly artifactHash: Hex;
  /** keccak(stateHash ‖ artifactHash). */
  readonly integrityHash: Hex;
  readonly artifact?: ArtifactContent;
  /** Milliseconds. */
  readonly artifactUpdatedAt?: number;
  /** Answer of `totalSupply()` where the ABI has it (decimal string). */
  readonly totalSupply?: string;
  /** Whose code it runs, where that is another contract's; with what the owner of that one has published. */
  readonly proxy?: DelegateProxy & { readonly artifact?: ArtifactContent };
  /** How this node knows the state: by executing the chain, or by proofs against a header. */
  readonly checked: "executed" | "proven";
  /** Of the last change; absent when it is not known in which block that was. */
  readonly confirmations?: number;
}

export interface ContractFilter {
  readonly owner?: Hex;
  readonly type?: string;
  readonly name?: string;
  /** Opaque token of an earlier page's `since`: only contracts that changed later. */
  readonly since?: string;
  readonly limit: number;
  readonly cursor?: string;
  /** Include contracts of the genesis. */
  readonly genesis?: boolean;
}

export interface ContractPage {
  readonly contracts: readonly ContractView[];
  /** Absent on the last page. */
  readonly cursor?: string;
  /** Pass as `since` to get only what changes after this page. */
  readonly since: string;
}

/** A JSON number's exact source text, so that 1e27 and 2^53+1 keep every unit. */
export interface ExactNumber {
  readonly source: string;
}

export type ArgumentValue =
  | string
  | boolean
  | ExactNumber
  | null
  | readonly ArgumentValue[]
  | { readonly [key: string]: ArgumentValue };

/** A contract's code as people have it: a tool's artifact, or its source. */
export type CodeSource =
  | { readonly kind: "artifact"; readonly artifact: unknown; readonly libraries?: Libraries }
  | ({ readonly kind: "source" } & SoliditySource);

interface CustomFields {
  readonly contractType: "custom";
  readonly name?: string;
  readonly symbol?: string;
  readonly args?: readonly ArgumentValue[];
  readonly value?: ArgumentValue;
  readonly from?: Hex;
  readonly waitMs?: number;
}

/** With the code and ABI that it is created from. */
export interface CustomRequest extends CustomFields {
  readonly bytecode: Hex;
  readonly abi: readonly unknown[];
}

export type DeployRequest =
  | {
      readonly contractType: "nft";
      readonly name: string;
      readonly symbol: string;
      /** What comes before the numbers of tokens without a URI of their own. */
      readonly baseUri?: string;
      readonly cap?: ArgumentValue;
      readonly from?: Hex;
      readonly waitMs?: number;
    }
  | (CustomFields & { readonly code: CodeSource })
  | CustomRequest
  | {
      readonly contractType: "token";
      readonly name: string;
      readonly symbol: string;
      readonly decimals?: number;
      readonly cap?: ArgumentValue;
      readonly initialSupply?: ArgumentValue;
      readonly from?: Hex;
      readonly waitMs?: number;
    };

export interface FunctionCall {
  /** A name, or a full signature such as `transfer(address,uint256)`. */
  readonly function: string;
  /** By ABI name or by position. */
  readonly params?: { readonly [name: string]: ArgumentValue } | readonly ArgumentValue[];
  readonly from?: Hex;
  readonly value?: ArgumentValue;
}

export interface DecodedLog {
  readonly log: Log;
  /** Name and arguments by the ABI, where it has the event. */
  readonly event?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

export type SendResult =
  | {
      readonly included: true;
      readonly transactionHash: Hex;
      readonly blockHash: Hex;
      readonly blockNumber: number;
      readonly status: "success" | "reverted";
      /** Decoded return value of the simulation; integers as decimal strings. */
      readonly result: unknown;
      readonly logs: readonly DecodedLog[];
      readonly confirmations: number;
      /** Address of the deployed contract, for deployments. */
      readonly address?: Hex;
    }
  /** Not included within the time the caller wanted to wait. */
  | {
      readonly included: false;
      readonly transactionHash: Hex;
      readonly address?: Hex;
      /** Why it cannot be included at present, often because of an earlier transaction of the sender. */
      readonly reason?: ErrorCode;
    };

export interface ArtifactChange {
  readonly sequence: number;
  readonly record: ArtifactRecord;
}

export type MergeOutcome = "added" | "replaced" | "older" | "equal" | "refused" | "unknown-contract";

export interface Publication {
  readonly view: ContractView;
  /** Of the code that came with it. */
  readonly match?: CodeMatch;
}

export interface ContractService {
  list(filter: ContractFilter): Promise<ContractPage>;
  /** @throws CodedError `CONTRACT_NOT_FOUND`, `NOT_HELD` */
  get(address: Hex): Promise<ContractView>;
  /** Balance of a wallet in base units. @throws CodedError `CONTRACT_NOT_FOUND`, `BALANCE_UNAVAILABLE`, `NOT_HELD` */
  balance(address: Hex, wallet: Hex): Promise<bigint>;
  /** @param gone when nobody waits for an inclusion any more */
  deploy(request: DeployRequest, key?: RequestKey, gone?: AbortSignal): Promise<SendResult>;
  /** @param gone as of `deploy` */
  execute(address: Hex, call: FunctionCall, waitMs?: number, key?: RequestKey, gone?: AbortSignal): Promise<SendResult>;
  /** Resolves when a signed transaction is durable, with the one that the key stands for. */
  submit(transaction: Transaction, key?: RequestKey): Promise<AnyTransaction>;
  /** Logs with what the ABIs that are held here say of them. */
  decodeLogs(logs: readonly Log[]): Promise<readonly DecodedLog[]>;
  /** Decoded return value; integers as decimal strings. */
  call(address: Hex, call: FunctionCall): Promise<unknown>;
  /**
   * Signs new content with the owner's key held here.
   * @param code held against the contract's before anything is signed; its ABI and name are taken where the content has none
   * @throws CodedError `CODE_MISMATCH`; those of `CompileSolidity`
   */
  publish(address: Hex, content: ArtifactContent, code?: CodeSource): Promise<Publication>;
  /** Keeps a record signed elsewhere. */
  putRecord(record: ArtifactRecord): Promise<MergeOutcome>;

  // What peers ask for.
  artifacts(): ArtifactsSummary;
  artifact(address: Hex): ArtifactRecord | undefined;
  /** Visible artifacts changed after `sequence`, in order of sequence. */
  artifactsSince(sequence: number, limit: number): readonly ArtifactChange[];
  /** Calls back after each artifact that this node did not have before became durable. */
  onArtifact(listener: (record: ArtifactRecord, origin: "local" | "peer") => void): () => void;
}
