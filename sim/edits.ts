/** Changes of one place of one source each, made while the program is loaded. */

import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

export interface Edit {
  /** Relative to the repository's root. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

const ROOT = new URL("../", import.meta.url);

/** A file's text with all its edits. @throws when the place of one is not there exactly once */
export function sourceWith(file: string, edits: readonly Edit[]): string {
  let source = readFileSync(new URL(file, ROOT), "utf8");
  for (const { find, replace } of edits) {
    const places = source.split(find).length - 1;
    if (places !== 1) throw new Error(`${JSON.stringify(find)} is ${places} times in ${file}`);
    source = source.replace(find, () => replace);
  }
  return source;
}

/** Loads the files with their edits in them, from now on in this process. */
export function loadWith(edits: readonly Edit[]): void {
  const sources = new Map<string, string>();
  for (const [file, own] of Map.groupBy(edits, ({ file }) => file)) {
    sources.set(new URL(file, ROOT).href, sourceWith(file, own));
  }
  registerHooks({
    load(url, context, next) {
      const source = sources.get(url);
      return source === undefined ? next(url, context) : { format: "module-typescript", source, shortCircuit: true };
    },
  });
}
