/** What random programs reach: opcodes, exceptional halts, precompiles, depths, and what became of transactions. */

import type { Hex } from "../base/bytes.ts";
import type { Fork } from "./fork.ts";
import { haltName } from "./halts.ts";
import { NOT_AN_OPCODE, opcodeName, opcodeTable } from "./opcodes.ts";
import { precompilesOf } from "./precompiles/precompiles.ts";
import type { Tracer } from "./tracer.ts";
import type { TransactionInvalid, TransactionOutcome } from "./types.ts";

const NONE = -1;
const TOP_SAMPLES_MAX = 4_096;
/** Depths that are counted together, by the least of each. */
const DEPTHS = [0, 1, 2, 4, 16, 128, 512, 1_024];

interface Tally {
  succeeded: number;
  failed: number;
}

const tally = (): Tally => ({ succeeded: 0, failed: 0 });

export interface CoverageReport {
  /** A row for each opcode of the fork: how often it ran, and how often it ended its frame by a halt. */
  readonly opcodes: ReadonlyMap<string, Readonly<Tally>>;
  /** Halts by name, those that never occurred included. */
  readonly halts: ReadonlyMap<string, number>;
  /** Failed: by a halt, or without output where the input is wrong. */
  readonly precompiles: ReadonlyMap<Hex, Readonly<Tally>>;
  /** Messages by depth. */
  readonly depths: ReadonlyMap<string, number>;
  readonly transactions: ReadonlyMap<string, number>;
}

export interface Coverage {
  readonly tracer: Tracer;
  /** A list that takes the gas left at each step of a transaction's own code from now on. */
  watchTop(): bigint[];
  count(outcomes: readonly (TransactionOutcome | TransactionInvalid)[]): void;
  report(): CoverageReport;
}

const HALTS = Array.from({ length: 13 }, (_, at) => haltName(at + 3));

const bump = <K>(counts: Map<K, number>, key: K): void => void counts.set(key, (counts.get(key) ?? 0) + 1);

const depthClass = (depth: number): string => `≥ ${DEPTHS.findLast((least) => least <= depth)}`;

/** What is left open until a message ends: the last opcode of each depth, and the precompile that it calls. */
class Watch {
  readonly opcodes: readonly Tally[] = Array.from({ length: 256 }, tally);
  readonly halts = new Map<string, number>(HALTS.map((name) => [name, 0]));
  readonly precompiles: ReadonlyMap<Hex, Tally>;
  readonly depths = new Map<string, number>(DEPTHS.map((depth) => [depthClass(depth), 0]));
  top: bigint[] = [];
  readonly #last: number[] = [];
  readonly #called: (Tally | undefined)[] = [];

  constructor(fork: Fork) {
    this.precompiles = new Map([...precompilesOf(fork).keys()].map((address) => [address, tally()]));
  }

  #settle(depth: number, failed: boolean): void {
    const op = this.#last[depth] ?? NONE;
    this.#last[depth] = NONE;
    if (op === NONE) return;
    const counted = this.opcodes[op] as Tally;
    if (failed) counted.failed++;
    else counted.succeeded++;
  }

  readonly tracer: Tracer = {
    step: ({ opcode, depth, gas }) => {
      this.#settle(depth, false);
      this.#last[depth] = opcode;
      if (depth === 0 && this.top.length < TOP_SAMPLES_MAX) this.top.push(gas);
    },
    enter: ({ kind, depth, to }) => {
      this.#last[depth] = NONE;
      this.#called[depth] = kind === "SELFDESTRUCT" || kind.startsWith("CREATE") ? undefined : this.precompiles.get(to);
      bump(this.depths, depthClass(depth));
    },
    exit: ({ depth, output, failure }) => {
      const halted = failure !== undefined && failure !== "revert";
      this.#settle(depth, halted);
      if (halted) bump(this.halts, failure);
      const called = this.#called[depth];
      this.#called[depth] = undefined;
      if (called === undefined) return;
      if (failure !== undefined || output.length === 0) called.failed++;
      else called.succeeded++;
    },
  };
}

export function createCoverage(fork: Fork): Coverage {
  const watch = new Watch(fork);
  const { stackMin } = opcodeTable(fork);
  const transactions = new Map<string, number>();
  return {
    tracer: watch.tracer,
    watchTop() {
      watch.top = [];
      return watch.top;
    },
    count(outcomes) {
      for (const outcome of outcomes) {
        bump(transactions, outcome.valid ? (outcome.halt ?? outcome.status) : `invalid, ${outcome.reason}`);
      }
    },
    report: () => ({
      opcodes: new Map(
        watch.opcodes.flatMap((counted, op) =>
          stackMin[op] === NOT_AN_OPCODE ? [] : [[opcodeName(op), counted] as const],
        ),
      ),
      halts: watch.halts,
      precompiles: watch.precompiles,
      depths: watch.depths,
      transactions,
    }),
  };
}
