/** What a transaction costs before its code runs, by fork. Sources: yellow paper, EIP-2, 2028, 2930, 3860, 7623, 7702. */

import type { GasRelevant } from "../chain/intrinsic-gas.ts";
import type { Rules } from "./rules.ts";

const TRANSACTION = 21_000;
const ZERO_BYTE = 4;
const ACCESS_LIST_ADDRESS = 2_400;
const ACCESS_LIST_KEY = 1_900;
const AUTHORIZATION = 25_000;
const FLOOR_PER_TOKEN = 10;
const TOKENS_PER_NONZERO_BYTE = 4;

function nonzeroBytes(data: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) count++;
  return count;
}

/** Gas taken before execution begins. */
export function intrinsicGasOf(rules: Rules, message: GasRelevant): number {
  const { to, data, accessList = [], authorizationList = [] } = message;
  const nonzero = nonzeroBytes(data);
  let gas = TRANSACTION + ZERO_BYTE * (data.length - nonzero) + rules.calldataByte * nonzero;
  if (to === undefined) gas += rules.creation + rules.initcodeWord * Math.ceil(data.length / 32);
  for (const { storageKeys } of accessList) gas += ACCESS_LIST_ADDRESS + ACCESS_LIST_KEY * storageKeys.length;
  return gas + AUTHORIZATION * authorizationList.length;
}

/** The least that a transaction is charged (EIP-7623). */
export function floorGasOf(rules: Rules, { data }: Pick<GasRelevant, "data">): number {
  if (!rules.hasCalldataFloor) return 0;
  const nonzero = nonzeroBytes(data);
  return TRANSACTION + FLOOR_PER_TOKEN * (data.length - nonzero + TOKENS_PER_NONZERO_BYTE * nonzero);
}

/** The least gas limit with which a transaction is valid. */
export const minimumGasOf = (rules: Rules, message: GasRelevant): number =>
  Math.max(intrinsicGasOf(rules, message), floorGasOf(rules, message));
