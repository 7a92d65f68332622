import { heightOf, type Place, PORTS, placeOf, resolveImport } from "../layers.ts";
import { isTestPath, type Rule, type Source, type Violation } from "../rule.ts";
import type { Import } from "../syntax.ts";

/**
 * A layer imports only lower layers. Tests may import any layer of the packages, except that core never knows node.
 */
export const layerOrder: Rule = {
  name: "layer-order",
  check: (repository) => repository.sources.flatMap(checkSource),
};

function checkSource(source: Source): Violation[] {
  const from = placeOf(source.path);
  if (from === undefined) return [];
  const violations: Violation[] = [];
  if (from.layer !== PORTS && heightOf(from) === undefined && !source.isTest) {
    violations.push({ path: source.path, line: 1, message: `${from.package}/${from.layer} is in no layer` });
  }
  for (const imported of source.imports) {
    const message = complaint(source, from, imported);
    if (message !== undefined) violations.push({ path: source.path, line: imported.line, message });
  }
  return violations;
}

function complaint(source: Source, from: Place, imported: Import): string | undefined {
  const target = resolveImport(source.path, imported.specifier);
  if (target === undefined || !target.endsWith(".ts")) return undefined;
  const to = placeOf(target);
  if (from.package === "core" && to?.package === "node") return "core never imports node";
  if (source.isTest) return undefined;
  if (isTestPath(target)) return "only tests import tests";
  if (to === undefined) return "the source of a package imports nothing outside the packages";
  if (from.package === to.package) return sidewaysOrUp(from, to, imported);
  return imported.specifier.startsWith(".") ? "import core by its name, as @counterpart/core/…" : undefined;
}

function sidewaysOrUp(from: Place, to: Place, imported: Import): string | undefined {
  if (!imported.specifier.startsWith(".")) return "import within a package by relative path";
  if (from.layer === to.layer) return undefined;
  if (from.package === "core" && to.layer === PORTS)
    return imported.typeOnly ? undefined : "import ports as types only";
  if (from.layer === PORTS) return to.layer === "base" && imported.typeOnly ? undefined : "ports import types of base";
  const [height, target] = [heightOf(from), heightOf(to)];
  if (height === undefined || target === undefined || target < height) return undefined;
  return target === height
    ? `${from.layer} and ${to.layer} are side by side and never import each other`
    : `${from.layer} is below ${to.layer}`;
}
