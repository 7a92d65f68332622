/** What a tracer is told of an execution. It sees everything before it happens, and must change nothing. */

import type { Hex } from "../base/bytes.ts";
import type { Frame } from "./frame.ts";

export type CallKind = "CALL" | "CALLCODE" | "DELEGATECALL" | "STATICCALL" | "CREATE" | "CREATE2" | "SELFDESTRUCT";

/** An opcode that is about to run; whether it fails is not known yet. */
export interface Step {
  readonly pc: number;
  readonly opcode: number;
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
  readonly input: Uint8Array;
}

/** How a message ended. */
export interface CallExit {
  readonly depth: number;
  readonly output: Uint8Array;
  readonly gasLeft: bigint;
  /** "revert", or the name of the exceptional halt. */
  readonly failure?: string;
}

export interface Tracer {
  step?(step: Step): void;
  enter?(call: CallEnter): void;
  exit?(call: CallExit): void;
}
