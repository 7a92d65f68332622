import type { Rule, Source, Violation } from "../rule.ts";
import { ambientUses } from "./ambient.ts";

/** The files that give the rest its clock, randomness and output, or are the process itself. */
const ALLOWED = /^packages\/node\/src\/(cli\/|app\.ts$|telemetry\/runtime\.ts$)/;
const ADVICE = "take the Clock, Random or Logger port";
const GLOBALS: ReadonlySet<string> = new Set(["console"]);

/** Time, chance and output reach the node's parts through ports, so that a simulation can replace them. */
export const ambientNode: Rule = {
  name: "ambient-node",
  check: (repository) =>
    repository.sources
      .filter((it) => it.path.startsWith("packages/node/src/") && !it.isTest && !ALLOWED.test(it.path))
      .flatMap(checkSource),
};

function checkSource(source: Source): Violation[] {
  const timers = source.imports
    .filter((imported) => imported.specifier.startsWith("node:timers"))
    .map(({ line, specifier }) => ({ path: source.path, line, message: `${specifier}: ${ADVICE}` }));
  return [...timers, ...ambientUses(source, GLOBALS, ADVICE)];
}
