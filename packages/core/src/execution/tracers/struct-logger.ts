/**
 * Every step of a transaction: go-ethereum's struct logger, the default of `debug_trace*`. What a step cost is known when
 * the next thing happens, so an entry is completed then.
 */

import { bytesToHex, type Hex } from "../../base/bytes.ts";
import { type Frame, gasAmount } from "../frame.ts";
import { opcodeName } from "../opcodes.ts";
import type { CallEnter, CallExit, Step, TracedState, Tracer } from "../tracer.ts";
import { type Word, wordToHex } from "../word.ts";
import type { Spend } from "./budget.ts";

const SLOAD = 0x54;
const SSTORE = 0x55;
const CODE_BYTE_GAS = 200n;
const ENTRY_CHARACTERS = 90;
const WORD_CHARACTERS = 69;
const SLOT_CHARACTERS = 138;
/** Halts that are not the opcode's fault: what a creation returned could not be stored. */
const AFTER_RETURN: ReadonlySet<string> = new Set([
  "code store out of gas",
  "code size to deposit exceeds maximum code size",
  "invalid bytecode deployed",
]);

export interface StructLoggerOptions {
  readonly enableMemory: boolean;
  readonly disableStack: boolean;
  readonly disableStorage: boolean;
  readonly enableReturnData: boolean;
  /** Steps that are shown at most; 0: all. */
  readonly limit: number;
  readonly spend: Spend;
}

/** A step, as it is shown. */
export interface StructLog {
  readonly pc: number;
  readonly op: string;
  readonly gas: number;
  gasCost: number;
  /** 1 for the transaction's own code. */
  readonly depth: number;
  error?: string;
  readonly stack?: readonly string[];
  readonly memory?: readonly Hex[];
  readonly returnData?: Hex;
  readonly storage?: Readonly<Record<Hex, Hex>>;
  readonly refund?: number;
}

export interface StructTrace {
  readonly gas: number;
  readonly failed: boolean;
  readonly returnValue: Hex;
  readonly structLogs: readonly StructLog[];
}

export interface StructLogger {
  readonly tracer: Tracer;
  result(outcome: { readonly status: string; readonly gasUsed: number; readonly output: Uint8Array }): StructTrace;
}

/** A step of which nobody knows yet what it cost. */
interface Open {
  readonly entry: StructLog;
  readonly frame: Frame;
  readonly gas: bigint;
  readonly price: number;
}

/** The words of the memory, cut from one text: a conversion for each of them would take many times as long. */
function memoryOf({ memory, memorySize }: Frame): Hex[] {
  const digits = bytesToHex(memory.subarray(0, memorySize));
  return Array.from({ length: memorySize / 32 }, (_, at): Hex => `0x${digits.slice(2 + 64 * at, 66 + 64 * at)}`);
}

const stackOf = ({ stack, sp }: Frame): string[] =>
  Array.from({ length: sp }, (_, at) => `0x${(stack[at] as Word).toString(16)}`);

class Recorder {
  readonly logs: StructLog[] = [];
  readonly #options: StructLoggerOptions;
  readonly #storage = new Map<Hex, Map<Hex, Hex>>();
  #state: TracedState | undefined;
  #open: Open | undefined;

  constructor(options: StructLoggerOptions) {
    this.#options = options;
  }

  begin(state: TracedState): void {
    this.#state = state;
  }

  /** Slots of the account that its code has read or written so far, with the present opcode's. */
  #storageOf({ opcode, frame }: Step): Record<Hex, Hex> | undefined {
    const { stack, sp, account } = frame;
    const isLoad = opcode === SLOAD && sp >= 1;
    if (!isLoad && !(opcode === SSTORE && sp >= 2)) return undefined;
    const slots = this.#storage.get(account.address) ?? new Map<Hex, Hex>();
    this.#storage.set(account.address, slots);
    const slot = wordToHex(stack[sp - 1] as Word);
    const loaded = isLoad ? (this.#state?.storage(account.address, slot) ?? 0n) : undefined;
    slots.set(slot, loaded === undefined ? wordToHex(stack[sp - 2] as Word) : wordToHex(loaded));
    this.#options.spend(SLOT_CHARACTERS * slots.size);
    return Object.fromEntries(slots);
  }

  #spend({ frame }: Step): void {
    const { disableStack, enableMemory, enableReturnData, spend } = this.#options;
    const words = (disableStack ? 0 : frame.sp) + (enableMemory ? frame.memorySize / 32 : 0);
    spend(ENTRY_CHARACTERS + WORD_CHARACTERS * words + (enableReturnData ? 2 * frame.returnData.length : 0));
  }

  step(step: Step): void {
    const { pc, opcode, price, gas, depth, frame, refund } = step;
    this.#close(gas);
    const { limit, enableMemory, disableStack, disableStorage, enableReturnData } = this.#options;
    if (limit > 0 && this.logs.length >= limit) return;
    this.#spend(step);
    const storage = disableStorage ? undefined : this.#storageOf(step);
    const entry: StructLog = {
      pc,
      op: opcodeName(opcode),
      gas: Number(gas),
      gasCost: 0,
      depth: depth + 1,
      ...(disableStack ? {} : { stack: stackOf(frame) }),
      ...(enableReturnData && frame.returnData.length > 0 ? { returnData: bytesToHex(frame.returnData) } : {}),
      ...(enableMemory ? { memory: memoryOf(frame) } : {}),
      ...(storage === undefined ? {} : { storage }),
      ...(refund === 0 ? {} : { refund }),
    };
    this.logs.push(entry);
    this.#open = { entry, frame, gas, price };
  }

  /** @param left of the frame's gas after the step */
  #close(left: bigint): void {
    if (this.#open === undefined) return;
    const cost = Number(this.#open.gas - left);
    this.#open.entry.gasCost = cost < 0 ? 0 : cost;
    this.#open = undefined;
  }

  /** A message that the last step sends. A creation's gas is not part of the opcode's price; a call's is. */
  enter({ kind, gas }: CallEnter): void {
    if (this.#open === undefined) return;
    const left = gasAmount(this.#open.frame);
    this.#close(kind === "CREATE" || kind === "CREATE2" ? left + gas : left);
  }

  /** The last step ended its frame, or failed. */
  exit({ depth, output, gasLeft, failure, vmError }: CallExit): void {
    const open = this.#open;
    if (open === undefined || open.frame.depth !== depth) return;
    if (failure === undefined || failure === "revert") {
      const isDeposit = open.frame.kind === "create" && failure === undefined;
      this.#close(gasLeft + (isDeposit ? CODE_BYTE_GAS * BigInt(output.length) : 0n));
      return;
    }
    if (!AFTER_RETURN.has(failure)) open.entry.error = vmError ?? failure;
    // A price beyond all numbers was not even computed, and that of what cannot run was not paid.
    const left = Number.isFinite(open.frame.gas) ? gasAmount(open.frame) : open.gas;
    const paid = open.gas - BigInt(open.price);
    this.#close(left < paid ? left : paid);
  }
}

export function createStructLogger(options: StructLoggerOptions): StructLogger {
  const recorder = new Recorder(options);
  return {
    tracer: {
      begin: (_transaction, state) => recorder.begin(state),
      step: (step) => recorder.step(step),
      enter: (call) => recorder.enter(call),
      exit: (call) => recorder.exit(call),
    },
    result: ({ status, gasUsed, output }) => ({
      gas: gasUsed,
      failed: status !== "success",
      returnValue: bytesToHex(output),
      structLogs: recorder.logs,
    }),
  };
}
