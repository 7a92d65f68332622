/** Exceptional halts in the words of go-ethereum, by which tools tell them apart. */

import {
  CODE_SIZE_EXCEEDED,
  CODE_STORE_OUT_OF_GAS,
  type Control,
  CREATE_COLLISION,
  haltName,
  INITCODE_SIZE_EXCEEDED,
  INVALID_CODE,
  INVALID_JUMP,
  INVALID_OPCODE,
  OUT_OF_GAS,
  OUT_OF_RANGE,
  STACK_OVERFLOW,
  STACK_UNDERFLOW,
  STATIC_STATE_CHANGE,
} from "./halts.ts";
import type { Fault, Machine } from "./machine.ts";
import { opcodeName, opcodeStack, STACK_MAX } from "./opcodes.ts";

const SSTORE = 0x55;

const WORDS: Readonly<Record<Control, string>> = {
  [INVALID_JUMP]: "invalid jump destination",
  [OUT_OF_RANGE]: "return data out of bounds",
  [STATIC_STATE_CHANGE]: "write protection",
  [CREATE_COLLISION]: "contract address collision",
  [CODE_STORE_OUT_OF_GAS]: "contract creation code storage out of gas",
  [CODE_SIZE_EXCEEDED]: "max code size exceeded",
  [INVALID_CODE]: "invalid code: must not begin with 0xef",
  [INITCODE_SIZE_EXCEEDED]: "max initcode size exceeded",
};

function wordsOfFault({ control, opcode, height, gas }: Fault): string | undefined {
  // EIP-2200: there was enough for the price, but too little would have been left.
  if (control === OUT_OF_GAS && opcode === SSTORE && gas >= 0) {
    return "out of gas: not enough gas for reentrancy sentry";
  }
  const { takes, leaves } = opcodeStack(opcode);
  if (control === INVALID_OPCODE) return `invalid opcode: ${opcodeName(opcode)}`;
  if (control === STACK_UNDERFLOW) return `stack underflow (${height} <=> ${takes})`;
  return control === STACK_OVERFLOW ? `stack limit reached ${height} (${STACK_MAX + takes - leaves})` : undefined;
}

/** How a message ended that the machine has just ended. */
export function vmErrorOf({ fault }: Pick<Machine, "fault">, outcome: Control): string {
  const found = fault?.control === outcome ? wordsOfFault(fault) : undefined;
  return found ?? WORDS[outcome] ?? haltName(outcome);
}
