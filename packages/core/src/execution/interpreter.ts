/**
 * The interpreter's loop. A frame's counters are local variables while it runs; opcodes that need more than the stack and
 * what is in memory already are functions (`opcodes/`), to which the counters are handed over in the frame.
 *
 * The loop can be left and entered again between any two opcodes, since nothing of a message is on the host's stack.
 * It is left when a slice of gas is used up: gas is the measure of work that the EVM has. That is looked at where it
 * matters: at jumps, without which code ends by itself, and after each opcode that is a function.
 */

import { EMPTY_BYTES } from "../base/bytes.ts";
import { add, and, divide, modulo, multiply, not, or, shiftLeft, shiftRight, subtract, xor } from "./arithmetic.ts";
import type { Frame } from "./frame.ts";
import {
  type Control,
  GO_ON,
  INVALID_JUMP,
  INVALID_OPCODE,
  OUT_OF_GAS,
  STACK_OVERFLOW,
  STACK_UNDERFLOW,
  SWITCH,
  WAIT,
} from "./halts.ts";
import type { Machine } from "./machine.ts";
import { endFrame } from "./messages.ts";
import { HANDLERS } from "./opcodes/handlers.ts";
import { NOT_AN_OPCODE, type OpcodeTable } from "./opcodes.ts";
import { isLess, putWord, type Word, wordAt, wordFrom } from "./word.ts";

const SAFE = Number.MAX_SAFE_INTEGER;
const INT_MAX = 0x7fffffff;

/** Why an opcode cannot run on this stack; `GO_ON` when it can. */
function stackFault({ stackMin, stackMax }: OpcodeTable, op: number, height: number): Control {
  if (stackMin[op] === NOT_AN_OPCODE) return INVALID_OPCODE;
  if (height < (stackMin[op] as number)) return STACK_UNDERFLOW;
  return height > (stackMax[op] as number) ? STACK_OVERFLOW : GO_ON;
}

const STEP_WEIGHT = 20;

/** Tells the tracer of the opcode. Then says whether it can run. */
function traceStep(m: Machine, f: Frame, table: OpcodeTable, op: number): Control {
  // Initcode of no bytes has no opcode either.
  const isCode = f.code.bytes.length > 0;
  if (isCode) {
    const { pc, depth } = f;
    const price = table.prices[op] as number;
    m.tracer?.step?.({ pc, opcode: op, price, gas: BigInt(f.gasWord), depth, frame: f, refund: m.refund });
  }
  return stackFault(table, op, f.sp);
}

/** What showing a step weighs in a slice: as much as there is to be shown, whatever the opcode costs. */
const watchedWeight = ({ sp, memorySize }: Frame): number => STEP_WEIGHT + ((sp + (memorySize >> 5)) << 1);

/** Whether a precompile that works in steps is done; its output is delivered then. */
function isDone(m: Machine): boolean {
  if (m.waiting === undefined) return true;
  const { work, finish } = m.waiting;
  const { done, value } = work.next();
  if (done !== true) return false;
  m.waiting = undefined;
  finish(value as Uint8Array | undefined);
  return true;
}

/**
 * Runs the machine's message to its end, or until its slice of gas is used up.
 * @returns whether the message ended
 */
export function run(m: Machine): boolean {
  if (!isDone(m)) return false;
  const { prices, stackMin, stackMax } = m.table;
  frames: for (;;) {
    const f = m.frame;
    if (f === undefined) return true;
    if (m.slice < 0) return false;
    const { stack, input } = f;
    const code = f.code.padded;
    let { pc, sp, gas, view, memorySize } = f;
    let pauseAt = gas - m.slice;
    let control: Control = GO_ON;
    for (;;) {
      const op = code[pc] as number;
      if (sp < (stackMin[op] as number) || sp > (stackMax[op] as number)) {
        f.pc = pc;
        f.sp = sp;
        f.gas = gas;
        if (m.tracer === undefined) control = stackFault(m.table, op, sp);
        else {
          control = traceStep(m, f, m.stackTable, op);
          pauseAt += watchedWeight(f);
        }
        if (control !== GO_ON) break;
      }
      pc++;
      gas -= prices[op] as number;
      if (gas < 0) {
        f.gas = gas;
        if (!f.refill()) {
          control = OUT_OF_GAS;
          break;
        }
        gas = f.gas;
      }
      switch (op) {
        case 0x01: {
          const a = stack[--sp] as Word;
          const b = stack[sp - 1] as Word;
          const sum = typeof a === "number" && typeof b === "number" ? a + b : SAFE + 1;
          stack[sp - 1] = sum <= SAFE ? sum : add(a, b);
          continue;
        }
        case 0x02: {
          const a = stack[--sp] as Word;
          const b = stack[sp - 1] as Word;
          const product = typeof a === "number" && typeof b === "number" ? a * b : SAFE + 1;
          stack[sp - 1] = product <= SAFE ? product : multiply(a, b);
          continue;
        }
        case 0x03: {
          const a = stack[--sp] as Word;
          const b = stack[sp - 1] as Word;
          const difference = typeof a === "number" && typeof b === "number" ? a - b : -1;
          stack[sp - 1] = difference >= 0 ? difference : subtract(a, b);
          continue;
        }
        case 0x04: {
          const a = stack[--sp] as Word;
          const b = stack[sp - 1] as Word;
          const isSmall = typeof a === "number" && typeof b === "number" && b !== 0;
          stack[sp - 1] = isSmall ? Math.floor(a / b) : divide(a, b);
          continue;
        }
        case 0x06: {
          const a = stack[--sp] as Word;
          const b = stack[sp - 1] as Word;
          const isSmall = typeof a === "number" && typeof b === "number" && b !== 0;
          stack[sp - 1] = isSmall ? a % b : modulo(a, b);
          continue;
        }
        case 0x10: {
          const a = stack[--sp] as Word;
          const b = stack[sp - 1] as Word;
          const isSmall = typeof a === "number" && typeof b === "number";
          stack[sp - 1] = (isSmall ? a < b : isLess(a, b)) ? 1 : 0;
          continue;
        }
        case 0x11: {
          const a = stack[--sp] as Word;
          const b = stack[sp - 1] as Word;
          const isSmall = typeof a === "number" && typeof b === "number";
          stack[sp - 1] = (isSmall ? a > b : isLess(b, a)) ? 1 : 0;
          continue;
        }
        case 0x14: {
          const a = stack[--sp] as Word;
          stack[sp - 1] = a === stack[sp - 1] ? 1 : 0;
          continue;
        }
        case 0x15:
          stack[sp - 1] = stack[sp - 1] === 0 ? 1 : 0;
          continue;
        case 0x16: {
          const a = stack[--sp] as Word;
          const b = stack[sp - 1] as Word;
          const isSmall = typeof a === "number" && typeof b === "number" && a <= INT_MAX && b <= INT_MAX;
          stack[sp - 1] = isSmall ? a & b : and(a, b);
          continue;
        }
        case 0x17: {
          const a = stack[--sp] as Word;
          const b = stack[sp - 1] as Word;
          const isSmall = typeof a === "number" && typeof b === "number" && a <= INT_MAX && b <= INT_MAX;
          stack[sp - 1] = isSmall ? a | b : or(a, b);
          continue;
        }
        case 0x18: {
          const a = stack[--sp] as Word;
          const b = stack[sp - 1] as Word;
          const isSmall = typeof a === "number" && typeof b === "number" && a <= INT_MAX && b <= INT_MAX;
          stack[sp - 1] = isSmall ? a ^ b : xor(a, b);
          continue;
        }
        case 0x19:
          stack[sp - 1] = not(stack[sp - 1] as Word);
          continue;
        case 0x1b: {
          const shift = stack[--sp] as Word;
          stack[sp - 1] = shiftLeft(shift, stack[sp - 1] as Word);
          continue;
        }
        case 0x1c: {
          const shift = stack[--sp] as Word;
          stack[sp - 1] = shiftRight(shift, stack[sp - 1] as Word);
          continue;
        }
        case 0x33:
          stack[sp++] = f.caller;
          continue;
        case 0x34:
          stack[sp++] = f.value;
          continue;
        case 0x35: {
          const offset = stack[sp - 1] as Word;
          stack[sp - 1] = typeof offset === "number" && offset < input.length ? wordFrom(input, offset) : 0;
          continue;
        }
        case 0x36:
          stack[sp++] = input.length;
          continue;
        case 0x3d:
          stack[sp++] = f.returnData.length;
          continue;
        case 0x50:
          sp--;
          continue;
        case 0x51:
        case 0x52: {
          const offset = stack[--sp] as Word;
          if (typeof offset !== "number" || offset + 32 > memorySize) {
            f.gas = gas;
            if (!f.expand(offset, 32)) {
              control = OUT_OF_GAS;
              break;
            }
            ({ gas, view, memorySize } = f);
          }
          if (op === 0x51) stack[sp++] = wordAt(view, offset as number);
          else putWord(view, offset as number, stack[--sp] as Word);
          continue;
        }
        case 0x56: {
          const target = stack[--sp] as Word;
          if (typeof target !== "number" || f.code.jumpDestinations[target] !== 1) {
            control = INVALID_JUMP;
            break;
          }
          pc = target;
          if (gas >= pauseAt) continue;
          control = WAIT;
          break;
        }
        case 0x57: {
          const target = stack[--sp] as Word;
          if (stack[--sp] === 0) continue;
          if (typeof target !== "number" || f.code.jumpDestinations[target] !== 1) {
            control = INVALID_JUMP;
            break;
          }
          pc = target;
          if (gas >= pauseAt) continue;
          control = WAIT;
          break;
        }
        case 0x5b:
          continue;
        case 0x5f:
          stack[sp++] = 0;
          continue;
        case 0x60:
          stack[sp++] = code[pc++] as number;
          continue;
        case 0x61:
          stack[sp++] = ((code[pc] as number) << 8) | (code[pc + 1] as number);
          pc += 2;
          continue;
        case 0x62:
          stack[sp++] = ((code[pc] as number) << 16) | ((code[pc + 1] as number) << 8) | (code[pc + 2] as number);
          pc += 3;
          continue;
        // One by one, so that the engine jumps to them: with the numbers tested after the switch, loops took a tenth more time.
        case 0x80:
        case 0x81:
        case 0x82:
        case 0x83:
        case 0x84:
        case 0x85:
        case 0x86:
        case 0x87:
        case 0x88:
        case 0x89:
        case 0x8a:
        case 0x8b:
        case 0x8c:
        case 0x8d:
        case 0x8e:
        case 0x8f:
          stack[sp] = stack[sp + 0x7f - op] as Word;
          sp++;
          continue;
        case 0x90:
        case 0x91:
        case 0x92:
        case 0x93:
        case 0x94:
        case 0x95:
        case 0x96:
        case 0x97:
        case 0x98:
        case 0x99:
        case 0x9a:
        case 0x9b:
        case 0x9c:
        case 0x9d:
        case 0x9e:
        case 0x9f: {
          const other = sp + 0x8e - op;
          const top = stack[sp - 1] as Word;
          stack[sp - 1] = stack[other] as Word;
          stack[other] = top;
          continue;
        }
        default:
      }
      if (control === GO_ON) {
        if (op >= 0x63 && op <= 0x7f) {
          const size = op - 0x5f;
          stack[sp++] = f.code.constant(pc, size);
          pc += size;
          continue;
        }
        f.pc = pc;
        f.sp = sp;
        f.gas = gas;
        m.slice = gas - pauseAt;
        control = (HANDLERS[op] as (m: Machine, f: Frame) => Control)(m, f);
        if (control === GO_ON) {
          ({ sp, gas, view, memorySize } = f);
          if (gas >= pauseAt) continue;
          control = WAIT;
        }
        if (control === SWITCH) continue frames;
        // A precompile works in steps: the frame is as the opcode left it.
        if (m.waiting !== undefined) return false;
      }
      break;
    }
    if (control === WAIT) {
      f.pc = pc;
      f.sp = sp;
      f.gas = gas;
      return false;
    }
    m.slice = gas - pauseAt;
    endFrame(m, f, control, EMPTY_BYTES);
  }
}
