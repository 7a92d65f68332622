/** The cost of attacks, for people to read. */

import type { Cost } from "./judge.ts";

const KIB = 1_024;
const kib = (bytes: number): string => (bytes / KIB).toFixed(0);
const mib = (bytes: number): string => (bytes / KIB / KIB).toFixed(1);

export const lineOf = ({ grownBytes, writtenBytes, peakBytes, contractMs }: Cost): string =>
  `file ${kib(grownBytes)} KiB larger, ${kib(writtenBytes)} KiB written, memory ${mib(peakBytes)} MiB higher at the ` +
  `peak, an honest contract came in ${contractMs} ms`;

const COLUMNS = ["file KiB", "written KiB", "peak MiB", "contract ms", "attack"];
const WIDTH = 12;

const toRow = (cells: readonly string[]): string =>
  cells.map((cell, column) => (column < COLUMNS.length - 1 ? cell.padStart(WIDTH) : `  ${cell}`)).join("");

export const HEADING = toRow(COLUMNS);

/** A line of the table. */
export const rowOf = (name: string, { grownBytes, writtenBytes, peakBytes, contractMs }: Cost): string =>
  toRow([kib(grownBytes), kib(writtenBytes), mib(peakBytes), String(contractMs), name]);
