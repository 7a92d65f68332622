/** The least gas limit with which a message succeeds, found as go-ethereum's gas estimator does. */

import { minimumGasLimit } from "@counterpart/core/chain/intrinsic-gas";
import type { CallMessage, CallOutcome } from "@counterpart/core/execution/types";
import { serverError } from "./errors.ts";
import { failureOf } from "./revert.ts";

const TRANSFER_GAS = 21_000;
/** What a call that sends value is given on top; a refund counter cannot be seen from here. */
const CALL_STIPEND = 2_300;
/** The search ends when the bounds are this close, relative to the upper one. */
const ERROR_RATIO = 0.015;

export interface Estimation {
  /** Its gas limit is the most that the caller allows. */
  readonly message: CallMessage;
  /** Greatest price of a unit of gas; zero: the balance does not bound the gas. */
  readonly feeCap: bigint;
  readonly balance: bigint;
  readonly toHasCode: boolean;
  readonly blockGasLimit: number;
  readonly run: (message: CallMessage) => Promise<CallOutcome>;
}

function upperBound({ message, feeCap, balance, blockGasLimit }: Estimation): number {
  const allowed = Math.min(message.gasLimit, blockGasLimit);
  if (feeCap === 0n) return allowed;
  const affordable = (balance - message.value) / feeCap;
  return affordable < BigInt(allowed) ? Number(affordable) : allowed;
}

/**
 * @returns a gas limit with which the message succeeds, at most 1.5 % above the least
 * @throws RpcError 3 with the revert data when it reverts with all gas allowed, -32000 when that gas is not enough
 */
export async function estimateGas(estimation: Estimation): Promise<number> {
  const { message, run, toHasCode } = estimation;
  const highest = upperBound(estimation);
  const lowest = minimumGasLimit(message);
  if (highest < lowest) throw serverError(`gas required exceeds allowance (${highest})`);
  const succeedsWith = async (gasLimit: number): Promise<boolean> =>
    (await run({ ...message, gasLimit })).status === "success";

  if (message.data.length === 0 && message.to !== undefined && !toHasCode && lowest === TRANSFER_GAS) {
    if (await succeedsWith(TRANSFER_GAS)) return TRANSFER_GAS;
  }
  const first = await run({ ...message, gasLimit: highest });
  if (first.status === "reverted") throw failureOf(first);
  if (first.status === "halted") throw haltedWith(first, highest);
  return await search(Math.max(lowest, first.gasUsed) - 1, highest, first.gasUsed, succeedsWith);
}

function haltedWith(outcome: CallOutcome, gas: number): Error {
  return /out of gas/i.test(outcome.halt ?? "")
    ? serverError(`gas required exceeds allowance (${gas})`)
    : failureOf(outcome);
}

/** Bisects: with `low` the message fails, with `high` it succeeds. */
async function search(
  start: number,
  end: number,
  gasUsed: number,
  succeedsWith: (gasLimit: number) => Promise<boolean>,
): Promise<number> {
  let low = start;
  let high = end;
  const narrow = async (gasLimit: number): Promise<void> => {
    if (await succeedsWith(gasLimit)) high = gasLimit;
    else low = gasLimit;
  };
  // Most messages need little more than they use: inner calls keep back a 64th of the gas (EIP-150).
  const optimistic = Math.floor(((gasUsed + CALL_STIPEND) * 64) / 63);
  if (low < optimistic && optimistic < high) await narrow(optimistic);
  while (low + 1 < high && (high - low) / high >= ERROR_RATIO) {
    // Most limits are near the lower bound: a leap of more than twice it is rarely right.
    await narrow(Math.min(Math.floor((low + high) / 2), low * 2));
  }
  return high;
}
