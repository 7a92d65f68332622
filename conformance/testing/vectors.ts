/** Folders of vectors of one's own making, for the tests of the suites. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { runConformance } from "../run.ts";
import { SUITES } from "../suites.ts";

const roots: string[] = [];
after(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

/** A fixtures folder with these JSON files. */
export function fixturesOf(files: Readonly<Record<string, unknown>>): string {
  const root = mkdtempSync(join(tmpdir(), "counterpart-vectors-"));
  roots.push(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), typeof content === "string" ? content : JSON.stringify(content));
  }
  return root;
}

/** Runs suites; all of them when none is named. */
export async function runSuites(
  fixtures: string | undefined,
  ...names: string[]
): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await runConformance({ suites: SUITES, fixtures, names, print: (line) => lines.push(line) });
  return { code, lines };
}

/** Runs the single case of a vector and gives the exit code. */
export async function codeOf(file: string, vector: unknown): Promise<number> {
  const suite = file.split("/")[1] ?? "";
  const { code, lines } = await runSuites(fixturesOf({ [file]: { vector } }), suite);
  assert.match(
    lines.at(-1) ?? "",
    code === 0 ? /: 1 passed, 0 failed, 0 skipped$/ : /: 0 passed, 1 failed, 0 skipped$/,
  );
  return code;
}
