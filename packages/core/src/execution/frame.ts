/** One message under execution: its gas, stack and memory. Frames are used again, one for each depth. */

import { EMPTY_BYTES } from "../base/bytes.ts";
import { type AccountState, NOBODY } from "./account-state.ts";
import { type Code, NO_CODE } from "./code.ts";
import { big, normal, type Word } from "./word.ts";

/** Gas beyond a number's exact range is kept apart in units of this much. */
const RESERVE_UNIT = 2 ** 52;
const RESERVE_UNIT_BIG = BigInt(RESERVE_UNIT);
const MEMORY_WORD_GAS = 3;
const MEMORY_QUADRATIC_DIVISOR = 512;
const MEMORY_INITIAL_BYTES = 1_024;
/** What a frame keeps for its next use: a larger memory or stack is given back. */
const KEPT_MEMORY_BYTES = 65_536;
const KEPT_STACK_WORDS = 256;

/** An amount of gas: a part below 2^53, and a number of units of 2^52 beside it, which is 0 in all blocks that exist. */
export interface Gas {
  gas: number;
  reserve: number;
}

export function gasOf(amount: bigint): Gas {
  const reserve = amount < RESERVE_UNIT_BIG ? 0 : Number(amount / RESERVE_UNIT_BIG);
  return { gas: Number(amount - BigInt(reserve) * RESERVE_UNIT_BIG), reserve };
}

export const gasAmount = ({ gas, reserve }: Gas): bigint => BigInt(gas) + BigInt(reserve) * RESERVE_UNIT_BIG;

/** What the frame does for the one that made it. */
export type FrameKind = "call" | "create";

export class Frame implements Gas {
  readonly depth: number;
  readonly stack: Word[] = [];
  sp = 0;
  pc = 0;
  gas = 0;
  reserve = 0;
  code: Code = NO_CODE;
  memory: Uint8Array = new Uint8Array(MEMORY_INITIAL_BYTES);
  view: DataView = new DataView(this.memory.buffer);
  /** Bytes that are in use, a multiple of 32. */
  memorySize = 0;
  input: Uint8Array = EMPTY_BYTES;
  returnData: Uint8Array = EMPTY_BYTES;
  kind: FrameKind = "call";
  /** The frame that made this one. */
  parent: Frame | undefined;
  /** Whose storage and balance the code works on. */
  account: AccountState = NOBODY;
  caller: Word = 0;
  value: Word = 0;
  isStatic = false;
  /** Where the frame that made this one wants the output. */
  outputOffset = 0;
  outputSize = 0;
  /** What to come back to when this frame fails. */
  worldMark = 0;
  logMark = 0;
  refundMark = 0;

  constructor(depth: number) {
    this.depth = depth;
  }

  /** Takes gas. Gives whether there was enough; if not, the frame has none left to speak of. */
  charge(amount: number): boolean {
    this.gas -= amount;
    return this.gas >= 0 || this.refill();
  }

  /** Brings gas that fell below zero up from the reserve. */
  refill(): boolean {
    while (this.gas < 0 && this.reserve > 0) {
      this.gas += RESERVE_UNIT;
      this.reserve--;
    }
    return this.gas >= 0;
  }

  /** Gas as GAS shows it. */
  get gasWord(): Word {
    return this.reserve === 0 ? this.gas : normal(gasAmount(this));
  }

  /**
   * Grows the memory to hold `size` bytes at `offset`, and takes the gas for that.
   * @returns whether there was enough gas
   */
  expand(offset: Word, size: Word): boolean {
    if (size === 0) return true;
    if (typeof offset === "bigint" || typeof size === "bigint") return false;
    const end = offset + size;
    return end <= this.memorySize || this.#grow(end);
  }

  #grow(end: number): boolean {
    const words = Math.ceil(end / 32);
    const price = memoryGas(words) - memoryGas(this.memorySize / 32);
    if (!this.charge(price)) return false;
    this.memorySize = words * 32;
    if (this.memorySize > this.memory.length) this.#allocate(this.memorySize);
    return true;
  }

  #allocate(size: number): void {
    const memory = new Uint8Array(Math.max(size, 2 * this.memory.length));
    memory.set(this.memory);
    this.memory = memory;
    this.view = new DataView(memory.buffer);
  }

  /** A copy of memory that `expand` made room for. */
  read(offset: Word, size: Word): Uint8Array {
    return size === 0 ? EMPTY_BYTES : this.memory.slice(Number(offset), Number(offset) + Number(size));
  }

  /** The same without a copy: it holds until the memory is written to or grows. */
  peek(offset: Word, size: Word): Uint8Array {
    return size === 0 ? EMPTY_BYTES : this.memory.subarray(Number(offset), Number(offset) + Number(size));
  }

  pop(): Word {
    return this.stack[--this.sp] as Word;
  }

  push(word: Word): void {
    this.stack[this.sp++] = word;
  }

  /** Makes the frame as new for the next message at its depth. */
  clear(): void {
    this.sp = 0;
    this.pc = 0;
    if (this.stack.length > KEPT_STACK_WORDS) this.stack.length = KEPT_STACK_WORDS;
    if (this.memory.length > KEPT_MEMORY_BYTES) {
      this.memory = new Uint8Array(MEMORY_INITIAL_BYTES);
      this.view = new DataView(this.memory.buffer);
    } else if (this.memorySize > 0) {
      this.memory.fill(0, 0, this.memorySize);
    }
    this.memorySize = 0;
    this.returnData = EMPTY_BYTES;
    this.input = EMPTY_BYTES;
    // So that a frame that is kept keeps no state.
    this.account = NOBODY;
    this.code = NO_CODE;
    this.parent = undefined;
  }
}

/** Gas for a memory of so many words. Below 2^26 words exact; above, more than any block has. */
const memoryGas = (words: number): number =>
  MEMORY_WORD_GAS * words + Math.floor((words * words) / MEMORY_QUADRATIC_DIVISOR);

/** The gas that a call passes on: what is asked for, at most `available`. */
export function takeGas(frame: Frame, wanted: Word, keepsSixtyFourth: boolean): Gas | undefined {
  if (frame.reserve > 0) return takeMuchGas(frame, wanted, keepsSixtyFourth);
  const available = keepsSixtyFourth ? frame.gas - Math.floor(frame.gas / 64) : frame.gas;
  const isEnough = typeof wanted === "number" && wanted <= available;
  if (!isEnough && !keepsSixtyFourth) return undefined;
  const gas = isEnough ? (wanted as number) : available;
  frame.gas -= gas;
  return { gas, reserve: 0 };
}

function takeMuchGas(frame: Frame, wanted: Word, keepsSixtyFourth: boolean): Gas | undefined {
  const total = gasAmount(frame);
  const available = keepsSixtyFourth ? total - total / 64n : total;
  if (big(wanted) > available && !keepsSixtyFourth) return undefined;
  const taken = big(wanted) < available ? big(wanted) : available;
  Object.assign(frame, gasOf(total - taken));
  return gasOf(taken);
}

/** Gives back what a message did not use. */
export function returnGas(frame: Frame, { gas, reserve }: Gas): void {
  frame.gas += gas;
  frame.reserve += reserve;
  if (frame.gas < RESERVE_UNIT) return;
  frame.gas -= RESERVE_UNIT;
  frame.reserve++;
}
