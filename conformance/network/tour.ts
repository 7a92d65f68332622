/**
 * A tour in a document, as steps that can be executed: what a comment `tour: …` stands before. Pure.
 *
 *     <!-- tour: terminal 1 -->   the commands run in a terminal of their own until it is stopped
 *     <!-- tour -->               the commands run in the reader's terminal
 *     <!-- tour: repeat -->       the same, and again until the answer is the one shown
 *     <!-- tour: stop 1 -->       terminal 1 is stopped, then the same
 *
 * The block after the commands is what they answer, shortened with `…`.
 */

import assert from "node:assert/strict";

export interface Step {
  /** A new terminal of this name. */
  readonly terminal?: string;
  /** Stopped first. */
  readonly stop?: string;
  readonly repeat: boolean;
  readonly commands: string;
  /** Lines of text, or JSON documents; absent when the document shows no answer. */
  readonly shown?: { readonly kind: "text" | "json"; readonly content: string };
}

const STEP =
  /<!-- tour(?:: (terminal|stop|repeat)(?: (\w+))?)? -->\n```sh\n(.*?)```\n(?:\n```(text|json)\n(.*?)```\n)?/gs;

/** The steps in order. Every comment that begins with `tour` is one. */
export function stepsOf(document: string): readonly Step[] {
  const steps = [...document.matchAll(STEP)].map((match): Step => {
    const [, word, name = "", commands = "", kind, content = ""] = match;
    return {
      ...(word === "terminal" ? { terminal: name } : {}),
      ...(word === "stop" ? { stop: name } : {}),
      repeat: word === "repeat",
      commands,
      ...(kind === undefined ? {} : { shown: { kind: kind as "text" | "json", content } }),
    };
  });
  assert.equal(steps.length, document.split("<!-- tour").length - 1, "a comment of the tour has no commands after it");
  return steps;
}

/** Differs from run to run; its type does not. */
const VARIABLE_NUMBERS: ReadonlySet<string> = new Set(["duration_ms"]);

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Whether `actual` is what `shown` says, where `…` stands for anything. */
export function matchesText(actual: string, shown: string): boolean {
  return new RegExp(`^${shown.split("…").map(escaped).join(".*")}$`).test(actual);
}

/** @throws AssertionError that names the member which is absent or another than shown */
export function assertShown(actual: unknown, shown: unknown, path = "answer"): void {
  const wrong = `${path} is ${JSON.stringify(actual)?.slice(0, 200)}, not ${JSON.stringify(shown)}`;
  if (Array.isArray(shown)) {
    assert.ok(Array.isArray(actual) && actual.length >= shown.length, wrong);
    shown.forEach((item, at) => {
      if (item !== "…") assertShown(actual[at], item, `${path}[${at}]`);
    });
  } else if (typeof shown === "object" && shown !== null) {
    assert.ok(typeof actual === "object" && actual !== null, wrong);
    for (const [key, value] of Object.entries(shown)) {
      assert.ok(Object.hasOwn(actual, key), `${path} has no ${key}`);
      const member: unknown = (actual as Record<string, unknown>)[key];
      if (VARIABLE_NUMBERS.has(key)) assert.equal(typeof member, typeof value, `${path}.${key}`);
      else assertShown(member, value, `${path}.${key}`);
    }
  } else if (typeof shown === "string") {
    assert.ok(typeof actual === "string" && matchesText(actual, shown), wrong);
  } else assert.equal(actual, shown, wrong);
}

/** JSON documents: one over several lines, or one a line. Other lines are passed over. */
export function documentsIn(text: string): readonly unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return text.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as unknown] : []));
  }
}

/** Holds what was printed against what is shown. @throws AssertionError */
export function assertPrinted(printed: string, { kind, content }: NonNullable<Step["shown"]>): void {
  if (kind === "json") {
    const shown = documentsIn(content);
    const actual = documentsIn(printed);
    assert.equal(actual.length, shown.length, `${actual.length} answers instead of ${shown.length}:\n${printed}`);
    shown.forEach((document, at) => {
      assertShown(actual[at], document);
    });
    return;
  }
  const lines = printed.split("\n");
  for (const line of content.trimEnd().split("\n")) {
    assert.ok(
      lines.some((actual) => matchesText(actual, line)),
      `no line like ${JSON.stringify(line)} in:\n${printed}`,
    );
  }
}
