/** What a suite of official vectors is to the runner. A suite is one file in `suites/`, listed in `suites.ts`. */

import { posix } from "node:path";

export interface Suite {
  /** The folder's name. */
  readonly name: string;
  /** Runs every case found in `folder` and reports each of them once. */
  run(folder: string, report: Report): Promise<void>;
}

/** Takes the outcome of one case; `id` names it in what a person reads: `folder/file: name`. */
export interface Report {
  pass(id: string): void;
  fail(id: string, reason: string): void;
  skip(id: string, reason: string): void;
}

export interface Outcome {
  readonly id: string;
  readonly reason: string;
}

export interface FolderResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface SuiteResult {
  /** By folder below the suite's; "." for its own files. */
  readonly folders: ReadonlyMap<string, FolderResult>;
  readonly passed: number;
  readonly failed: readonly Outcome[];
  readonly skipped: readonly Outcome[];
}

const folderOf = (id: string): string => posix.dirname(id.split(": ")[0] ?? "");

/**
 * Runs a suite. A suite that breaks, or finds no case at all, has failed: silence must never look like success.
 * @param part folder below the suite's whose cases alone count; absent: all count
 */
export async function runSuite(suite: Suite, folder: string, part?: string): Promise<SuiteResult> {
  const failed: Outcome[] = [];
  const skipped: Outcome[] = [];
  const folders = new Map<string, FolderResult>();
  const count = (id: string, kind: keyof FolderResult): void => {
    const folder = folderOf(id);
    const counts = folders.get(folder) ?? { passed: 0, failed: 0, skipped: 0 };
    folders.set(folder, { ...counts, [kind]: counts[kind] + 1 });
  };
  const isWanted = (id: string): boolean => part === undefined || folderOf(id) === part;
  const report: Report = {
    pass(id) {
      if (isWanted(id)) count(id, "passed");
    },
    fail(id, reason) {
      if (!isWanted(id)) return;
      count(id, "failed");
      failed.push({ id, reason });
    },
    skip(id, reason) {
      if (!isWanted(id)) return;
      count(id, "skipped");
      skipped.push({ id, reason });
    },
  };
  const failSuite = (reason: string): void => {
    count(suite.name, "failed");
    failed.push({ id: suite.name, reason });
  };
  try {
    await suite.run(folder, report);
  } catch (error) {
    failSuite(`the suite broke: ${describeError(error)}`);
  }
  if (folders.size === 0) failSuite(part === undefined ? "the folder holds no cases" : `there are no cases of ${part}`);
  const passed = [...folders.values()].reduce((sum, each) => sum + each.passed, 0);
  return { folders, passed, failed, skipped };
}

/** Runs the checks of one case: it passes unless they throw. */
export async function runCase(report: Report, id: string, checks: () => void | Promise<void>): Promise<void> {
  try {
    await checks();
  } catch (error) {
    report.fail(id, describeError(error));
    return;
  }
  report.pass(id);
}

export const describeError = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Ends the case with the reason when the condition does not hold. */
export function check(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new Error(reason);
}
