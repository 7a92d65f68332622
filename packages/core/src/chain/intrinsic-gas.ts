/** Gas that a transaction costs before any code runs. Sources: yellow paper, EIP-2028, 2930, 3860, 7623, 7702. */

import type { Hex } from "../base/bytes.ts";
import type { AccessListEntry } from "./types.ts";

const TRANSACTION = 21_000;
const CREATION = 32_000;
const INITCODE_WORD = 2;
const ACCESS_LIST_ADDRESS = 2_400;
const ACCESS_LIST_KEY = 1_900;
const AUTHORIZATION = 25_000;
const PER_TOKEN = 4;
const FLOOR_PER_TOKEN = 10;
const TOKENS_PER_NONZERO_BYTE = 4;

/** What the intrinsic cost depends on. */
export interface GasRelevant {
  /** Absent: contract creation. */
  readonly to?: Hex;
  readonly data: Uint8Array;
  readonly accessList?: readonly AccessListEntry[];
  readonly authorizationList?: readonly unknown[];
}

function calldataTokens(data: Uint8Array): number {
  let tokens = 0;
  for (let i = 0; i < data.length; i++) tokens += data[i] === 0 ? 1 : TOKENS_PER_NONZERO_BYTE;
  return tokens;
}

/** Gas taken before execution begins. */
export function intrinsicGas({ to, data, accessList = [], authorizationList = [] }: GasRelevant): number {
  let gas = TRANSACTION + PER_TOKEN * calldataTokens(data);
  if (to === undefined) gas += CREATION + INITCODE_WORD * Math.ceil(data.length / 32);
  for (const { storageKeys } of accessList) gas += ACCESS_LIST_ADDRESS + ACCESS_LIST_KEY * storageKeys.length;
  return gas + AUTHORIZATION * authorizationList.length;
}

/** The least that a transaction with this data is charged (EIP-7623). */
export function calldataFloorGas({ data }: Pick<GasRelevant, "data">): number {
  return TRANSACTION + FLOOR_PER_TOKEN * calldataTokens(data);
}

/** The least gas limit with which a transaction is valid. */
export function minimumGasLimit(transaction: GasRelevant): number {
  return Math.max(intrinsicGas(transaction), calldataFloorGas(transaction));
}
