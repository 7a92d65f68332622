/** State and block overrides, as callers write them. Source: go-ethereum's documentation, "eth_call". */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Withdrawal } from "@counterpart/core/chain/any-block";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import { parseAddress } from "@counterpart/core/crypto/crypto";
import type { AccountOverride, StateOverrides } from "@counterpart/core/execution/state-overrides";
import type { BlockContext } from "@counterpart/core/execution/types";
import type { JsonValue } from "../json.ts";
import { serverError } from "./errors.ts";
import {
  badValue,
  listOf,
  member,
  readAddress,
  readData,
  readHash,
  readObject,
  readQuantity,
  readSafeQuantity,
  readSlot,
} from "./params.ts";

const ACCOUNTS_MAX = 1_000;
/** Slots of all accounts of one set: so many change a state's tries in a moment. */
const SLOTS_MAX = 8_192;
/** In one block (EIP-4895). */
const WITHDRAWALS_MAX = 16;
const UINT64_MAX = 2n ** 64n - 1n;
const GWEI = 1_000_000_000n;

export const NO_STATE_OVERRIDES: StateOverrides = new Map();

function readSlots(value: JsonValue): Map<Hex, bigint> {
  const entries = Object.entries(readObject(value));
  if (entries.length > SLOTS_MAX) throw badValue(`more than ${SLOTS_MAX} slots`);
  return new Map(entries.map(([slot, word]) => [readSlot(slot), BigInt(readSlot(word ?? null))]));
}

function readAccountOverride(value: JsonValue): AccountOverride {
  const object = readObject(value);
  const [nonce, balance] = [member(object, "nonce", readQuantity), member(object, "balance", readQuantity)];
  if (nonce !== undefined && nonce > UINT64_MAX) throw badValue("nonce: hex number > 64 bits");
  const code = member(object, "code", readData);
  const state = member(object, "state", readSlots);
  const stateDiff = member(object, "stateDiff", readSlots);
  const movePrecompileTo = member(object, "movePrecompileToAddress", readAddress);
  return {
    ...(nonce === undefined ? {} : { nonce }),
    ...(balance === undefined ? {} : { balance }),
    ...(code === undefined ? {} : { code }),
    ...(state === undefined ? {} : { state }),
    ...(stateDiff === undefined ? {} : { stateDiff }),
    ...(movePrecompileTo === undefined ? {} : { movePrecompileTo }),
  };
}

/** Reads `{address: {balance, nonce, code, state | stateDiff, movePrecompileToAddress}}`. */
export function readStateOverrides(value: JsonValue): StateOverrides {
  const entries = Object.entries(readObject(value));
  if (entries.length > ACCOUNTS_MAX) throw badValue(`overrides of more than ${ACCOUNTS_MAX} accounts`);
  const overrides = new Map<Hex, AccountOverride>();
  let slots = 0;
  for (const [name, item] of entries) {
    const address = parseAddress(name);
    const override = readAccountOverride(item ?? {});
    if (override.state !== undefined && override.stateDiff !== undefined) {
      throw serverError(`account ${address} has both 'state' and 'stateDiff'`);
    }
    slots += override.state?.size ?? override.stateDiff?.size ?? 0;
    if (slots > SLOTS_MAX) throw badValue(`overrides of more than ${SLOTS_MAX} slots`);
    overrides.set(address, override);
  }
  return overrides;
}

export interface BlockOverrides {
  readonly number?: number;
  /** Before the Merge alone. */
  readonly difficulty?: bigint;
  /** Seconds since 1970. */
  readonly time?: number;
  readonly gasLimit?: number;
  readonly feeRecipient?: Hex;
  readonly prevRandao?: Hex;
  readonly baseFeePerGas?: bigint;
  readonly blobBaseFee?: bigint;
  /** Of blocks that are simulated alone, as what follows. */
  readonly beaconRoot?: Hex;
  readonly withdrawals?: readonly Withdrawal[];
}

function readWithdrawal(value: JsonValue): Withdrawal {
  const object = readObject(value);
  const address = member(object, "address", readAddress);
  if (address === undefined) throw badValue("withdrawal without address");
  const field = (name: string): bigint => member(object, name, readQuantity) ?? 0n;
  const [index, validatorIndex, amount] = [field("index"), field("validatorIndex"), field("amount")];
  if ([index, validatorIndex, amount].some((number) => number > UINT64_MAX)) throw badValue("hex number > 64 bits");
  return { index, validatorIndex, address, amount: amount * GWEI };
}

/** Without the members that are undefined. */
const present = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;

/** Reads `{number, time, gasLimit, feeRecipient, prevRandao, baseFeePerGas, blobBaseFee, …}`. */
export function readBlockOverrides(value: JsonValue): BlockOverrides {
  const object = readObject(value);
  return present({
    number: member(object, "number", readSafeQuantity),
    difficulty: member(object, "difficulty", readQuantity),
    time: member(object, "time", readSafeQuantity),
    gasLimit: member(object, "gasLimit", readSafeQuantity),
    feeRecipient: member(object, "feeRecipient", readAddress),
    prevRandao: member(object, "prevRandao", readHash),
    baseFeePerGas: member(object, "baseFeePerGas", readQuantity),
    blobBaseFee: member(object, "blobBaseFee", readQuantity),
    beaconRoot: member(object, "beaconRoot", readHash),
    withdrawals: member(object, "withdrawals", listOf(readWithdrawal, WITHDRAWALS_MAX)),
  }) as BlockOverrides;
}

/** A header with what overrides say; of its hash nothing is left. */
export function overriddenHeader(header: AnySealedHeader, overrides: BlockOverrides): AnySealedHeader {
  const { number, difficulty, time, gasLimit, feeRecipient, prevRandao, baseFeePerGas } = overrides;
  return {
    ...header,
    ...(number !== undefined && { number }),
    // A merged block stays one, whatever is said of its difficulty.
    ...(difficulty !== undefined && header.difficulty !== 0n && { difficulty }),
    ...(time !== undefined && { timestamp: time }),
    ...(gasLimit !== undefined && { gasLimit }),
    ...(feeRecipient !== undefined && { coinbase: feeRecipient }),
    ...(prevRandao !== undefined && { mixHash: prevRandao }),
    ...(baseFeePerGas !== undefined && { baseFeePerGas }),
  };
}

/** What of overrides no header has. @throws RpcError -32000 for what only blocks that are simulated can have */
export function overriddenContext({ blobBaseFee, beaconRoot, withdrawals }: BlockOverrides): Partial<BlockContext> {
  const other = beaconRoot !== undefined ? "beaconRoot" : withdrawals !== undefined ? "withdrawals" : undefined;
  if (other !== undefined) throw serverError(`block override "${other}" is not supported for this RPC method`);
  return blobBaseFee === undefined ? {} : { blobBaseFee };
}
