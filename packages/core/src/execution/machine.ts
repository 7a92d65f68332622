/** What the code of one block or call runs in: rules, state, the block's values, and the frames of a message. */

import type { Hex } from "../base/bytes.ts";
import type { Log } from "../chain/types.ts";
import type { AccountState } from "./account-state.ts";
import { Frame, type Gas } from "./frame.ts";
import type { Control } from "./halts.ts";
import { NOT_AN_OPCODE, type OpcodeTable } from "./opcodes.ts";
import type { Precompile } from "./precompiles/types.ts";
import type { Rules } from "./rules.ts";
import type { Tracer } from "./tracer.ts";
import type { BlockContext } from "./types.ts";
import { hexToWord, normal, type Word } from "./word.ts";
import type { World } from "./world.ts";

/** The block as opcodes show it. */
export interface BlockWords {
  readonly number: number;
  readonly timestamp: Word;
  readonly coinbase: Word;
  readonly gasLimit: Word;
  readonly baseFee: Word;
  /** PREVRANDAO, and DIFFICULTY before the merge. */
  readonly randao: Word;
  readonly blobBaseFee: Word;
  readonly chainId: Word;
  readonly hashOf: (number: number) => Hex | undefined;
}

const wordOfNumber = (value: number | bigint): Word => normal(BigInt(value));

export function blockWords(context: BlockContext, chainId: number, isMerged: boolean): BlockWords {
  return {
    number: context.number,
    timestamp: wordOfNumber(context.timestamp),
    coinbase: hexToWord(context.coinbase),
    gasLimit: normal(BigInt(context.gasLimit)),
    baseFee: normal(context.baseFeePerGas),
    randao: isMerged ? hexToWord(context.prevRandao) : normal(context.difficulty ?? 0n),
    blobBaseFee: normal(context.blobBaseFee ?? 1n),
    chainId: wordOfNumber(chainId),
    hashOf: context.blockHash,
  };
}

/** How a message ended. */
export interface MessageEnd extends Gas {
  /** `GO_ON`: it succeeded. `REVERTED`, or why it halted. */
  readonly outcome: Control;
  readonly output: Uint8Array;
}

/** Where the code of a frame ended exceptionally. */
export interface Fault {
  readonly control: Control;
  readonly opcode: number;
  /** Words on the stack. */
  readonly height: number;
  /** Left for the opcode; below zero where it was too little for its price. */
  readonly gas: number;
}

/** A precompile that works in steps, and what to do with its output. */
export interface Waiting {
  readonly work: Generator<void, Uint8Array | undefined>;
  readonly finish: (output: Uint8Array | undefined) => void;
}

/** A table by which no opcode fits its stack. */
const closelyWatched = (table: OpcodeTable): OpcodeTable => ({
  ...table,
  stackMin: new Uint16Array(256).fill(NOT_AN_OPCODE),
});

/** Frames that are kept for the next message; deeper ones are made anew. */
const FRAMES_KEPT = 32;

export class Machine {
  readonly rules: Rules;
  /** What the loop reads. Where steps are traced it finds a fault in each, and looks closer. */
  table: OpcodeTable;
  readonly stackTable: OpcodeTable;
  readonly precompiles: ReadonlyMap<Word, Precompile>;
  /** Whether precompiles may stand at addresses that are no small numbers, as none does by itself. */
  readonly hasMovedPrecompiles: boolean;
  readonly world: World;
  readonly block: BlockWords;
  tracer: Tracer | undefined;
  readonly isPausing: boolean;
  readonly #frames: Frame[];
  // What belongs to the present transaction:
  origin: Word = 0;
  /** Whether the nonce of the sender was not counted, so that it need not be looked at. */
  leavesSender = false;
  gasPrice: Word = 0;
  blobHashes: readonly Hex[] = [];
  logs: Log[] = [];
  refund = 0;
  /** The frame that runs; none before a message begins and when it has ended. */
  frame: Frame | undefined;
  waiting: Waiting | undefined;
  end: MessageEnd | undefined;
  /** The last exceptional halt of code. */
  fault: Fault | undefined;
  /** Gas until the loop is left so that others can use the thread. */
  slice = 0;

  constructor(parts: {
    readonly rules: Rules;
    readonly table: OpcodeTable;
    readonly precompiles: ReadonlyMap<Word, Precompile>;
    readonly hasMovedPrecompiles: boolean;
    readonly world: World;
    readonly block: BlockWords;
    readonly isPausing: boolean;
    readonly frames: Frame[];
  }) {
    this.rules = parts.rules;
    this.stackTable = parts.table;
    this.table = parts.table;
    this.precompiles = parts.precompiles;
    this.hasMovedPrecompiles = parts.hasMovedPrecompiles;
    this.world = parts.world;
    this.block = parts.block;
    this.isPausing = parts.isPausing;
    this.#frames = parts.frames;
  }

  /** Tells a tracer of all that runs from now on; undefined: nobody. */
  watch(tracer: Tracer | undefined): void {
    this.tracer = tracer;
    this.table = tracer?.step === undefined ? this.stackTable : closelyWatched(this.stackTable);
  }

  /** A clear frame for a message that an account runs. */
  open(account: AccountState): Frame {
    const depth = this.frame === undefined ? 0 : this.frame.depth + 1;
    const kept = this.#frames[depth];
    const frame = kept ?? new Frame(depth);
    if (kept !== undefined) frame.clear();
    else if (depth < FRAMES_KEPT) this.#frames[depth] = frame;
    frame.account = account;
    frame.parent = this.frame;
    return frame;
  }

  /** Forgets a message that was broken off, and what belonged to its transaction. */
  reset(): void {
    this.frame = undefined;
    this.waiting = undefined;
    this.end = undefined;
    this.fault = undefined;
    this.logs = [];
    this.refund = 0;
    this.blobHashes = [];
  }
}
