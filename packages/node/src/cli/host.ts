/** The process that a node runs in, as much of it as the command line needs. */

import { writeSync } from "node:fs";
import { EXIT } from "./exit-code.ts";

export type HostEvent = "SIGINT" | "SIGTERM" | "parentGone" | "crash";

export interface Host {
  print(text: string): void;
  printError(text: string): void;
  /** Ends the process at once. */
  exit(code: number): void;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  /** Calls back after `delayMs` unless the process has ended before; does not keep it running. */
  after(delayMs: number, callback: () => void): void;
  /** `crash` passes what was thrown and caught nowhere; `parentGone` is the end of the launcher. */
  on(event: HostEvent, listener: (cause: unknown) => void): void;
  /** From now on the process goes on where what it prints cannot be written, as a node does; a command ends. */
  outliveReaders(): void;
}

export function createProcessHost(): Host {
  let outlivesReaders = false;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (!outlivesReaders) endUnread(error);
    // Once.
    outlivesReaders = true;
  });
  // Notes that nobody reads end nothing.
  process.stderr.on("error", () => {});
  // A file that may not grow is an error of the write. The lock file's library would end the process at this signal.
  if (process.platform !== "win32") process.on("SIGXFSZ", () => {});
  return {
    print: (text) => void process.stdout.write(text),
    printError: (text) => void process.stderr.write(text),
    exit: (code) => process.exit(code),
    now: () => performance.now(),
    after: (delayMs, callback) => void setTimeout(callback, delayMs).unref(),
    on: listen,
    outliveReaders() {
      outlivesReaders = true;
    },
  };
}

/** A command ends when nobody reads its output any more, such as `head`, or where there is no room for it. */
function endUnread({ code, message }: NodeJS.ErrnoException): void {
  const isReaderGone = code === "EPIPE";
  if (!isReaderGone) {
    try {
      writeSync(2, `counterpart: standard output cannot be written: ${message}\n`);
    } catch {
      // Nor can this.
    }
  }
  // Whoever hears the signal takes away what is not whole.
  if (!process.emit("SIGTERM", "SIGTERM")) process.exit(isReaderGone ? EXIT.unread : EXIT.failure);
}

function listen(event: HostEvent, listener: (cause: unknown) => void): void {
  if (event === "crash") {
    process.on("uncaughtException", listener);
    process.on("unhandledRejection", listener);
  } else if (event === "parentGone") {
    process.on("disconnect", () => listener(undefined));
    process.channel?.unref();
  } else {
    process.on(event, listener);
  }
}
