/** The least gas limit with which a message succeeds, found as go-ethereum's gas estimator does. */

import type { MessageFault, SimulatedMessage, SimulatedOutcome } from "@counterpart/core/execution/simulated-message";
import { type RpcError, serverError } from "./errors.ts";
import { failureOf } from "./revert.ts";

export const TRANSFER_GAS = 21_000n;
/** What a call that sends value is given on top; a refund counter cannot be seen from here. */
const CALL_STIPEND = 2_300;
/** The search ends when the bounds are this close, relative to the upper one. */
const ERROR_RATIO = 0.015;
const GAS_PER_BLOB = 131_072n;

export interface Estimation {
  /** Its gas limit is the most that the caller allows. */
  readonly message: SimulatedMessage;
  readonly balance: bigint;
  readonly toHasCode: boolean;
  /** What a transaction may have at most (EIP-7825). */
  readonly transactionGasMax: bigint | undefined;
  readonly run: (message: SimulatedMessage) => Promise<SimulatedOutcome | MessageFault>;
}

const least = (...amounts: readonly bigint[]): bigint => amounts.reduce((a, b) => (a < b ? a : b));

/** @throws RpcError -32000 when nothing is left for gas */
function upperBound({ message, balance, transactionGasMax }: Estimation): bigint {
  const { gasLimit, maxFeePerGas, value, blobVersionedHashes = [], maxFeePerBlobGas = 0n } = message;
  const allowed = least(gasLimit, transactionGasMax ?? gasLimit);
  if (maxFeePerGas === 0n) return allowed;
  if (value >= balance) throw serverError("insufficient funds for transfer");
  const left = balance - value - GAS_PER_BLOB * BigInt(blobVersionedHashes.length) * maxFeePerBlobGas;
  if (left <= 0n) throw serverError("insufficient funds for gas * price + value");
  return least(allowed, left / maxFeePerGas);
}

const faultWith = ({ message }: MessageFault, gas: bigint): RpcError =>
  serverError(`failed with ${gas} gas: ${message}`);

/** How the message ends with this gas; undefined: it has not enough even to begin. */
async function attempt({ message, run }: Estimation, gasLimit: bigint): Promise<SimulatedOutcome | undefined> {
  const outcome = await run({ ...message, gasLimit });
  if (outcome.valid) return outcome;
  if (outcome.kind === "INTRINSIC_GAS") return undefined;
  throw faultWith(outcome, gasLimit);
}

/** @throws RpcError */
function haltedWith(outcome: SimulatedOutcome | undefined, gas: bigint): Error {
  const isShort = outcome === undefined || (outcome.status === "halted" && /out of gas/i.test(outcome.halt ?? ""));
  return isShort ? serverError(`gas required exceeds allowance (${gas})`) : failureOf(outcome);
}

/**
 * @returns a gas limit with which the message succeeds, at most 1.5 % above the least
 * @throws RpcError 3 with the revert data when it reverts with all gas allowed, -32000 when that gas is not enough
 */
export async function estimateGas(estimation: Estimation): Promise<number> {
  const { message, toHasCode, run } = estimation;
  const highest = upperBound(estimation);
  const succeedsWith = async (gas: number): Promise<boolean> =>
    (await attempt(estimation, BigInt(gas)))?.status === "success";
  const isTransfer = message.data.length === 0 && message.to !== undefined && !toHasCode;
  if (isTransfer && highest >= TRANSFER_GAS) {
    // What keeps it from running is told with all the gas that is allowed.
    const outcome = await run({ ...message, gasLimit: TRANSFER_GAS });
    if (outcome.valid && outcome.status === "success") return Number(TRANSFER_GAS);
  }
  const first = await attempt(estimation, highest);
  if (first?.status !== "success") throw haltedWith(first, highest);
  return await search(Number(first.gasUsed) - 1, Number(highest), first.gasSpent, succeedsWith);
}

/** Bisects: with `low` the message fails, with `high` it succeeds. */
async function search(
  start: number,
  end: number,
  gasSpent: number,
  succeedsWith: (gasLimit: number) => Promise<boolean>,
): Promise<number> {
  let low = start;
  let high = end;
  const narrow = async (gasLimit: number): Promise<void> => {
    if (await succeedsWith(gasLimit)) high = gasLimit;
    else low = gasLimit;
  };
  // Most messages need little more than they use: inner calls keep back a 64th of the gas (EIP-150).
  const optimistic = Math.floor(((gasSpent + CALL_STIPEND) * 64) / 63);
  if (low < optimistic && optimistic < high) await narrow(optimistic);
  while (low + 1 < high && (high - low) / high >= ERROR_RATIO) {
    // Most limits are near the lower bound: a leap of more than twice it is rarely right.
    await narrow(Math.min(Math.floor((low + high) / 2), low * 2));
  }
  return high;
}
