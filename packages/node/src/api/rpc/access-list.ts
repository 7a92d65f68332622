/** eth_createAccessList: the accounts and slots with which a message gets along, found by running it again and again. */

import type { Hex } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import type { AccessListEntry } from "@counterpart/core/chain/types";
import type { SimulatedMessage, SimulatedOutcome } from "@counterpart/core/execution/simulated-message";
import { createAccessListTracer } from "@counterpart/core/execution/tracers/access-list-tracer";
import { hexToWord } from "@counterpart/core/execution/word";
import type { Pause } from "../../engine/pacer.ts";
import { accountOf } from "../state.ts";
import { serverError } from "./errors.ts";
import { quantity } from "./format.ts";
import { type Place, runAt } from "./run-message.ts";

/** Runs until the list stays: what a list makes cheaper leaves gas for more. */
const ROUNDS_MAX = 32;

export interface CreatedAccessList {
  readonly accessList: readonly AccessListEntry[];
  readonly gasUsed: Hex;
  /** Why the message fails, with this list. */
  readonly error?: string;
}

/** Accounts that are warm in any transaction like this one, so that naming them would only cost gas. */
function warmIn({ executor, state }: Place, { sender, to, nonce }: SimulatedMessage): (address: Hex) => boolean {
  const recipient = to ?? createAddress(sender, nonce ?? accountOf(state, sender).nonce);
  return (address) => address === sender || address === recipient || executor.precompiles.has(hexToWord(address));
}

const sizeOf = (list: readonly AccessListEntry[]): number =>
  list.reduce((sum, { storageKeys }) => sum + 1 + storageKeys.length, 0);

function errorOf({ status, vmError, halt }: SimulatedOutcome): { readonly error?: string } {
  if (status === "success") return {};
  return { error: status === "reverted" ? "execution reverted" : (vmError ?? halt ?? "execution halted") };
}

/** @throws RpcError -32000 when the message cannot run */
export async function createAccessList(
  place: Place,
  message: SimulatedMessage,
  pause: Pause,
): Promise<CreatedAccessList> {
  const isWarm = warmIn(place, message);
  let accessList: readonly AccessListEntry[] = message.accessList;
  for (let round = 0; ; round++) {
    const { tracer, list } = createAccessListTracer(accessList, isWarm);
    const outcome = await runAt(place, { ...message, accessList }, pause, tracer);
    if (!outcome.valid) throw serverError(`failed to apply transaction: ${outcome.message}`);
    const found = list();
    // A list only grows, so that one of the same size is the same.
    if (sizeOf(found) === sizeOf(accessList) || round === ROUNDS_MAX) {
      return { accessList: found, ...errorOf(outcome), gasUsed: quantity(outcome.gasUsed) };
    }
    accessList = found;
  }
}
