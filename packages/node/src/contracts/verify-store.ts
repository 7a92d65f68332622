/** Every check of a store, in the order in which their faults make sense. */

import { EMPTY_BYTES } from "@counterpart/core/base/bytes";
import { assert, isCodedError } from "@counterpart/core/base/errors";
import type { StoreReader } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { checkBlockRows, checkCanonical, checkIndexes, checkSide } from "../engine/verify/chain-checks.ts";
import { type ChainFacts, type Check, faultAt, type StoreFault } from "../engine/verify/check.ts";
import { checkHistory } from "../engine/verify/history-checks.ts";
import { checkConflicts, checkContracts, checkMeta, checkPool } from "../engine/verify/index-checks.ts";
import { checkLogs } from "../engine/verify/log-checks.ts";
import { checkAccounts, checkCodes, checkStorage } from "../engine/verify/state-checks.ts";
import { checkArtifacts } from "./verify-artifacts.ts";

interface StoreCheck {
  readonly run: Check;
  /** What it goes through, row by row; a table that it goes through twice is there twice. */
  readonly tables: readonly TableName[];
}

export const CHECKS: Readonly<Record<string, StoreCheck>> = {
  "names and genesis": { run: checkMeta, tables: ["peers"] },
  "canonical blocks": { run: checkCanonical, tables: ["canonical", "canonical"] },
  "side blocks": { run: checkSide, tables: ["side"] },
  "rows of blocks": { run: checkBlockRows, tables: ["headers", "bodies", "receipts"] },
  indexes: { run: checkIndexes, tables: ["changes", "transactions", "canonical"] },
  history: { run: checkHistory, tables: ["accountHistory", "storageHistory", "accountHistory", "storageHistory"] },
  "index of logs": { run: checkLogs, tables: ["canonical", "canonical"] },
  accounts: { run: checkAccounts, tables: ["accounts"] },
  storage: { run: checkStorage, tables: ["accounts", "accounts", "storage"] },
  code: { run: checkCodes, tables: ["codes", "accounts"] },
  contracts: { run: checkContracts, tables: ["preimages", "unnamed", "contracts", "accounts"] },
  "pending transactions": { run: checkPool, tables: ["pool"] },
  "conflicted transactions": { run: checkConflicts, tables: ["conflicts"] },
  artifacts: { run: checkArtifacts, tables: ["artifacts", "artifactFeed", "artifactDrafts"] },
};

/** About how many things a check will look at, for whoever waits for it. */
export const expectedCount = (name: string, rowsIn: (table: TableName) => number): number =>
  (CHECKS[name]?.tables ?? []).reduce((sum, table) => sum + rowsIn(table), 0);

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
  for (const fault of faultsOf(check.run, rows, chain)) {
    examined++;
    if (fault !== undefined && ++faultCount <= FAULTS_KEPT_MAX) faults.push(fault);
    tick();
  }
  return { name, examined, faults, faultCount };
}

/** All checks at once. */
export const verifyStore = (rows: StoreReader, chain: ChainFacts): readonly CheckResult[] =>
  Object.keys(CHECKS).map((name) => runCheck(name, rows, chain));
