/** A Solidity file with everything that it imports, as the node's compiler takes them: the node reads no files itself. */

import { existsSync } from "node:fs";
import { basename, dirname, join, posix, resolve } from "node:path";
import { CodedError } from "@counterpart/core/base/errors";
import { readTextFile } from "./artifact-file.ts";

/** Of the API. */
const FILES_MAX = 256;

/** Text by the path that it is imported by. */
export type Sources = Readonly<Record<string, string>>;

const invalid = (message: string): CodedError => new CodedError("INVALID_CONFIG", message);

/** Comments and strings first, so that an import in a comment is none and a comment in a string is none. */
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|\bimport\b[^;'"]*(?:"([^"\n]+)"|'([^'\n]+)')|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

/** Paths that a source imports, as they are written. */
export const importsOf = (source: string): readonly string[] =>
  [...source.matchAll(TOKEN)].flatMap(([, double, single]) => double ?? single ?? []);

/** The name of an imported file: relative ones start from the importing file's, as the compiler has it. */
const nameOf = (importer: string, written: string): string =>
  /^\.\.?\//.test(written) ? posix.normalize(posix.join(posix.dirname(importer), written)) : written;

/** Where a package's file can be: beside the folder that was named, or in a `node_modules` on the way up. */
function findFile(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** `node_modules` of a folder and of those above it, nearest first. */
function modulesAbove(folder: string): readonly string[] {
  const above = dirname(folder);
  return [join(folder, "node_modules"), ...(above === folder ? [] : modulesAbove(above))];
}

const foldersFor = (root: string, includePaths: readonly string[], workingDir: string): readonly string[] => [
  root,
  ...includePaths.map((path) => resolve(workingDir, path)),
  workingDir,
  ...modulesAbove(root),
  ...modulesAbove(workingDir),
];

/**
 * @param includePaths further folders to look for imported files in
 * @throws CodedError `INVALID_CONFIG` when a file is missing, or there are more than the node takes
 */
export function readSources(path: string, includePaths: readonly string[], workingDir: string): Sources {
  const whole = resolve(workingDir, path);
  const folders = foldersFor(dirname(whole), includePaths, workingDir);
  const main = basename(whole);
  const sources = new Map<string, string>([[main, readTextFile(whole, workingDir)]]);
  for (const [name, text] of sources) {
    for (const written of importsOf(text)) {
      const wanted = nameOf(name, written);
      if (sources.has(wanted)) continue;
      const found = wanted.startsWith("..") ? undefined : findFile(wanted, folders);
      if (found === undefined) {
        throw invalid(
          `${name} imports ${written}, which is not found; give the folder that it is in with --include-path`,
        );
      }
      sources.set(wanted, readTextFile(found, workingDir));
      if (sources.size > FILES_MAX) throw invalid(`${path} imports more than ${FILES_MAX} files`);
    }
  }
  return Object.fromEntries(sources);
}
