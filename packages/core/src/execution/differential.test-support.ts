/** Random blocks through the executor and through the one on the library: they must do the same. */

import { bytesToHex, type Hex } from "../base/bytes.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import type { Coverage } from "./coverage.test-support.ts";
import type { Dice } from "./dice.test-support.ts";
import { createExecutor } from "./executor.ts";
import { CHAIN_ID } from "./fixtures.test-support.ts";
import type { Fork } from "./fork.ts";
import { type FuzzCase, stateReaderOf } from "./fuzz-cases.test-support.ts";
import { createLibraryExecutor } from "./library-executor.test-support.ts";
import type { Executor, StateChanges, TransactionInvalid, TransactionOutcome } from "./types.ts";

/** The engines that are compared; the traced one is ours, and must do what it does without a tracer. */
export interface Engines {
  readonly fork: Fork;
  readonly ours: Executor;
  readonly traced: Executor;
  readonly theirs: Executor;
  readonly coverage: Coverage;
}

export function createEngines(fork: Fork, coverage: Coverage): Engines {
  const options = { chainId: CHAIN_ID, fork };
  return {
    fork,
    ours: createExecutor(options),
    traced: createExecutor({ ...options, tracer: coverage.tracer }),
    theirs: createLibraryExecutor(options),
    coverage,
  };
}

/**
 * What must be the same, a line each. The library's reasons for a halt are its own, and so is the order in which faults
 * are looked for in a transaction that has several.
 */
function outcomeLines(at: number, outcome: TransactionOutcome | TransactionInvalid): string[] {
  if (!outcome.valid) return [`transaction ${at}: invalid`];
  const { status, gasUsed, logs, output, contractAddress, created, effectiveGasPrice } = outcome;
  return [
    `transaction ${at}: ${status === "success" ? "success" : "failure"}, gas ${gasUsed}, price ${effectiveGasPrice}`,
    `transaction ${at}: output ${bytesToHex(output)}`,
    `transaction ${at}: contract ${contractAddress ?? "none"}, created ${[...created].sort().join(" ")}`,
    ...logs.map(({ address, topics, data }) => `transaction ${at}: log ${address} ${topics} ${bytesToHex(data)}`),
  ];
}

/** The whole state after a block: changes that change nothing show nowhere. */
function stateLines({ accounts }: FuzzCase, changes: StateChanges): string[] {
  const lines: string[] = [];
  for (const address of new Set([...accounts.keys(), ...changes.accounts.keys(), ...changes.storage.keys()])) {
    const before = accounts.get(address);
    const change = changes.accounts.get(address);
    if (change === null || (change === undefined && before === undefined)) continue;
    const codeHash = before === undefined || before.code.length === 0 ? EMPTY_CODE_HASH : keccak256Hex(before.code);
    const after = change ?? { ...(before as NonNullable<typeof before>), codeHash };
    lines.push(`account ${address}: nonce ${after.nonce}, balance ${after.balance}, code ${after.codeHash}`);
    const kept: Iterable<readonly [Hex, bigint]> = changes.cleared?.has(address) ? [] : (before?.storage ?? []);
    for (const [slot, value] of new Map([...kept, ...(changes.storage.get(address) ?? [])])) {
      if (value !== 0n) lines.push(`account ${address}: slot ${slot} = ${value}`);
    }
  }
  return lines.sort();
}

export interface Ran {
  readonly lines: readonly string[];
  readonly outcomes: readonly (TransactionOutcome | TransactionInvalid)[];
}

/** What an engine makes of a case. What it throws is a line too: no case may make it throw. */
async function runOn(
  engine: Executor,
  each: FuzzCase,
  onTransaction: (at: number) => void = () => undefined,
): Promise<Ran> {
  const outcomes: Ran["outcomes"][number][] = [];
  const lines: string[] = [];
  try {
    const execution = await engine.begin(each.context, stateReaderOf(each));
    for (const [at, transaction] of each.transactions.entries()) {
      onTransaction(at);
      const outcome = await execution.run(transaction);
      outcomes.push(outcome);
      lines.push(...outcomeLines(at, outcome));
    }
    lines.push(...stateLines(each, execution.finish()));
  } catch (error) {
    lines.push(`threw ${error instanceof Error ? error.message : String(error)}`);
  }
  return { lines, outcomes };
}

function differenceOf(mine: readonly string[], theirs: readonly string[]): readonly string[] {
  const [a, b] = [new Set(mine), new Set(theirs)];
  return [
    ...mine.filter((line) => !b.has(line)).map((line) => `ours:   ${line}`),
    ...theirs.filter((line) => !a.has(line)).map((line) => `theirs: ${line}`),
  ];
}

export interface Comparison {
  /** Lines that one has and the other has not; none when they agree. */
  readonly difference: readonly string[];
  readonly outcomes: Ran["outcomes"];
  /** Gas left before each step of a transaction's own code, by transaction. */
  readonly gasLeft: readonly (readonly bigint[])[];
}

export async function compare({ ours, traced, theirs, coverage }: Engines, each: FuzzCase): Promise<Comparison> {
  const mine = await runOn(ours, each);
  const gasLeft: bigint[][] = [];
  const watched = await runOn(traced, each, (at) => {
    gasLeft[at] = coverage.watchTop();
  });
  coverage.count(watched.outcomes);
  const library = await runOn(theirs, each);
  const difference = differenceOf(mine.lines, library.lines);
  const seen = differenceOf(mine.lines, watched.lines).map((line) => `traced: ${line}`);
  return { difference: [...difference, ...seen], outcomes: mine.outcomes, gasLeft };
}

/** The same block with gas limits by which some transactions run out of gas at, or just after, a step of theirs. */
export function tightened(dice: Dice, each: FuzzCase, { gasLeft }: Comparison): FuzzCase | undefined {
  const tightest = each.transactions.map((transaction, at) => {
    const samples = gasLeft[at] ?? [];
    if (samples.length < 2 || dice.below(3) === 0) return transaction;
    const less = dice.pick(samples) - BigInt(dice.below(8) * dice.below(30));
    return less <= 0n ? transaction : { ...transaction, gasLimit: transaction.gasLimit - less };
  });
  return tightest.every((transaction, at) => transaction === each.transactions[at])
    ? undefined
    : { ...each, transactions: tightest };
}
