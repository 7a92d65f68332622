/** What functions return and events say, for people. */

import type { Style } from "../render/style.ts";
import { printable } from "../render/table.ts";

/** A value as it is written on the command line: text without quotes, everything else as JSON. */
export const valueText = (value: unknown): string =>
  printable(typeof value === "string" ? value : JSON.stringify(value));

/** A result: one value, or a line for each named one. */
export function renderResult(result: unknown): string {
  if (result === null) return "";
  if (typeof result !== "object" || Array.isArray(result)) return `${valueText(result)}\n`;
  return Object.entries(result)
    .map(([name, value]) => `${printable(name)}=${valueText(value)}\n`)
    .join("");
}

export interface LogAnswer {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly event: string | null;
  readonly args: unknown;
}

/** One line for each event: `Transfer from=0x… to=0x… value=1000`. */
export function renderLogs(logs: readonly LogAnswer[], style: Style): string {
  return logs
    .map(({ address, event, args, topics }) => {
      if (event === null) return `  ${style.dim(address)} ${topics[0] ?? "(no topic)"}\n`;
      const named = typeof args === "object" && args !== null ? Object.entries(args) : [];
      return `  ${[style.bold(printable(event)), ...named.map(([name, value]) => `${printable(name)}=${valueText(value)}`)].join(" ")}\n`;
    })
    .join("");
}
