/**
 * The chain's values. Hashes (32 bytes) and addresses (20 bytes) are lower-case hex text, other byte strings are
 * `Uint8Array`, amounts are `bigint`, and what is known to stay below 2^53 is `number`.
 */

import type { Hex } from "../base/bytes.ts";

/** A block header with the 21 fields of Prague and later (EIP-7685). */
export interface Header {
  readonly parentHash: Hex;
  readonly ommersHash: Hex;
  /** The sealer's address. */
  readonly coinbase: Hex;
  readonly stateRoot: Hex;
  readonly transactionsRoot: Hex;
  readonly receiptsRoot: Hex;
  /** 256 bytes. */
  readonly logsBloom: Uint8Array;
  readonly difficulty: bigint;
  readonly number: number;
  readonly gasLimit: number;
  readonly gasUsed: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
  /** poa: 32 bytes of vanity, then the 65-byte seal. */
  readonly extraData: Uint8Array;
  readonly mixHash: Hex;
  /** 8 bytes. */
  readonly nonce: Uint8Array;
  readonly baseFeePerGas: bigint;
  readonly withdrawalsRoot: Hex;
  readonly blobGasUsed: number;
  readonly excessBlobGas: number;
  readonly parentBeaconBlockRoot: Hex;
  readonly requestsHash: Hex;
}

/** A header with its hash, so that the hash is computed once. */
export interface SealedHeader extends Header {
  readonly hash: Hex;
}

export interface Block {
  readonly header: SealedHeader;
  readonly transactions: readonly Transaction[];
}

export interface AccessListEntry {
  readonly address: Hex;
  /** 32-byte slots. */
  readonly storageKeys: readonly Hex[];
}

/** EIP-7702. `yParity`, `r` and `s` are as signed: validity is decided in execution. */
export interface Authorization {
  readonly chainId: bigint;
  readonly address: Hex;
  readonly nonce: bigint;
  readonly yParity: number;
  readonly r: bigint;
  readonly s: bigint;
}

/** Transaction types this chain includes: legacy, EIP-2930, EIP-1559, EIP-7702. */
export type TransactionType = 0 | 1 | 2 | 4;

/** A signed transaction, decoded once. Its sender is recovered and its signature canonical. */
export interface Transaction {
  readonly hash: Hex;
  readonly type: TransactionType;
  /** Canonical encoding: RLP for type 0, type byte ‖ RLP otherwise (EIP-2718). */
  readonly raw: Uint8Array;
  readonly sender: Hex;
  /** Absent for legacy transactions without replay protection (before EIP-155). */
  readonly chainId?: bigint;
  readonly nonce: bigint;
  readonly gasLimit: bigint;
  /** Legacy and EIP-2930: the gas price. */
  readonly maxFeePerGas: bigint;
  /** Legacy and EIP-2930: the gas price. */
  readonly maxPriorityFeePerGas: bigint;
  /** Absent: contract creation. */
  readonly to?: Hex;
  readonly value: bigint;
  readonly data: Uint8Array;
  readonly accessList: readonly AccessListEntry[];
  readonly authorizationList: readonly Authorization[];
  readonly v: bigint;
  readonly r: bigint;
  readonly s: bigint;
  readonly yParity: 0 | 1;
}

/** Transaction types that any chain may include: besides those of this one, EIP-4844. */
export type AnyTransactionType = TransactionType | 3;

/** A transaction of a chain sealed elsewhere. Before Homestead its signature need not be canonical. */
export interface AnyTransaction extends Omit<Transaction, "type"> {
  readonly type: AnyTransactionType;
  /** Of a blob transaction. */
  readonly maxFeePerBlobGas?: bigint;
  readonly blobVersionedHashes?: readonly Hex[];
}

export interface Log {
  readonly address: Hex;
  readonly topics: readonly Hex[];
  readonly data: Uint8Array;
}

/** What the receipts root commits to, plus what callers ask of a receipt. */
export interface Receipt {
  readonly type: TransactionType;
  readonly status: 0 | 1;
  readonly cumulativeGasUsed: number;
  readonly logsBloom: Uint8Array;
  readonly logs: readonly Log[];
  // not part of the consensus encoding:
  readonly gasUsed: number;
  readonly effectiveGasPrice: bigint;
  /** Address of the contract created at top level. */
  readonly contractAddress?: Hex;
}

/** A receipt of a chain sealed elsewhere: before Byzantium it has the root of the state after it instead of a status. */
export interface AnyReceipt extends Omit<Receipt, "type" | "status"> {
  readonly type: AnyTransactionType;
  readonly status?: 0 | 1;
  readonly stateRoot?: Hex;
}

/** An account as the state trie holds it. */
export interface Account {
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly storageRoot: Hex;
  readonly codeHash: Hex;
}
