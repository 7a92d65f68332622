/** Runs a message before it is sent: what it would answer, whether it reverts, and how much gas it needs. */

import { CodedError } from "@counterpart/core/base/errors";
import { minimumGasLimit } from "@counterpart/core/chain/intrinsic-gas";
import { TX_GAS_MAX } from "@counterpart/core/chain/rules";
import type { CallMessage, CallOutcome } from "@counterpart/core/execution/types";
import type { ChainEngine } from "../engine/types.ts";
import type { ContractAbi } from "./abi.ts";
import { decodeRevert } from "./decode.ts";

export type Message = Omit<CallMessage, "gasLimit" | "gasPrice" | "accessList">;

type SimulationEngine = Pick<ChainEngine, "call" | "head" | "nextContext">;

/** Gas for what the state may have become when the transaction is executed: four slots written for the first time. */
const SPARE_GAS = 100_000;
/** Tried first: enough for most calls, which are then simulated once. A limit above the need is not paid for. */
const USUAL_GAS = 1_000_000;

export function gasCap(engine: Pick<ChainEngine, "head">): number {
  return Math.min(TX_GAS_MAX, Number(engine.head().gasLimit));
}

/**
 * The outcome, when it is a success.
 * @throws CodedError `EXECUTION_REVERTED` with `{reason, error, args, data}`, `EXECUTION_HALTED` with `{halt}`
 */
export function requireSuccess(outcome: CallOutcome, abi: ContractAbi | undefined): CallOutcome {
  if (outcome.status === "success") return outcome;
  if (outcome.status === "halted") {
    const halt = outcome.halt ?? "unknown";
    throw new CodedError("EXECUTION_HALTED", `the execution ends in an EVM exception: ${halt}`, { halt });
  }
  const reason = decodeRevert(outcome.output, abi);
  throw new CodedError("EXECUTION_REVERTED", `the execution reverts: ${reason.reason}`, { ...reason });
}

export interface Simulated {
  readonly outcome: CallOutcome;
  /** Gas limit for the transaction. */
  readonly gasLimit: number;
}

/**
 * What a transaction must be allowed, by what its simulation used: half as much again, because refunds (at most a fifth,
 * EIP-3529) and the 64th that each nested call holds back do not show in what was used; and some to spare.
 */
function estimateOf(message: Message, { gasUsed }: CallOutcome): number {
  return Math.max(Math.floor(gasUsed * 1.5) + SPARE_GAS, minimumGasLimit(message));
}

/**
 * Simulates a message in the block that would be sealed now. Contracts may look at the gas that is left, so the limit
 * that is given back is always one with which the message succeeded here.
 * @throws CodedError as `requireSuccess`
 */
export async function simulate(
  engine: SimulationEngine,
  message: Message,
  abi: ContractAbi | undefined,
): Promise<Simulated> {
  const attempt = (gasLimit: number): Promise<CallOutcome> =>
    engine.call({ ...message, gasLimit }, engine.nextContext());
  const fits = (outcome: CallOutcome, gasLimit: number): boolean =>
    outcome.status === "success" && estimateOf(message, outcome) <= gasLimit;

  if (message.to !== undefined) {
    const outcome = await attempt(USUAL_GAS);
    if (fits(outcome, USUAL_GAS)) return { outcome, gasLimit: USUAL_GAS };
  }
  const cap = gasCap(engine);
  const outcome = requireSuccess(await attempt(cap), abi);
  const estimate = estimateOf(message, outcome);
  if (estimate >= cap) return { outcome, gasLimit: cap };
  return { outcome, gasLimit: (await attempt(estimate)).status === "success" ? estimate : cap };
}
