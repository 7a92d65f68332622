import {
  isCallExpression,
  isIdentifier,
  isObjectLiteralExpression,
  isPropertyAccessExpression,
  isPropertyAssignment,
  type Node,
} from "typescript/unstable/ast";
import type { Rule, Source, Violation } from "../rule.ts";
import { lineOf, walk } from "../syntax.ts";

const MODIFIERS: ReadonlySet<string> = new Set(["skip", "only", "todo"]);
const RUNNERS: ReadonlySet<string> = new Set(["test", "it", "describe", "suite"]);

/**
 * Every test runs. Conformance suites alone may call `t.skip(reason)`, when their vectors are not on this machine.
 */
export const skippedTests: Rule = {
  name: "skipped-tests",
  check: (repository) => repository.sources.filter((source) => source.isTest).flatMap(checkSource),
};

function checkSource(source: Source): Violation[] {
  const violations: Violation[] = [];
  const mayExplain = source.path.startsWith("conformance/");
  walk(source.tree, (node) => {
    const message = complaint(node, mayExplain);
    if (message !== undefined) violations.push({ path: source.path, line: lineOf(source.tree, node), message });
  });
  return violations;
}

function complaint(node: Node, mayExplain: boolean): string | undefined {
  if (!isCallExpression(node)) return undefined;
  const callee = node.expression;
  if (isIdentifier(callee) && RUNNERS.has(callee.text)) {
    const option = node.arguments.map(skippingOption).find((name) => name !== undefined);
    return option === undefined ? undefined : `the option ${option}: every test runs`;
  }
  if (!isPropertyAccessExpression(callee) || !isIdentifier(callee.name) || !isIdentifier(callee.expression))
    return undefined;
  const [object, method] = [callee.expression.text, callee.name.text];
  if (!MODIFIERS.has(method) || !(RUNNERS.has(object) || object === "t" || object === "context")) return undefined;
  const explained = method === "skip" && !RUNNERS.has(object) && node.arguments.length > 0;
  return explained && mayExplain ? undefined : `${object}.${method}: every test runs`;
}

function skippingOption(node: Node): string | undefined {
  if (!isObjectLiteralExpression(node)) return undefined;
  for (const property of node.properties) {
    if (isPropertyAssignment(property) && isIdentifier(property.name) && MODIFIERS.has(property.name.text)) {
      return property.name.text;
    }
  }
  return undefined;
}
