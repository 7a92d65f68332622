/**
 * A tour in a document, as steps that can be executed: what a comment `tour: …` stands before. Pure.
 *
 *     <!-- tour: terminal 1 -->   the commands run in a terminal of their own until it is stopped
 *     <!-- tour -->               the commands run in the reader's terminal
 *     <!-- tour: repeat -->       the same, and again until the answer is the one shown
 *     <!-- tour: stop 1 -->       terminal 1 is stopped, then the same
 *     <!-- tour: printed 1 -->    no commands: what terminal 1 has printed by now, or soon does
 *     <!-- tour: file a/b.sol --> no commands: the block is a file that the reader makes
 *
 * The block after the commands is what they answer, shortened with `…`.
 */

import assert from "node:assert/strict";

/** Lines of text, or JSON documents. */
export interface Shown {
  readonly kind: "text" | "json";
  readonly content: string;
}

export interface Step {
  /** A new terminal of this name. */
  readonly terminal?: string;
  /** Stopped first. */
  readonly stop?: string;
  readonly repeat: boolean;
  readonly commands: string;
  /** Absent when the document shows no answer. */
  readonly shown?: Shown;
  /** The terminal that prints what is shown; there are no commands. */
  readonly printed?: string;
  /** Where the commands are to be written instead: they are the text of a file. */
  readonly file?: string;
}

const COMMENT = /<!-- tour(?:: (terminal|stop|repeat|printed|file)(?: ([\w./-]+))?)? -->\n/;
const COMMANDS = /```sh\n(.*?)```\n/;
const ANSWER = /(?:\n```(text|json)\n(.*?)```\n)?/;
const STEP = new RegExp(`${COMMENT.source}(?:${COMMANDS.source}${ANSWER.source}|\`\`\`(\\w+)\\n(.*?)\`\`\`\\n)`, "gs");

function stepOf(match: RegExpExecArray): Step {
  const [, word, name = "", commands, kind, answer = "", language, block = ""] = match;
  assert.equal(commands === undefined, word === "printed" || word === "file", `a block of the wrong kind: ${match[0]}`);
  if (word === "file") return { file: name, repeat: false, commands: block };
  if (word === "printed") {
    assert.equal(language, "text", `a terminal prints text: ${match[0]}`);
    return { printed: name, repeat: false, commands: "", shown: { kind: "text", content: block } };
  }
  return {
    ...(word === "terminal" ? { terminal: name } : {}),
    ...(word === "stop" ? { stop: name } : {}),
    repeat: word === "repeat",
    commands: commands ?? "",
    ...(kind === undefined ? {} : { shown: { kind: kind as Shown["kind"], content: answer } }),
  };
}

/** The steps in order. Every comment that begins with `tour` is one. */
export function stepsOf(document: string): readonly Step[] {
  const steps = [...document.matchAll(STEP)].map(stepOf);
  assert.equal(steps.length, document.split("<!-- tour").length - 1, "a comment of the tour has no block after it");
  return steps;
}

/** Blocks of commands that are no step, so that nobody takes them. */
export function untakenIn(document: string): readonly string[] {
  const taken = new Set(stepsOf(document).map(({ commands }) => commands));
  const blocks = [...document.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands = ""]) => commands);
  return blocks.filter((commands) => !taken.has(commands));
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
export function assertPrinted(printed: string, { kind, content }: Shown): void {
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
