/** How a command shows what it has found out: as one JSON document to programs, in words to people. */

import type { CommandContext } from "../context.ts";
import { type Style, styleOf } from "./style.ts";

export function printAnswer(
  context: CommandContext,
  json: boolean | undefined,
  answer: object,
  words: (style: Style) => string,
): void {
  context.print(json === true ? `${JSON.stringify(answer)}\n` : words(styleOf(context)));
}
