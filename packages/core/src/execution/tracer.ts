/** What a tracer is told of an execution. It sees everything before it happens, and must change nothing. */

import type { Hex } from "../base/bytes.ts";
import type { Log } from "../chain/types.ts";
import type { Frame } from "./frame.ts";
import type { ExecutionStatus } from "./types.ts";

export type CallKind = "CALL" | "CALLCODE" | "DELEGATECALL" | "STATICCALL" | "CREATE" | "CREATE2" | "SELFDESTRUCT";

/** An opcode that is about to run; whether it fails is not known yet. */
export interface Step {
  readonly pc: number;
  readonly opcode: number;
  /** What it costs at least; 0 where that depends on more than the fork. */
  readonly price: number;
  /** Gas left before the opcode is paid for; its price is what is left before the next step in the same frame less. */
  readonly gas: bigint;
  /** 0 for the transaction's own code. */
  readonly depth: number;
  /** Stack, memory, return data and account, to be looked at during the call only. */
  readonly frame: Frame;
  /** Refund counter so far. */
  readonly refund: number;
}

/** A message that begins. */
export interface CallEnter {
  readonly kind: CallKind;
  readonly depth: number;
  readonly from: Hex;
  readonly to: Hex;
  readonly value: bigint;
  readonly gas: bigint;
  /** To be looked at during the call only: it may be the memory of whoever sends it. */
  readonly input: Uint8Array;
}

/** How a message ended. */
export interface CallExit {
  readonly depth: number;
  readonly output: Uint8Array;
  readonly gasLeft: bigint;
  /** "revert", or the name of the exceptional halt. */
  readonly failure?: string;
  /** The halt in the words of go-ethereum. */
  readonly vmError?: string;
}

/** An account as it is at the moment. */
export interface TracedAccount {
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly codeHash: Hex;
  readonly code: Uint8Array;
}

/** The state as it is at the moment. Looking at it makes nothing warm and changes nothing. */
export interface TracedState {
  /** Undefined where there is no account. */
  account(address: Hex): TracedAccount | undefined;
  storage(address: Hex, slot: Hex): bigint;
}

/** A transaction, or a message that runs like one, before anything of it has happened. */
export interface TracedTransaction {
  readonly from: Hex;
  /** The recipient, or the contract that is to be created. */
  readonly to: Hex;
  readonly isCreation: boolean;
  readonly coinbase: Hex;
  readonly gasLimit: bigint;
  /** Accounts whose authorizations may be applied (EIP-7702). */
  readonly authorities: readonly Hex[];
}

/** A transaction that has ended, refunds and fees included. */
export interface TracedEnd {
  readonly status: ExecutionStatus;
  readonly gasUsed: number;
}

export interface Tracer {
  begin?(transaction: TracedTransaction, state: TracedState): void;
  step?(step: Step): void;
  /** Also told of a message that cannot be sent, for want of balance or depth. */
  enter?(call: CallEnter): void;
  exit?(call: CallExit): void;
  /** A log of the frame that runs; it counts for nothing when one of the messages around it fails. */
  log?(log: Log): void;
  end?(end: TracedEnd): void;
}
