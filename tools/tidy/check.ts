/** Runs the rules over a repository. */

import { readTextFiles, type TextFile } from "./files.ts";
import { withSyntaxTrees } from "./parse.ts";
import { isTestPath, type Repository, type Rule, type Violation } from "./rule.ts";
import { ambientNode } from "./rules/ambient-node.ts";
import { barrels } from "./rules/barrels.ts";
import { fileLength } from "./rules/file-length.ts";
import { functionLength } from "./rules/function-length.ts";
import { importCycles } from "./rules/import-cycles.ts";
import { layerOrder } from "./rules/layer-order.ts";
import { lmdbWrites } from "./rules/lmdb-writes.ts";
import { machinePaths } from "./rules/machine-paths.ts";
import { portableNet } from "./rules/portable-net.ts";
import { pureCore } from "./rules/pure-core.ts";
import { skippedTests } from "./rules/skipped-tests.ts";
import { suppressions } from "./rules/suppressions.ts";
import { unfinished } from "./rules/unfinished.ts";
import { importsOf } from "./syntax.ts";

export const RULES: readonly Rule[] = [
  ambientNode,
  barrels,
  fileLength,
  functionLength,
  importCycles,
  layerOrder,
  lmdbWrites,
  machinePaths,
  portableNet,
  pureCore,
  skippedTests,
  suppressions,
  unfinished,
];

export interface Finding extends Violation {
  readonly rule: string;
}

/** Findings in order of path and line. */
export function checkRepository(root: string, rules: readonly Rule[] = RULES): Finding[] {
  return checkFiles(root, readTextFiles(root), rules);
}

/** As `checkRepository`, over given files instead of those on disk. */
export function checkFiles(root: string, files: readonly TextFile[], rules: readonly Rule[] = RULES): Finding[] {
  return withSyntaxTrees(root, files, (trees) => {
    const sources = files.flatMap((file) => {
      const tree = trees.get(file.path);
      return tree === undefined ? [] : [{ ...file, tree, imports: importsOf(tree), isTest: isTestPath(file.path) }];
    });
    const repository: Repository = { files, sources };
    return rules
      .flatMap((rule) => rule.check(repository).map((found) => ({ rule: rule.name, ...found })))
      .sort(inOrder);
  });
}

function inOrder(a: Finding, b: Finding): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return a.line - b.line;
}
