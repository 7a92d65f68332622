/** A Solidity file with everything that it imports, as the node's compiler takes them: the node reads no files itself. */

import { existsSync } from "node:fs";
import { dirname, join, posix, relative, resolve } from "node:path";
import { invalidConfig } from "../invalid-config.ts";
import { readTextFile } from "./artifact-file.ts";

/** Of the API. */
const FILES_MAX = 256;

const ADVICE = "give the folder that it is in with --include-path";

export interface Sources {
  /** The compiler's name of the file that was given. */
  readonly main: string;
  /** Text by the path that it is imported by. */
  readonly sources: Readonly<Record<string, string>>;
}

/** Comments and strings first, so that an import in a comment is none and a comment in a string is none. */
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|\bimport\b[^;'"]*(?:"([^"\n]+)"|'([^'\n]+)')|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

/** Paths that a source imports, as they are written. */
export const importsOf = (source: string): readonly string[] =>
  [...source.matchAll(TOKEN)].flatMap(([, double, single]) => double ?? single ?? []);

/** The name of an imported file: relative ones start from the importing file's, as the compiler has it. */
const nameOf = (importer: string, written: string): string =>
  /^\.\.?\//.test(written) ? posix.normalize(posix.join(posix.dirname(importer), written)) : written;

/** Whether a path leads above the folder that it starts from, however it is written. */
const leadsAbove = (path: string): boolean => /^\.\.(\/|$)/.test(posix.normalize(path));

/** Where a package's file can be: beside the folder that was named, or in a `node_modules` on the way up. */
function findFile(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** A folder and those above it, nearest first. */
function withAbove(folder: string): readonly string[] {
  const above = dirname(folder);
  return [folder, ...(above === folder ? [] : withAbove(above))];
}

const modulesAbove = (folder: string): readonly string[] => withAbove(folder).map((at) => join(at, "node_modules"));

/** The file's folder, and those above it that belong to the folder of the command or to one that was given. */
function rootsOf(folder: string, given: readonly string[]): readonly string[] {
  const [, ...above] = withAbove(folder);
  const isWithin = (root: string): boolean => given.some((outermost) => withAbove(root).includes(outermost));
  return [folder, ...above.filter(isWithin)];
}

interface Collected extends Sources {
  /** An import that leads above the root, where there is one: then not everything is there. */
  readonly above?: string;
}

/**
 * Follows the imports of a file, whose name is its path from the root.
 * @throws CodedError `INVALID_CONFIG`
 */
function collect(path: string, root: string, folders: readonly string[], workingDir: string): Collected {
  const main = relative(root, path);
  const sources = new Map([[main, readTextFile(path, workingDir)]]);
  for (const [name, text] of sources) {
    for (const written of importsOf(text)) {
      const wanted = nameOf(name, written);
      if (sources.has(wanted)) continue;
      if (leadsAbove(wanted)) return { main, sources: {}, above: `${name} imports ${written}` };
      const found = findFile(wanted, [root, ...folders]);
      if (found === undefined) throw invalidConfig(`${name} imports ${written}, which is not found; ${ADVICE}`);
      sources.set(wanted, readTextFile(found, workingDir));
      if (sources.size > FILES_MAX) throw invalidConfig(`${path} imports more than ${FILES_MAX} files`);
    }
  }
  return { main, sources: Object.fromEntries(sources) };
}

/**
 * @param includePaths further folders to look for imported files in
 * @throws CodedError `INVALID_CONFIG` when a file is missing, or there are more than the node takes
 */
export function readSources(path: string, includePaths: readonly string[], workingDir: string): Sources {
  const whole = resolve(workingDir, path);
  const given = [...includePaths.map((folder) => resolve(workingDir, folder)), workingDir];
  const folders = [...given, ...modulesAbove(dirname(whole)), ...modulesAbove(workingDir)];
  let above: string | undefined;
  for (const root of rootsOf(dirname(whole), given)) {
    const collected = collect(whole, root, folders, workingDir);
    if (collected.above === undefined) return collected;
    above = collected.above;
  }
  throw invalidConfig(`${above}, which lies above the folders that are looked in; ${ADVICE}`);
}
