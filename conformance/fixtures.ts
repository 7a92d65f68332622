/** The folder of official vectors, which is not part of the project, and the suites that are in it. */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Names the folder. */
export const FIXTURES_VARIABLE = "COUNTERPART_FIXTURES";

/** A folder whose subfolders are suites; any other folder beside it is one suite. */
const COLLECTION = "ethereum-tests";

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

export type Fixtures =
  | { readonly present: true; readonly folders: ReadonlyMap<string, string> }
  | { readonly present: false; readonly reason: string };

function subfolders(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith(".") && isFolder(join(folder, name)))
    .sort();
}

/**
 * The suites' folders by suite name.
 * @param folder value of the environment variable
 */
export function findFixtures(folder: string | undefined): Fixtures {
  if (!folder) return { present: false, reason: `${FIXTURES_VARIABLE} is not set` };
  if (!isFolder(folder)) return { present: false, reason: `${FIXTURES_VARIABLE} names no folder: ${folder}` };
  const folders = new Map<string, string>();
  for (const name of subfolders(folder)) {
    if (name !== COLLECTION) folders.set(name, join(folder, name));
    else for (const suite of subfolders(join(folder, name))) folders.set(suite, join(folder, name, suite));
  }
  return { present: true, folders };
}
