/**
 * Run as a process of its own by `counterpart db verify`: checks the database and prints what it finds, a line of JSON
 * each. Arguments: path of the database, facts of its chain as JSON.
 */

import { argv } from "node:process";
import { bytesToHex } from "@counterpart/core/base/bytes";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError, isCodedError, reasonOf } from "@counterpart/core/base/errors";
import { CHECKS, type CheckResult, expectedCount, FAULTS_KEPT_MAX, runCheck } from "../contracts/verify-store.ts";
import { readImported } from "../engine/imported.ts";
import { metaKey } from "../engine/rows.ts";
import type { ChainFacts, StoreFault } from "../engine/verify/check.ts";
import { endWithParent } from "../store/child.ts";
import { type LmdbStore, openLmdbStore } from "../store/lmdb-store.ts";

/** A check under way, a check that has ended, or what kept the checks from starting. */
export type VerifyLine =
  | { readonly kind: "progress"; readonly name: string; readonly examined: number; readonly total: number }
  | ({ readonly kind: "result" } & CheckResult)
  | { readonly kind: "failure"; readonly message: string; readonly code?: ErrorCode };

/** What the caller says of the chain. */
export interface GivenFacts extends Omit<ChainFacts, "schedule"> {
  /** Whether a genesis file was named. */
  readonly isGiven: boolean;
}

const TICKS = 4_096;
const PROGRESS_MS = 500;

const say = (line: VerifyLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** @param total about how often it will be called */
function createTicker(name: string, total: number): () => void {
  let examined = 0;
  let saidAt = performance.now();
  return () => {
    if (++examined % TICKS !== 0 || performance.now() - saidAt < PROGRESS_MS) return;
    saidAt = performance.now();
    say({ kind: "progress", name, examined, total });
  };
}

const CHECKSUMS = "checksums";

function scan(store: LmdbStore, tick: () => void): CheckResult {
  const faults: StoreFault[] = [];
  let examined = 0;
  let faultCount = 0;
  for (const damaged of store.scan()) {
    examined++;
    tick();
    if (damaged === undefined || ++faultCount > FAULTS_KEPT_MAX) continue;
    faults.push({ table: damaged.table, key: bytesToHex(damaged.key), message: "the row fails its checksum" });
  }
  return { name: CHECKSUMS, examined, faults, faultCount };
}

/** An imported chain says itself which rules it has; without a genesis file its genesis is the one that it has. */
function factsOf(store: LmdbStore, { isGiven, ...given }: GivenFacts): ChainFacts {
  const schedule = readImported(store);
  if (schedule === undefined) return given;
  const stored = isGiven ? undefined : store.get("meta", metaKey("genesis"));
  const genesisHash = stored === undefined ? given.genesisHash : bytesToHex(stored);
  return { ...given, chainId: schedule.chainId, schedule, genesisHash };
}

/** @throws CodedError `INVALID_GENESIS`: held to another chain, a whole database would seem to be damaged */
function requireGenesis(store: LmdbStore, { genesisHash }: ChainFacts): void {
  const stored = store.get("meta", metaKey("genesis"));
  if (stored === undefined || bytesToHex(stored) === genesisHash) return;
  throw new CodedError("INVALID_GENESIS", `the database is of another genesis, ${bytesToHex(stored)}`);
}

function verify(path: string, given: GivenFacts): void {
  const store = openLmdbStore(path, { migrates: false });
  const counts = new Map(store.stats().tables.map(({ name, rows }) => [name, rows]));
  const total = [...counts.values()].reduce((sum, rows) => sum + rows, 0);
  const checksums = scan(store, createTicker(CHECKSUMS, total));
  say({ kind: "result", ...checksums });
  const chain = factsOf(store, given);
  // Otherwise the row itself may be what is damaged.
  if (checksums.faultCount === 0) requireGenesis(store, chain);
  for (const name of Object.keys(CHECKS)) {
    const tick = createTicker(
      name,
      expectedCount(name, (table) => counts.get(table) ?? 0),
    );
    say({ kind: "result", ...runCheck(name, store, chain, tick) });
  }
}

endWithParent();
try {
  verify(argv[2] ?? "", JSON.parse(argv[3] ?? "") as GivenFacts);
} catch (error) {
  const message = reasonOf(error);
  say({ kind: "failure", message, ...(isCodedError(error) ? { code: error.code } : {}) });
}
