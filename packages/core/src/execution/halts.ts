/** What an opcode tells the interpreter's loop: to go on, to change frames, or why its frame ends exceptionally. */

export const GO_ON = 0;
/** Another frame is current, or this one was entered again. */
export const SWITCH = 1;
/** A precompile works in steps; the loop is left until it is done. */
export const WAIT = 2;
export const OUT_OF_GAS = 3;
export const STACK_UNDERFLOW = 4;
export const STACK_OVERFLOW = 5;
export const INVALID_JUMP = 6;
export const INVALID_OPCODE = 7;
export const OUT_OF_RANGE = 8;
export const STATIC_STATE_CHANGE = 9;
export const CREATE_COLLISION = 10;
export const CODE_STORE_OUT_OF_GAS = 11;
export const CODE_SIZE_EXCEEDED = 12;
export const INVALID_CODE = 13;
export const INITCODE_SIZE_EXCEEDED = 14;
export const PRECOMPILE_FAILED = 15;

/** Not exceptional: REVERT. */
export const REVERTED = 16;

export type Control = number;

const NAMES: Readonly<Record<number, string>> = {
  [OUT_OF_GAS]: "out of gas",
  [STACK_UNDERFLOW]: "stack underflow",
  [STACK_OVERFLOW]: "stack overflow",
  [INVALID_JUMP]: "invalid JUMP",
  [INVALID_OPCODE]: "invalid opcode",
  [OUT_OF_RANGE]: "value out of range",
  [STATIC_STATE_CHANGE]: "static state change",
  [CREATE_COLLISION]: "create collision",
  [CODE_STORE_OUT_OF_GAS]: "code store out of gas",
  [CODE_SIZE_EXCEEDED]: "code size to deposit exceeds maximum code size",
  [INVALID_CODE]: "invalid bytecode deployed",
  [INITCODE_SIZE_EXCEEDED]: "initcode exceeds max initcode size",
  [PRECOMPILE_FAILED]: "precompile failed",
};

/** Name of an exceptional halt, as outcomes give it. */
export const haltName = (control: Control): string => NAMES[control] ?? `halt ${control}`;
