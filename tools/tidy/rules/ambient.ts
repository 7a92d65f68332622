/** Finds uses of what a program's surroundings provide: clock, randomness, timers, process, console. */

import { isIdentifier, isNewExpression, type Node } from "typescript/unstable/ast";
import type { Source, Violation } from "../rule.ts";
import { isValueUse, lineOf, memberName, walk } from "../syntax.ts";

const CLOCK_AND_CHANCE: ReadonlySet<string> = new Set([
  "Date.now",
  "Math.random",
  "performance.now",
  "crypto.getRandomValues",
  "crypto.randomUUID",
  "AbortSignal.timeout",
]);
const TIMERS: ReadonlySet<string> = new Set(["setTimeout", "setInterval"]);

/**
 * @param globals further global names that may not be used
 * @param advice what to use instead
 */
export function ambientUses(source: Source, globals: ReadonlySet<string>, advice: string): Violation[] {
  const violations: Violation[] = [];
  walk(source.tree, (node) => {
    const name = ambientName(node, globals);
    if (name === undefined) return;
    violations.push({ path: source.path, line: lineOf(source.tree, node), message: `${name}: ${advice}` });
  });
  return violations;
}

function ambientName(node: Node, globals: ReadonlySet<string>): string | undefined {
  const member = memberName(node);
  if (member !== undefined && CLOCK_AND_CHANCE.has(member)) return member;
  if (isNewExpression(node)) {
    const ofNow = isIdentifier(node.expression) && node.expression.text === "Date" && !node.arguments?.length;
    return ofNow ? "new Date()" : undefined;
  }
  if (!isIdentifier(node) || !isValueUse(node)) return undefined;
  return TIMERS.has(node.text) || globals.has(node.text) ? node.text : undefined;
}
