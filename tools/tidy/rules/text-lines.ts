import type { TextFile } from "../files.ts";
import type { Violation } from "../rule.ts";

/** One violation for each line that matches. */
export function linesMatching(file: TextFile, pattern: RegExp, message: string): Violation[] {
  return file.text
    .split("\n")
    .flatMap((text, index) => (pattern.test(text) ? [{ path: file.path, line: index + 1, message }] : []));
}
