/** eth_call, eth_estimateGas and eth_createAccessList: messages on the state of a block. */

import { bytesToHex } from "@counterpart/core/base/bytes";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { SimulatedMessage } from "@counterpart/core/execution/simulated-message";
import type { StateOverrides } from "@counterpart/core/execution/state-overrides";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { ChainEngine } from "../../engine/types.ts";
import { accountOf } from "../state.ts";
import { createAccessList } from "./access-list.ts";
import { type BlockRef, LATEST, onState, readBlockRef } from "./block-ref.ts";
import { type CallArgs, messageOf, readCallArgs } from "./call-args.ts";
import type { RpcMethod } from "./dispatch.ts";
import { estimateGas, TRANSFER_GAS } from "./estimate.ts";
import { callDeadline } from "./execution-limits.ts";
import { quantity } from "./format.ts";
import { type BlockOverrides, NO_STATE_OVERRIDES, readBlockOverrides, readStateOverrides } from "./overrides.ts";
import { defineMethod, optional, required } from "./params.ts";
import { failureOf } from "./revert.ts";
import { faultError, type Place, placeOn, runAt } from "./run-message.ts";

/** Where and with what differences a message runs. */
interface Scene {
  readonly ref: BlockRef;
  readonly overrides: StateOverrides;
  readonly blockOverrides: BlockOverrides;
}

/**
 * Works at the place that a caller named.
 * @param isNextAtHead whether the head means the block after it, where a transaction would be sealed
 */
function onPlace<T>(
  engine: ChainEngine,
  { ref, overrides, blockOverrides }: Scene,
  isNextAtHead: boolean,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  return onState(engine, ref, (block: AnySealedHeader | undefined) =>
    engine.execute(block?.hash, (site) => {
      const next = ref.kind === "pending" || (isNextAtHead && site.header.hash === engine.head().hash);
      return work(placeOn(engine, site, next, overrides, blockOverrides));
    }),
  );
}

async function call(place: Place, args: CallArgs, gasMax: bigint, clock: Clock) {
  const message = messageOf(args, gasMax, place.site.chainId);
  const outcome = await runAt(place, message, callDeadline(clock));
  if (!outcome.valid) throw faultError(outcome, message);
  if (outcome.status !== "success") throw failureOf(outcome);
  return bytesToHex(outcome.output);
}

/** What the estimate needs of the accounts; a sender who pays nothing is not looked at. */
function readParties({ state }: Place, { sender, to, maxFeePerGas }: SimulatedMessage) {
  return {
    balance: maxFeePerGas === 0n ? 0n : accountOf(state, sender).balance,
    toHasCode: to !== undefined && state.code(accountOf(state, to).codeHash).length > 0,
  };
}

async function estimate(place: Place, args: CallArgs, gasCap: bigint, clock: Clock) {
  const { header, executor, site } = place;
  const blockGas = BigInt(header.gasLimit);
  const gasMax = blockGas < gasCap ? blockGas : gasCap;
  const { gas: said = 0n, ...unlimited } = args;
  // As in go-ethereum: less than any transaction needs is no limit.
  const message = messageOf(said < TRANSFER_GAS ? unlimited : args, gasMax, site.chainId);
  const deadline = callDeadline(clock);
  const gas = await estimateGas({
    message,
    ...readParties(place, message),
    transactionGasMax: executor.rules.transactionGasMax,
    run: (attempt) => runAt(place, attempt, deadline),
  });
  return quantity(gas);
}

const WHERE = [
  optional(readBlockRef, LATEST),
  optional(readStateOverrides, NO_STATE_OVERRIDES),
  optional(readBlockOverrides, {}),
] as const;

/** @param gasMax what a call has at most, and has unless it says otherwise */
export function callMethods(engine: ChainEngine, clock: Clock, gasMax: bigint): Record<string, RpcMethod> {
  return {
    eth_call: defineMethod([required(readCallArgs), ...WHERE], (args, ref, overrides, blockOverrides) =>
      onPlace(engine, { ref, overrides, blockOverrides }, false, (place) => call(place, args, gasMax, clock)),
    ),
    eth_estimateGas: defineMethod([required(readCallArgs), ...WHERE], (args, ref, overrides, blockOverrides) =>
      onPlace(engine, { ref, overrides, blockOverrides }, true, (place) => estimate(place, args, gasMax, clock)),
    ),
    eth_createAccessList: defineMethod(
      [required(readCallArgs), optional(readBlockRef, LATEST), optional(readStateOverrides, NO_STATE_OVERRIDES)],
      (args, ref, overrides) =>
        onPlace(engine, { ref, overrides, blockOverrides: {} }, false, (place) =>
          createAccessList(place, messageOf(args, gasMax, engine.chainId), callDeadline(clock)),
        ),
    ),
  };
}
