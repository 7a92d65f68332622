import type { Rule } from "../rule.ts";
import { linesMatching } from "./text-lines.ts";

const MARKS = /@ts-(ignore|expect-error|nocheck)|biome-ignor[e]|eslint-disabl[e]/;

/** A complaint of a tool is answered, not silenced. */
export const suppressions: Rule = {
  name: "suppressions",
  check: (repository) =>
    repository.sources
      .filter((source) => source.path !== "tools/tidy/rules/suppressions.ts")
      .flatMap((source) => linesMatching(source, MARKS, "answer the complaint instead of silencing it")),
};
