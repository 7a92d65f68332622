/** eth_call and eth_estimateGas: messages on the state of a block. */

import { bytesToHex, equalBytes, type Hex } from "@counterpart/core/base/bytes";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import { ZERO_ADDRESS } from "@counterpart/core/chain/header";
import { minimumGasLimit } from "@counterpart/core/chain/intrinsic-gas";
import { TX_GAS_MAX } from "@counterpart/core/chain/rules";
import type { AccessListEntry, Authorization } from "@counterpart/core/chain/types";
import type { CallMessage } from "@counterpart/core/execution/types";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createPacer } from "../../engine/pacer.ts";
import type { ChainEngine } from "../../engine/types.ts";
import type { JsonValue } from "../json.ts";
import { accountOf } from "../state.ts";
import { LATEST, onState, readAt, readBlockRef } from "./block-ref.ts";
import type { RpcMethod } from "./dispatch.ts";
import { serverError } from "./errors.ts";
import { estimateGas } from "./estimate.ts";
import {
  badValue,
  defineMethod,
  type JsonObject,
  listOf,
  member,
  optional,
  readAddress,
  readData,
  readHash,
  readObject,
  readQuantity,
  required,
} from "./params.ts";
import { failureOf } from "./revert.ts";

const ACCESS_LIST_MAX = 1000;
/** More do not fit in the gas of a transaction. */
const AUTHORIZATIONS_MAX = 700;

/** A message, and what its sender would pay for each unit of gas. */
export interface CallRequest {
  readonly message: CallMessage;
  readonly feeCap: bigint;
}

function readAccessListEntry(value: JsonValue): AccessListEntry {
  const object = readObject(value);
  const address = member(object, "address", readAddress);
  if (address === undefined) throw badValue("access list entry without address");
  return { address, storageKeys: member(object, "storageKeys", listOf(readHash, ACCESS_LIST_MAX)) ?? [] };
}

/** As geth and viem write a signed authorization (EIP-7702). */
function readAuthorization(value: JsonValue): Authorization {
  const object = readObject(value);
  const field = (name: string): bigint => {
    const found = member(object, name, readQuantity);
    if (found === undefined) throw badValue(`authorization without ${name}`);
    return found;
  };
  const address = member(object, "address", readAddress);
  if (address === undefined) throw badValue("authorization without address");
  const yParity = field("yParity");
  if (yParity > 1n) throw badValue("the yParity of an authorization is 0 or 1");
  const [chainId, nonce, r, s] = [field("chainId"), field("nonce"), field("r"), field("s")];
  return { chainId, address, nonce, yParity: Number(yParity), r, s };
}

function dataOf(object: JsonObject): Uint8Array {
  const data = member(object, "data", readData);
  const input = member(object, "input", readData);
  if (data !== undefined && input !== undefined && !equalBytes(data, input)) {
    throw badValue('both "data" and "input" are set and not equal: use "input"');
  }
  return input ?? data ?? new Uint8Array(0);
}

function feeCapOf(object: JsonObject): bigint {
  const gasPrice = member(object, "gasPrice", readQuantity);
  const maxFee = member(object, "maxFeePerGas", readQuantity);
  const tip = member(object, "maxPriorityFeePerGas", readQuantity);
  if (gasPrice !== undefined && (maxFee !== undefined || tip !== undefined)) {
    throw badValue("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified");
  }
  return gasPrice ?? maxFee ?? 0n;
}

/** Reads a transaction object. Gas is capped at what a transaction may have: nothing that runs longer can be sent. */
function readCallRequest(value: JsonValue): CallRequest {
  const object = readObject(value);
  const authorizationList = member(object, "authorizationList", listOf(readAuthorization, AUTHORIZATIONS_MAX)) ?? [];
  const gas = member(object, "gas", readQuantity);
  const to = member(object, "to", readAddress);
  if (authorizationList.length > 0 && to === undefined) throw badValue("authorizations need a recipient (EIP-7702)");
  const accessList = member(object, "accessList", listOf(readAccessListEntry, ACCESS_LIST_MAX));
  const feeCap = feeCapOf(object);
  return {
    feeCap,
    message: {
      from: member(object, "from", readAddress) ?? ZERO_ADDRESS,
      ...(to === undefined ? {} : { to }),
      data: dataOf(object),
      value: member(object, "value", readQuantity) ?? 0n,
      gasLimit: gas === undefined || gas > BigInt(TX_GAS_MAX) ? TX_GAS_MAX : Number(gas),
      ...(feeCap === 0n ? {} : { gasPrice: feeCap }),
      ...(accessList === undefined ? {} : { accessList }),
      ...(authorizationList.length === 0 ? {} : { authorizationList }),
    },
  };
}

/** Overrides would run the message on a state that is nobody's; absent or empty ones are fine. */
function readNoOverrides(value: JsonValue): undefined {
  if (Object.keys(readObject(value)).length > 0) throw badValue("state and block overrides are not supported");
  return undefined;
}

/** Balance of the sender, and whether `to` has code, at the block that was named. */
function readParties(engine: ChainEngine, block: AnySealedHeader | undefined, { from, to }: CallMessage) {
  return readAt(engine, block, (state) => ({
    balance: accountOf(state, from).balance,
    toHasCode: to !== undefined && state.code(accountOf(state, to).codeHash).length > 0,
  }));
}

function requireFunds(from: Hex, balance: bigint, value: bigint): void {
  if (balance >= value) return;
  throw serverError(`insufficient funds for gas * price + value: address ${from} have ${balance} want ${value}`);
}

async function call(engine: ChainEngine, message: CallMessage, block: AnySealedHeader | undefined, isPending: boolean) {
  // Who sends nothing is not looked at: a replica may not hold who calls.
  if (message.value > 0n)
    requireFunds(message.from, (await readParties(engine, block, message)).balance, message.value);
  const least = minimumGasLimit(message);
  if (message.gasLimit < least) throw serverError(`intrinsic gas too low: have ${message.gasLimit}, want ${least}`);
  const outcome = await engine.call(message, isPending ? engine.nextContext() : {}, block?.hash);
  if (outcome.status !== "success") throw failureOf(outcome);
  return bytesToHex(outcome.output);
}

/** On the head's state it runs as in the block after the head, where it would be sealed; on an older one, as in that. */
async function estimate(
  engine: ChainEngine,
  clock: Clock,
  { message, feeCap }: CallRequest,
  block: AnySealedHeader | undefined,
): Promise<number> {
  const { balance, toHasCode } = await readParties(engine, block, message);
  requireFunds(message.from, balance, message.value);
  const pause = createPacer(clock);
  return estimateGas({
    message,
    feeCap,
    balance,
    toHasCode,
    blockGasLimit: (block ?? engine.head()).gasLimit,
    async run(attempt) {
      await pause();
      return engine.call(attempt, block === undefined ? engine.nextContext() : {}, block?.hash);
    },
  });
}

export function callMethods(engine: ChainEngine, clock: Clock): Record<string, RpcMethod> {
  return {
    eth_call: defineMethod(
      [
        required(readCallRequest),
        optional(readBlockRef, LATEST),
        optional(readNoOverrides, undefined),
        optional(readNoOverrides, undefined),
      ],
      ({ message }, ref) => onState(engine, ref, (block) => call(engine, message, block, ref.kind === "pending")),
    ),
    eth_estimateGas: defineMethod(
      [required(readCallRequest), optional(readBlockRef, LATEST), optional(readNoOverrides, undefined)],
      async (request, ref) => {
        const gas = await onState(engine, ref, (block) => {
          const isHead = block === undefined || block.hash === engine.head().hash;
          return estimate(engine, clock, request, isHead ? undefined : block);
        });
        return `0x${gas.toString(16)}`;
      },
    ),
  };
}
