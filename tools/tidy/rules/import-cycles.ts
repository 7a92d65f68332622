import { resolveImport } from "../layers.ts";
import type { Repository, Rule, Source, Violation } from "../rule.ts";

/** No file loads itself by way of others. Type-only imports load nothing, so they make no cycle. */
export const importCycles: Rule = {
  name: "import-cycles",
  check(repository) {
    const search = createSearch(repository);
    for (const source of repository.sources) search.visit(source);
    return search.violations;
  },
};

/** Depth-first search; an import of a file on the present path closes a cycle. */
function createSearch(repository: Repository) {
  const byPath = new Map(repository.sources.map((source) => [source.path, source]));
  const trail: string[] = [];
  const done = new Set<string>();
  const violations: Violation[] = [];

  function visit(source: Source): void {
    if (done.has(source.path)) return;
    trail.push(source.path);
    for (const imported of source.imports) {
      if (!imported.typeOnly) follow(source, imported.specifier, imported.line);
    }
    trail.pop();
    done.add(source.path);
  }

  function follow(source: Source, specifier: string, line: number): void {
    const target = byPath.get(resolveImport(source.path, specifier) ?? "");
    if (target === undefined) return;
    const start = trail.indexOf(target.path);
    if (start === -1) {
      visit(target);
    } else {
      const cycle = [...trail.slice(start), target.path].join(" → ");
      violations.push({ path: source.path, line, message: `import cycle: ${cycle}` });
    }
  }

  return { visit, violations };
}
