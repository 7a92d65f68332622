import {
  type CallExpression,
  isArrowFunction,
  isCallExpression,
  isFunctionExpression,
  isIdentifier,
  isPropertyAccessExpression,
  type Node,
} from "typescript/unstable/ast";
import type { Rule, Source, Violation } from "../rule.ts";
import { lineOf, walk } from "../syntax.ts";

/** Commit what was put before a throw, or interleave other writes; only transactionSync and childTransaction do not. */
const NON_ATOMIC: ReadonlySet<string> = new Set([
  "transaction",
  "transactionAsync",
  "batch",
  "ifNoExists",
  "ifVersion",
]);

/**
 * A failed LMDB write leaves nothing behind: the calls that break this are banned where LMDB is at hand, and anywhere
 * when they are given a function. The database is at hand in the store's files only.
 */
export const lmdbWrites: Rule = {
  name: "lmdb-writes",
  check: (repository) => repository.sources.flatMap(checkSource),
};

function checkSource(source: Source): Violation[] {
  const violations: Violation[] = [];
  const complain = (line: number, message: string) => violations.push({ path: source.path, line, message });
  const lmdbImport = source.imports.find((imported) => imported.specifier === "lmdb");
  const inStore = source.path.startsWith("packages/node/src/store/");
  if (lmdbImport !== undefined && !inStore && !source.isTest && source.path.startsWith("packages/")) {
    complain(lmdbImport.line, "only the store knows LMDB");
  }
  const atHand = inStore || lmdbImport !== undefined;
  walk(source.tree, (node) => {
    const name = nonAtomicCall(node, atHand);
    if (name !== undefined) complain(lineOf(source.tree, node), `${name} is not atomic: use transactionSync`);
  });
  return violations;
}

function nonAtomicCall(node: Node, atHand: boolean): string | undefined {
  if (!isCallExpression(node) || !isPropertyAccessExpression(node.expression)) return undefined;
  const method = node.expression.name;
  if (!isIdentifier(method) || !NON_ATOMIC.has(method.text)) return undefined;
  return atHand || takesFunction(node) ? `.${method.text}()` : undefined;
}

function takesFunction(call: CallExpression): boolean {
  return call.arguments.some((argument) => isArrowFunction(argument) || isFunctionExpression(argument));
}
