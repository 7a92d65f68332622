/** `npm run conformance [-- suite[/folder] …]`, apart from the process around it. */

import { findFixtures } from "./fixtures.ts";
import { type FolderResult, type Outcome, runSuite, type Suite, type SuiteResult } from "./suite.ts";

/** Lines printed for each kind of outcome of a suite; the count tells how many there are. */
const LINES_MAX = 100;

export interface ConformanceRun {
  /** Every suite that the project supports. */
  readonly suites: readonly Suite[];
  /** Value of the environment variable that names the fixtures' folder. */
  readonly fixtures: string | undefined;
  /** Names of suites to run, or `suite/folder` for the cases of one of its folders; none: all. */
  readonly names: readonly string[];
  print(line: string): void;
}

/**
 * Runs suites and says what it ran, what it skipped and what it found and does not support.
 * @returns the exit code: 0, or 1 after a failure or when an unknown suite was asked for
 */
export async function runConformance(run: ConformanceRun): Promise<0 | 1> {
  const { suites, names, print } = run;
  const known = suites.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(suiteOf(name)));
  for (const name of unknown) print(`unknown suite ${name}; supported: ${known.join(", ")}`);
  if (unknown.length > 0) return 1;

  const chosen = chosenOf(suites, names);
  const fixtures = findFixtures(run.fixtures);
  if (!fixtures.present) {
    print(`${fixtures.reason}; skipped: ${chosen.map(({ name }) => name).join(", ")}`);
    return 0;
  }
  let failures = 0;
  for (const { suite, name, part } of chosen) {
    const folder = fixtures.folders.get(suite.name);
    if (folder === undefined) print(`${name}: skipped, its folder is absent`);
    else failures += printResult(name, await runSuite(suite, folder, part), print);
  }
  const unsupported = [...fixtures.folders.keys()].filter((name) => !known.includes(name));
  if (unsupported.length > 0) print(`found and not supported: ${unsupported.join(", ")}`);
  return failures > 0 ? 1 : 0;
}

interface Choice {
  readonly suite: Suite;
  /** As it was asked for. */
  readonly name: string;
  readonly part?: string;
}

const suiteOf = (name: string): string => name.split("/")[0] ?? "";

/** In the order of the suites; what is named twice, once. */
function chosenOf(suites: readonly Suite[], names: readonly string[]): Choice[] {
  if (names.length === 0) return suites.map((suite) => ({ suite, name: suite.name }));
  return suites.flatMap((suite) =>
    [...new Set(names)]
      .filter((name) => suiteOf(name) === suite.name)
      .map((name) =>
        name === suite.name ? { suite, name } : { suite, name, part: name.slice(suite.name.length + 1) },
      ),
  );
}

function printResult(name: string, result: SuiteResult, print: (line: string) => void): number {
  const { folders, passed, failed, skipped } = result;
  printOutcomes("failed", failed, print);
  printOutcomes("skipped", skipped, print);
  if (folders.size > 1) for (const [folder, counts] of folders) printFolder(folder, counts, print);
  print(`${name}: ${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
  return failed.length;
}

function printFolder(folder: string, { passed, failed, skipped }: FolderResult, print: (line: string) => void): void {
  print(`  ${folder}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
}

function printOutcomes(kind: string, outcomes: readonly Outcome[], print: (line: string) => void): void {
  for (const { id, reason } of outcomes.slice(0, LINES_MAX)) print(`  ${kind}: ${id}: ${reason}`);
  if (outcomes.length > LINES_MAX) print(`  ${kind}: ${outcomes.length - LINES_MAX} more`);
}
