/** Colours, where somebody looks who can see them and has not asked for none (https://no-color.org). */

import type { CommandContext } from "../context.ts";

export type Paint = (text: string) => string;

export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
}

const painted =
  (open: number, close: number): Paint =>
  (text) =>
    text === "" ? "" : `\x1b[${open}m${text}\x1b[${close}m`;
const plain: Paint = (text) => text;

export const PLAIN: Style = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain };
const COLOURED: Style = {
  bold: painted(1, 22),
  dim: painted(2, 22),
  red: painted(31, 39),
  green: painted(32, 39),
  yellow: painted(33, 39),
};

export function styleOf(context: Pick<CommandContext, "isTerminal" | "environment" | "isColored">): Style {
  const { isTerminal, environment } = context;
  const isRefused = (environment.NO_COLOR ?? "") !== "" || environment.TERM === "dumb";
  const { isColored = isTerminal && !isRefused } = context;
  return isColored ? COLOURED : PLAIN;
}
