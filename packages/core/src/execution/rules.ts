/**
 * What differs from fork to fork, as one frozen table for each. Sources: yellow paper, appendix G, and the EIPs named.
 * A block's rules are chosen once.
 */

import { FORKS, type Fork, isAtLeast } from "./fork.ts";

/** Price and refund of SSTORE. */
export interface StorageRules {
  /** Net metering: by original and present value (EIP-1283, 2200, 2929), instead of by present and new value. */
  readonly isNet: boolean;
  /** SSTORE fails with this gas or less (EIP-2200). */
  readonly sentry: number;
  /** A write that changes nothing, or changes again what this transaction changed. */
  readonly again: number;
  readonly set: number;
  readonly reset: number;
  /** Added where the slot is cold. */
  readonly cold: number;
  readonly clearRefund: number;
}

/** Blob gas (EIP-4844, 7691, 7594). */
export interface BlobRules {
  readonly perTransactionMax: number;
  readonly perBlockMax: number;
  readonly updateFraction: bigint;
}

export interface Rules {
  readonly fork: Fork;
  readonly storage: StorageRules;
  /** Price of an access to what is warm; 0 where there are no access lists (before EIP-2929). */
  readonly warmAccess: number;
  readonly coldAccount: number;
  readonly coldSlot: number;
  readonly call: number;
  readonly exponentByte: number;
  /** A call may pass on all but a 64th of the gas, and takes what there is (EIP-150). */
  readonly keepsSixtyFourth: boolean;
  readonly selfdestruct: number;
  readonly selfdestructRefund: number;
  /** Price of SELFDESTRUCT into an account that does not exist (EIP-150). */
  readonly selfdestructNewAccount: number;
  /** Empty accounts are none: they are removed when touched, and do not count as existing (EIP-161). */
  readonly clearsEmpty: boolean;
  readonly createdNonce: bigint;
  readonly codeSizeMax: number;
  readonly initcodeSizeMax: number;
  readonly initcodeWord: number;
  /** A creation that cannot pay for its code fails, instead of leaving a contract without code (EIP-2). */
  readonly failsWithoutDeposit: boolean;
  /** Code that begins with 0xef is refused (EIP-3541). */
  readonly refusesEf: boolean;
  /** SELFDESTRUCT removes only what its transaction created (EIP-6780). */
  readonly destroysOnlyCreated: boolean;
  readonly refundQuotient: bigint;
  readonly hasBaseFee: boolean;
  readonly isMerged: boolean;
  readonly hasDelegations: boolean;
  readonly hasBeaconRoots: boolean;
  readonly hasBlockHashContract: boolean;
  readonly warmsCoinbase: boolean;
  readonly creation: number;
  readonly calldataByte: number;
  readonly hasCalldataFloor: boolean;
  readonly transactionGasMax: bigint | undefined;
  /** Greatest type of transaction there is. */
  readonly transactionTypeMax: number;
  /** Accounts with code may be senders, against EIP-3607. */
  readonly contractsMaySend: boolean;
  /** Signatures must have a low s (EIP-2). */
  readonly needsLowS: boolean;
  /** A legacy transaction may be signed for one chain (EIP-155). */
  readonly hasReplayProtection: boolean;
  readonly blobs: BlobRules | undefined;
}

function storageRules(fork: Fork): StorageRules {
  const legacy = { isNet: false, sentry: 0, again: 0, set: 20_000, reset: 5_000, cold: 0, clearRefund: 15_000 };
  if (isAtLeast(fork, "berlin")) {
    const clearRefund = isAtLeast(fork, "london") ? 4_800 : 15_000;
    return { ...legacy, isNet: true, sentry: 2_300, again: 100, reset: 2_900, cold: 2_100, clearRefund };
  }
  if (isAtLeast(fork, "istanbul")) return { ...legacy, isNet: true, sentry: 2_300, again: 800 };
  return fork === "constantinople" ? { ...legacy, isNet: true, again: 200 } : legacy;
}

function blobRules(fork: Fork): BlobRules | undefined {
  if (!isAtLeast(fork, "cancun")) return undefined;
  if (!isAtLeast(fork, "prague")) return { perTransactionMax: 6, perBlockMax: 6, updateFraction: 3_338_477n };
  const perTransactionMax = isAtLeast(fork, "osaka") ? 6 : 9;
  return { perTransactionMax, perBlockMax: 9, updateFraction: 5_007_716n };
}

function transactionTypeMax(fork: Fork): number {
  if (isAtLeast(fork, "prague")) return 4;
  if (isAtLeast(fork, "cancun")) return 3;
  if (isAtLeast(fork, "london")) return 2;
  return isAtLeast(fork, "berlin") ? 1 : 0;
}

function rulesFor(fork: Fork): Rules {
  const since = (first: Fork): boolean => isAtLeast(fork, first);
  return Object.freeze({
    fork,
    storage: storageRules(fork),
    warmAccess: since("berlin") ? 100 : 0,
    coldAccount: since("berlin") ? 2_600 : 0,
    coldSlot: since("berlin") ? 2_100 : 0,
    call: since("berlin") ? 0 : since("tangerine") ? 700 : 40,
    exponentByte: since("spurious") ? 50 : 10,
    keepsSixtyFourth: since("tangerine"),
    selfdestruct: since("tangerine") ? 5_000 : 0,
    selfdestructRefund: since("london") ? 0 : 24_000,
    selfdestructNewAccount: since("tangerine") ? 25_000 : 0,
    clearsEmpty: since("spurious"),
    createdNonce: since("spurious") ? 1n : 0n,
    codeSizeMax: since("spurious") ? 24_576 : Number.POSITIVE_INFINITY,
    initcodeSizeMax: since("shanghai") ? 49_152 : Number.POSITIVE_INFINITY,
    initcodeWord: since("shanghai") ? 2 : 0,
    failsWithoutDeposit: since("homestead"),
    refusesEf: since("london"),
    destroysOnlyCreated: since("cancun"),
    refundQuotient: since("london") ? 5n : 2n,
    hasBaseFee: since("london"),
    isMerged: since("paris"),
    hasDelegations: since("prague"),
    hasBeaconRoots: since("cancun"),
    hasBlockHashContract: since("prague"),
    warmsCoinbase: since("shanghai"),
    creation: since("homestead") ? 32_000 : 0,
    calldataByte: since("istanbul") ? 16 : 68,
    hasCalldataFloor: since("prague"),
    transactionGasMax: since("osaka") ? 2n ** 24n : undefined,
    transactionTypeMax: transactionTypeMax(fork),
    contractsMaySend: false,
    needsLowS: since("homestead"),
    hasReplayProtection: since("spurious"),
    blobs: blobRules(fork),
  });
}

const RULES: ReadonlyMap<Fork, Rules> = new Map(FORKS.map((fork) => [fork, rulesFor(fork)]));

export const rulesOf = (fork: Fork): Rules => RULES.get(fork) as Rules;
