/** What the rules ask of a syntax tree. */

import {
  isCallExpression,
  isExportDeclaration,
  isIdentifier,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isPropertyAccessExpression,
  isStringLiteral,
  type Node,
  type SourceFile,
  SyntaxKind,
} from "typescript/unstable/ast";

export interface Import {
  readonly specifier: string;
  /** 1-based. */
  readonly line: number;
  /** Erased by type stripping, so that nothing is loaded at run time. */
  readonly typeOnly: boolean;
}

/** Calls `visit` for every node, parents first. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

/** 1-based line on which a node starts, comments before it left out. */
export function lineOf(tree: SourceFile, node: Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

/** 1-based line on which a node ends. */
export function lastLineOf(tree: SourceFile, node: Node): number {
  return tree.getLineAndCharacterOfPosition(node.getEnd()).line + 1;
}

/** Imports, re-exports, `import()` calls and `import()` types with a literal specifier. */
export function importsOf(tree: SourceFile): Import[] {
  const imports: Import[] = [];
  walk(tree, (node) => {
    const found = importOf(node);
    if (found !== undefined) imports.push({ ...found, line: lineOf(tree, node) });
  });
  return imports;
}

function importOf(node: Node): Omit<Import, "line"> | undefined {
  if (isImportDeclaration(node)) {
    return literal(node.moduleSpecifier, node.importClause?.phaseModifier === SyntaxKind.TypeKeyword);
  }
  if (isExportDeclaration(node)) return literal(node.moduleSpecifier, node.isTypeOnly);
  if (isImportTypeNode(node)) {
    return isLiteralTypeNode(node.argument) ? literal(node.argument.literal, true) : undefined;
  }
  if (isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword) {
    return literal(node.arguments[0], false);
  }
  return undefined;
}

function literal(node: Node | undefined, typeOnly: boolean): Omit<Import, "line"> | undefined {
  return node !== undefined && isStringLiteral(node) ? { specifier: node.text, typeOnly } : undefined;
}

/** `Date.now` of the node `Date.now`, also with `globalThis.` before it; undefined for anything else. */
export function memberName(node: Node): string | undefined {
  if (!isPropertyAccessExpression(node) || !isIdentifier(node.name)) return undefined;
  const object = node.expression;
  if (isIdentifier(object)) return `${object.text}.${node.name.text}`;
  const inner = memberName(object);
  return inner?.startsWith("globalThis.") ? `${inner.slice("globalThis.".length)}.${node.name.text}` : undefined;
}

/** Whether an identifier is used as a value of that name, not as a property's or declaration's name. */
export function isValueUse(node: Node): boolean {
  const parent = node.parent;
  if (isPropertyAccessExpression(parent)) {
    return parent.expression === node || (isIdentifier(parent.expression) && parent.expression.text === "globalThis");
  }
  return !("name" in parent && parent.name === node) && !NO_USE.has(parent.kind);
}

const NO_USE: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.TypeReference,
  SyntaxKind.TypeQuery,
  SyntaxKind.QualifiedName,
  SyntaxKind.ImportSpecifier,
  SyntaxKind.ExportSpecifier,
]);
