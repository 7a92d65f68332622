/** Aligned columns, and text from elsewhere made safe for a terminal. */

import { stripVTControlCharacters } from "node:util";
import type { Style } from "./style.ts";

/** Escape sequences, line ends and marks that turn the direction of text: a name must not draw on the terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** Text that somebody else chose, with everything in it visible. */
export const printable = (text: string): string => text.replace(UNPRINTABLE, escaped);

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Columns of a terminal that a text takes, colours left out. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (/\p{M}/u.test(character)) continue;
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

const padded = (text: string, width: number, isRight: boolean): string => {
  const space = " ".repeat(Math.max(0, width - widthOf(text)));
  return isRight ? space + text : text + space;
};

export interface Column {
  readonly title: string;
  /** For numbers. */
  readonly isRight?: boolean;
}

/** Lines with a header; the empty text when there are no rows. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[], style: Style): string {
  if (rows.length === 0) return "";
  const widths = columns.map(({ title }, at) => Math.max(widthOf(title), ...rows.map((row) => widthOf(row[at] ?? ""))));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => padded(cell, widths[at] ?? 0, columns[at]?.isRight === true))
      .join("  ")
      .trimEnd();
  const header = style.dim(line(columns.map(({ title }) => title.toUpperCase())));
  return `${[header, ...rows.map(line)].join("\n")}\n`;
}

/** Names and values, one pair a line; pairs without a value are left out. */
export function renderFields(pairs: readonly (readonly [string, string | undefined])[], style: Style): string {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => widthOf(name)));
  return shown.map(([name, value]) => `${style.dim(padded(name, width, false))}  ${value}\n`).join("");
}
