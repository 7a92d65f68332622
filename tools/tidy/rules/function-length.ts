import { isIdentifier, type Node, type SourceFile, SyntaxKind } from "typescript/unstable/ast";
import type { Rule, Source, Violation } from "../rule.ts";
import { lastLineOf, lineOf, walk } from "../syntax.ts";

const LINES_MAX = 60;
const FACTORY_LINES_MAX = 150;
const FACTORY = /^create[A-Z]/;
/** The dispatch loop of the interpreter: a call for each opcode would cost more than most opcodes do. */
const DISPATCH_LOOP = { path: "packages/core/src/execution/interpreter.ts", name: "run", linesMax: 280 };

const FUNCTIONS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ArrowFunction,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.Constructor,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
]);

/**
 * A function fits on a screen, functions within it included. A factory stands for a class, so those within it, which
 * are held to the limit themselves, count as its methods: the rest of it fits on a screen, and the whole has a limit
 * of its own. Tests tell their story at the length it needs.
 */
export const functionLength: Rule = {
  name: "function-length",
  check: (repository) => repository.sources.filter((source) => !source.isTest).flatMap(checkSource),
};

function checkSource(source: Source): Violation[] {
  const violations: Violation[] = [];
  walk(source.tree, (node) => {
    const message = FUNCTIONS.has(node.kind) ? complaint(source, node) : undefined;
    if (message !== undefined) violations.push({ path: source.path, line: lineOf(source.tree, node), message });
  });
  return violations;
}

function complaint({ path, tree }: Source, node: Node): string | undefined {
  const name = nameOf(node);
  const lines = linesOf(tree, node);
  if (!FACTORY.test(name)) {
    const max = path === DISPATCH_LOOP.path && name === DISPATCH_LOOP.name ? DISPATCH_LOOP.linesMax : LINES_MAX;
    return lines > max ? `${name} has ${lines} lines, of at most ${max}` : undefined;
  }
  if (lines > FACTORY_LINES_MAX) return `${name} has ${lines} lines, of at most ${FACTORY_LINES_MAX}`;
  const own = lines - linesWithin(tree, node);
  return own > LINES_MAX ? `${name} has ${own} lines of its own, of at most ${LINES_MAX}` : undefined;
}

const linesOf = (tree: SourceFile, node: Node): number => lastLineOf(tree, node) - lineOf(tree, node) + 1;

/** Lines of the outermost functions within `node`. */
function linesWithin(tree: SourceFile, node: Node): number {
  let lines = 0;
  node.forEachChild((child) => {
    lines += FUNCTIONS.has(child.kind) ? linesOf(tree, child) : linesWithin(tree, child);
  });
  return lines;
}

function nameOf(node: Node): string {
  for (const named of [node, node.parent]) {
    if ("name" in named && isNode(named.name) && isIdentifier(named.name)) return named.name.text;
  }
  return "a function";
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "kind" in value;
