/** What a command has of the process that it runs in. */

import { setTimeout as delay } from "node:timers/promises";
import { createProcessHost, type Host } from "./host.ts";

export interface CommandContext {
  /** On standard output: what was asked for, and nothing else. */
  print(text: string): void;
  /** On standard error: progress, notes. */
  printError(text: string): void;
  /** Whether standard output is a terminal, and standard error. */
  readonly isTerminal: boolean;
  readonly isErrorTerminal: boolean;
  /** Whether there are colours, where somebody has said so. */
  readonly isColored?: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDir: string;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  /** Resolves after so long; rejects when the signal says to end. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  readonly host: Host;
}

export function createProcessContext(): CommandContext {
  const host = createProcessHost();
  return {
    print: host.print,
    printError: host.printError,
    isTerminal: process.stdout.isTTY === true,
    isErrorTerminal: process.stderr.isTTY === true,
    environment: process.env,
    workingDir: process.cwd(),
    now: host.now,
    wait: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
    host,
  };
}

/** Aborted by the first Ctrl-C, SIGTERM, or end of the launcher. */
export function stopSignal({ host }: CommandContext): AbortSignal {
  const controller = new AbortController();
  for (const event of ["SIGINT", "SIGTERM", "parentGone"] as const) host.on(event, () => controller.abort());
  return controller.signal;
}
