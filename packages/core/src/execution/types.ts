/**
 * The interface of the execution engine: the only part of `execution/` that the rest of the program knows, so that the
 * engine can be replaced in this folder. An EVM halt is a result, not an exception.
 */

import type { Hex } from "../base/bytes.ts";
import type { Account, AnyTransactionType, Authorization, Log, Transaction } from "../chain/types.ts";

/** Synchronous reads of one state. */
export interface StateReader {
  account(address: Hex): Account | undefined;
  /** Value of a 32-byte slot; zero when absent. */
  storage(address: Hex, slot: Hex): bigint;
  /** Code by its hash. The empty hash gives no bytes. */
  code(codeHash: Hex): Uint8Array;
}

/** What the EVM may know of the block that it runs in. */
export interface BlockContext {
  readonly number: number;
  readonly timestamp: number;
  readonly coinbase: Hex;
  /** A bigint where it is no safe integer. */
  readonly gasLimit: number | bigint;
  /** Zero before London. */
  readonly baseFeePerGas: bigint;
  readonly prevRandao: Hex;
  /** Before the merge, instead of `prevRandao`. */
  readonly difficulty?: bigint;
  /** Price of blob gas; 1 when absent. */
  readonly blobBaseFee?: bigint;
  readonly parentHash: Hex;
  readonly parentBeaconBlockRoot: Hex;
  /** Hash of one of the last 256 canonical ancestors, for BLOCKHASH. */
  readonly blockHash: (number: number) => Hex | undefined;
}

/** An account after execution; its storage root follows from the storage changes. */
export interface AccountChange {
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly codeHash: Hex;
}

/** Final values of what a block changed; what ended as it began is left out. */
export interface StateChanges {
  /** `null`: the account no longer exists. */
  readonly accounts: ReadonlyMap<Hex, AccountChange | null>;
  /** address → 32-byte slot → value (zero: the slot no longer exists). */
  readonly storage: ReadonlyMap<Hex, ReadonlyMap<Hex, bigint>>;
  /** New code by hash. */
  readonly codes: ReadonlyMap<Hex, Uint8Array>;
  /**
   * Accounts that exist but were removed in between: nothing of what they stored before is left but what `storage`
   * names. From Cancun on there are none (EIP-6780).
   */
  readonly cleared?: ReadonlySet<Hex>;
}

export type ExecutionStatus = "success" | "reverted" | "halted";

/** A transaction that was executed, whatever became of it. */
export interface TransactionOutcome {
  readonly valid: true;
  readonly status: ExecutionStatus;
  readonly gasUsed: number;
  /** Gas used before refunds were deducted; only of what was simulated. */
  readonly gasSpent?: number;
  readonly logs: readonly Log[];
  /** Return data, or revert data. */
  readonly output: Uint8Array;
  /** Name of the EVM exception, when halted. */
  readonly halt?: string;
  /** The same in the words of go-ethereum, which tools look for. */
  readonly vmError?: string;
  /** Contract created at top level. */
  readonly contractAddress?: Hex;
  /** Every account that received contract code (not an EIP-7702 delegation) and holds it at the end. */
  readonly created: readonly Hex[];
  readonly effectiveGasPrice: bigint;
}

export type InvalidReason = "NONCE_TOO_LOW" | "NONCE_TOO_HIGH" | "INSUFFICIENT_FUNDS" | "GAS_LIMIT_EXCEEDED" | "OTHER";

/** A transaction that may not be in this block at this place: nothing was changed. */
export interface TransactionInvalid {
  readonly valid: false;
  readonly reason: InvalidReason;
  readonly message: string;
}

/** What execution needs of a transaction. Besides those of the chain (`Transaction`) there are blob transactions. */
export interface ExecutableTransaction
  extends Pick<
    Transaction,
    | "sender"
    | "nonce"
    | "gasLimit"
    | "maxFeePerGas"
    | "maxPriorityFeePerGas"
    | "to"
    | "value"
    | "data"
    | "accessList"
    | "authorizationList"
  > {
  readonly type: AnyTransactionType;
  /** EIP-4844; none when absent. */
  readonly blobVersionedHashes?: readonly Hex[];
  readonly maxFeePerBlobGas?: bigint;
}

/** One block under execution: system calls were made when it began; transactions are tried in order. */
export interface BlockExecution {
  readonly gasUsed: number;
  run(transaction: Transaction): Promise<TransactionOutcome | TransactionInvalid>;
  /** Everything the block changed. The execution ends here. */
  finish(): StateChanges;
}

/** A message outside any transaction, as `eth_call` makes it. */
export interface CallMessage {
  readonly from: Hex;
  /** Absent: contract creation. */
  readonly to?: Hex;
  readonly data: Uint8Array;
  readonly value: bigint;
  readonly gasLimit: number;
  readonly gasPrice?: bigint;
  readonly accessList?: readonly { readonly address: Hex; readonly storageKeys: readonly Hex[] }[];
  /** EIP-7702: applied first, as in a type 4 transaction of the same sender. */
  readonly authorizationList?: readonly Authorization[];
}

export interface CallOutcome {
  readonly status: ExecutionStatus;
  readonly output: Uint8Array;
  /** Gas that a transaction with this message would be charged, intrinsic cost included, refunds deducted. */
  readonly gasUsed: number;
  readonly halt?: string;
  readonly vmError?: string;
  readonly logs: readonly Log[];
  /** Set when `to` is absent and the creation succeeded. */
  readonly contractAddress?: Hex;
}

export interface Executor {
  /** Starts a block on a state: makes the system calls of EIP-2935 and EIP-4788. */
  begin(context: BlockContext, state: StateReader): Promise<BlockExecution>;
  /** Runs a message and throws its changes away. A sender without funds is not an error when no value is sent. */
  call(
    context: BlockContext,
    message: CallMessage,
    state: StateReader,
    pause?: () => Promise<void>,
  ): Promise<CallOutcome>;
}
