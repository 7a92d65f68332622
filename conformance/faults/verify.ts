/** What the database of a node that is gone holds, and whether it is whole. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface Verdict {
  /** Rows and relations looked at. */
  readonly examined: number;
  readonly faults: readonly string[];
  /** Hash of the canonical block 1, which tells two histories apart. */
  readonly first: string | null;
  readonly height: number;
  /** Rows of a branch that was executed and not switched to. */
  readonly staged: number;
  /** Transactions in the pool's journal. */
  readonly pending: number;
  /** Deployments whose artifact was not written yet. */
  readonly drafts: number;
  readonly side: number;
}

const CHILD = fileURLToPath(new URL("./verify-child.ts", import.meta.url));
const TIMEOUT_MS = 120_000;

/** Checks the whole store: the state root recomputed from the flat state, every block, every index. */
export async function verify(dataDir: string): Promise<Verdict> {
  const database = join(dataDir, "chain.mdb");
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, database], { timeout: TIMEOUT_MS });
  return JSON.parse(stdout) as Verdict;
}

/** As `verify`, and insists that nothing is wrong. */
export async function verifyWhole(dataDir: string): Promise<Verdict> {
  const verdict = await verify(dataDir);
  assert.deepEqual(verdict.faults, [], dataDir);
  assert.ok(verdict.examined > 0);
  return verdict;
}
