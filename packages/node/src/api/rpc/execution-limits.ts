/** What one request may make this node execute: gas, time, and characters of the answer. */

import type { Spend } from "@counterpart/core/execution/tracers/budget";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createPatientPacer, type Pause } from "../../engine/pacer.ts";
import { RPC_CODES, RpcError, serverError } from "./errors.ts";
import { RPC_LIMITS } from "./limits.ts";

/** How long a call, all attempts of an estimate, or a simulation may run, pauses for others included. */
export const EVM_MS_MAX = 5_000;

/** A pause for whoever runs code: others get their turn, and when the time is up it fails. */
export function createDeadline(clock: Clock, limitMs: number, message: string): Pause {
  const pause = createPatientPacer(clock);
  const startMs = clock.now();
  return async () => {
    if (clock.now() - startMs > limitMs) throw serverError(message);
    await pause();
  };
}

/** The deadline of a request that runs calls. */
export const callDeadline = (clock: Clock): Pause =>
  createDeadline(clock, EVM_MS_MAX, `execution aborted (timeout = ${EVM_MS_MAX / 1_000}s)`);

/** Counts what an answer will take while it is gathered. */
export function createSpend(charactersMax = RPC_LIMITS.responseCharactersMax): Spend {
  let left = charactersMax;
  return (characters) => {
    left -= characters;
    if (left < 0) throw new RpcError(RPC_CODES.responseTooLarge, "response too large");
  };
}

/** Runs work, unless too much of it runs already. @throws RpcError -32005 */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/** @param name of what there may be so many at the same time, in the plural */
export function createTurns(max: number, name: string): Turns {
  let running = 0;
  return async (work) => {
    if (running >= max) throw new RpcError(RPC_CODES.busy, `${max} ${name} are under way: ask again`);
    running++;
    try {
      return await work();
    } finally {
      running--;
    }
  };
}
