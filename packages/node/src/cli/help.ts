/** What stands below the flags in the help of a command. */

import type { CommandGrammar } from "./command.ts";

const COLUMNS = 100;

/** Words in lines of a terminal's width. */
function wrapped(paragraph: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].join("\n");
}

export function helpText({
  details = [],
  examples,
  exits,
}: Pick<CommandGrammar, "details" | "examples" | "exits">): string {
  const paragraphs = details.map((paragraph) => `\n${wrapped(paragraph)}\n`).join("");
  const shown = examples.map((example) => `  ${example}\n`).join("");
  const codes = exits.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}\n`).join("");
  return `${paragraphs}\nExamples:\n${shown}\nExit codes:\n${codes}`;
}
