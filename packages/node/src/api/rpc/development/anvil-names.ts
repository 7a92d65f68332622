/** How Anvil's names and answers differ from Hardhat's. */

/** What Anvil has under names of its own as well. */
const ALSO_ANVIL = ["increaseTime", "revert", "setAutomine", "setNextBlockTimestamp", "setTime", "snapshot"] as const;

/** Answered with null by Anvil, on which its clients in Rust insist, and with true or more by Hardhat. */
const SILENT = [
  "autoImpersonateAccount",
  "impersonateAccount",
  "mine",
  "reset",
  "setAutomine",
  "setBalance",
  "setCode",
  "setCoinbase",
  "setIntervalMining",
  "setNextBlockBaseFeePerGas",
  "setNextBlockTimestamp",
  "setNonce",
  "stopImpersonatingAccount",
] as const;

/**
 * Methods, or what is said of them, with all of Anvil's names.
 * @param silent makes one that answers null
 */
export function withAnvilNames<T>(byName: Readonly<Record<string, T>>, silent: (one: T) => T): Record<string, T> {
  const all: Record<string, T> = { ...byName };
  for (const name of ALSO_ANVIL) all[`anvil_${name}`] = all[`evm_${name}`] as T;
  for (const name of SILENT) all[`anvil_${name}`] = silent(all[`anvil_${name}`] as T);
  return all;
}
