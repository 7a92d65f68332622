/** Every check of a store, in the order in which their faults make sense. */

import { EMPTY_BYTES } from "@counterpart/core/base/bytes";
import { assert, isCodedError } from "@counterpart/core/base/errors";
import type { StoreReader } from "@counterpart/core/ports/store";
import { checkBlockRows, checkCanonical, checkIndexes, checkSide } from "../engine/verify/chain-checks.ts";
import { type ChainFacts, type Check, faultAt, type StoreFault } from "../engine/verify/check.ts";
import { checkHistory } from "../engine/verify/history-checks.ts";
import { checkConflicts, checkContracts, checkMeta, checkPool } from "../engine/verify/index-checks.ts";
import { checkLogs } from "../engine/verify/log-checks.ts";
import { checkAccounts, checkCodes, checkStorage } from "../engine/verify/state-checks.ts";
import { checkArtifacts } from "./verify-artifacts.ts";

export const CHECKS: Readonly<Record<string, Check>> = {
  "names and genesis": checkMeta,
  "canonical blocks": checkCanonical,
  "side blocks": checkSide,
  "rows of blocks": checkBlockRows,
  indexes: checkIndexes,
  history: checkHistory,
  "index of logs": checkLogs,
  accounts: checkAccounts,
  storage: checkStorage,
  code: checkCodes,
  contracts: checkContracts,
  "pending transactions": checkPool,
  "conflicted transactions": checkConflicts,
  artifacts: checkArtifacts,
};

export interface CheckResult {
  readonly name: string;
  /** Things looked at. */
  readonly examined: number;
  /** The first ones; `faultCount` has them all. */
  readonly faults: readonly StoreFault[];
  readonly faultCount: number;
}

/** Faults of one check that are kept. */
export const FAULTS_KEPT_MAX = 20;

/** The faults that a check finds, the last of them what keeps it from going on. */
function* faultsOf(check: Check, rows: StoreReader, chain: ChainFacts): Generator<StoreFault | undefined> {
  try {
    yield* check(rows, chain);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    yield faultAt("meta", EMPTY_BYTES, `the check could not go on: ${error.message}`);
  }
}

/** Runs one check; `tick` is called after everything looked at. */
export function runCheck(name: string, rows: StoreReader, chain: ChainFacts, tick = (): void => {}): CheckResult {
  const faults: StoreFault[] = [];
  let examined = 0;
  let faultCount = 0;
  const check = CHECKS[name];
  assert(check !== undefined, `there is no check ${name}`);
  for (const fault of faultsOf(check, rows, chain)) {
    examined++;
    if (fault !== undefined && ++faultCount <= FAULTS_KEPT_MAX) faults.push(fault);
    tick();
  }
  return { name, examined, faults, faultCount };
}

/** All checks at once. */
export const verifyStore = (rows: StoreReader, chain: ChainFacts): readonly CheckResult[] =>
  Object.keys(CHECKS).map((name) => runCheck(name, rows, chain));
