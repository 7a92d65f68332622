/**
 * The compiler in a process of its own: standard JSON in, standard JSON out; or a line on why it gave up, without the trace,
 * which names files of this machine. What is imported must be in the input.
 */

import { text } from "node:stream/consumers";

function reasonLine(error: unknown): string {
  const isTooDeep = error instanceof RangeError && error.message.includes("call stack");
  return isTooDeep ? "the source is nested too deeply" : (String(error).split("\n", 1)[0] as string);
}

const input = await text(process.stdin);
try {
  // It needs its memory as soon as it is there.
  const { default: solc } = await import("solc");
  process.stdout.write(solc.compile(input));
} catch (error) {
  process.stderr.write(reasonLine(error));
  process.exitCode = 1;
}
