import { isBuiltin } from "node:module";
import type { Rule, Source, Violation } from "../rule.ts";
import { ambientUses } from "./ambient.ts";

const GLOBALS: ReadonlySet<string> = new Set([
  "process",
  "console",
  "setImmediate",
  "fetch",
  "Buffer",
  "require",
  "__dirname",
  "__filename",
]);

/** Core runs anywhere and always the same: no Node modules, clock, randomness, timers, process or console. */
export const pureCore: Rule = {
  name: "pure-core",
  check: (repository) =>
    repository.sources.filter((it) => it.path.startsWith("packages/core/src/") && !it.isTest).flatMap(checkSource),
};

function checkSource(source: Source): Violation[] {
  const imports = source.imports
    .filter((imported) => isBuiltin(imported.specifier))
    .map(({ line, specifier }) => ({ path: source.path, line, message: `core imports no ${specifier}` }));
  return [...imports, ...ambientUses(source, GLOBALS, "core is pure, take a port")];
}
