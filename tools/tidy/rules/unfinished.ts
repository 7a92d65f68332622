import type { Rule } from "../rule.ts";
import { linesMatching } from "./text-lines.ts";

const MARKS = /\b(TO[D]O|FIX[M]E|XX[X])\b/;

/** What is left to do is not written into the code. */
export const unfinished: Rule = {
  name: "unfinished",
  check: (repository) => repository.files.flatMap((file) => linesMatching(file, MARKS, "finish it, or leave it out")),
};
