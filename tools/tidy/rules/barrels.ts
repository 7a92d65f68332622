import { isExportDeclaration, isImportDeclaration, SyntaxKind } from "typescript/unstable/ast";
import type { Rule, Source, Violation } from "../rule.ts";
import { lineOf } from "../syntax.ts";

/** Names are imported from the file that defines them: no `export *`, no files that only re-export, no index files. */
export const barrels: Rule = {
  name: "barrels",
  check: (repository) => repository.sources.flatMap(checkSource),
};

function checkSource(source: Source): Violation[] {
  const violations: Violation[] = [];
  const complain = (line: number, message: string) => violations.push({ path: source.path, line, message });
  let reexports = 0;
  let ownStatements = 0;
  for (const statement of source.tree.statements) {
    if (isExportDeclaration(statement) && statement.moduleSpecifier !== undefined) {
      reexports++;
      const all = statement.exportClause === undefined || statement.exportClause.kind === SyntaxKind.NamespaceExport;
      if (all) complain(lineOf(source.tree, statement), "export names, not *");
    } else if (!isImportDeclaration(statement)) {
      ownStatements++;
    }
  }
  if (reexports > 0 && ownStatements === 0) complain(1, "a file that only re-exports");
  if (/(^|\/)index\.m?ts$/.test(source.path)) complain(1, "an index file: name the file after what it holds");
  return violations;
}
