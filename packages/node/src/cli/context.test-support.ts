/** Commands in a test: run by their words, with what they print kept. */

import type { CommandContext } from "./context.ts";
import { complaintJson, complaintOf, exitCodeOf } from "./exit-code.ts";
import type { Host, HostEvent } from "./host.ts";
import { parseArguments } from "./program.ts";
import { runRequest } from "./run-request.ts";

export interface TestTerminal {
  readonly context: CommandContext;
  readonly out: () => string;
  readonly errors: () => string;
  /** As the system would, by Ctrl-C for instance. */
  signal(event: HostEvent): void;
}

export function createTestTerminal(changes: Partial<CommandContext> = {}): TestTerminal {
  const [out, errors]: [string[], string[]] = [[], []];
  const listeners: [HostEvent, (cause: unknown) => void][] = [];
  const host: Host = {
    print: (text) => void out.push(text),
    printError: (text) => void errors.push(text),
    exit: () => {},
    now: () => performance.now(),
    after: () => {},
    on: (event, listener) => void listeners.push([event, listener]),
    outliveReaders: () => {},
  };
  const context: CommandContext = {
    print: host.print,
    printError: host.printError,
    isTerminal: false,
    isErrorTerminal: false,
    environment: {},
    workingDir: process.cwd(),
    now: host.now,
    wait: async (_ms, signal) => {
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    },
    host,
    ...changes,
  };
  return {
    context,
    out: () => out.join(""),
    errors: () => errors.join(""),
    signal: (asked) => {
      for (const [event, listener] of listeners) if (event === asked) listener(undefined);
    },
  };
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
  /** Standard output as JSON. */
  readonly json: () => Record<string, unknown>;
}

/** Runs a command to its end, as `main` does. */
export async function runCommand(words: readonly string[], terminal = createTestTerminal()): Promise<Ran> {
  const { context } = terminal;
  const run = async (): Promise<number> => {
    try {
      const request = await parseArguments(words, { write: context.print, writeError: context.printError });
      return (request === undefined ? undefined : await runRequest(request, context)) ?? 0;
    } catch (error) {
      context.printError(words.includes("--json") ? complaintJson(error) : complaintOf(error));
      return exitCodeOf(error);
    }
  };
  const code = await run();
  const out = terminal.out();
  return { code, out, errors: terminal.errors(), json: () => JSON.parse(out) as Record<string, unknown> };
}
