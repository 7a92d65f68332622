/** The text files that are ours: everything in the repository but what is installed, built or ignored. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

export interface TextFile {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly text: string;
}

const SKIPPED_FOLDERS = new Set(["node_modules", "dist", "data", "coverage", ".git", ".cache"]);
const SKIPPED_PATHS = new Set(["tools/tidy/fixtures", "contracts/artifacts", "package-lock.json"]);
const TEXT = /\.(ts|mts|cts|js|mjs|cjs|json|md|sh|sol|ya?ml|toml|txt)$/;
const TEXT_WITHOUT_SUFFIX = new Set([".ci/run", "LICENSE", "NOTICE", ".gitignore"]);

/** Files of the rules' examples end so, which keeps the test runner, the type checker and the linter away from them. */
const FIXTURE_SUFFIX = ".fixture";

/** Reads every text file below `root`; a file `x.ts.fixture` counts as `x.ts`. */
export function readTextFiles(root: string): TextFile[] {
  const files: TextFile[] = [];
  collect(root, root, files);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function collect(root: string, folder: string, files: TextFile[]): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const full = join(folder, entry.name);
    const path = relative(root, full).split(sep).join("/").replace(FIXTURE_SUFFIX, "");
    if (SKIPPED_PATHS.has(path)) continue;
    if (entry.isDirectory()) {
      if (!SKIPPED_FOLDERS.has(entry.name)) collect(root, full, files);
    } else if (entry.isFile() && (TEXT.test(path) || TEXT_WITHOUT_SUFFIX.has(path))) {
      files.push({ path, text: readFileSync(full, "utf8") });
    }
  }
}
