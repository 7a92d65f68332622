/** The process that a node runs in, as much of it as the command line needs. */

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
  /** `crash` passes what was thrown and caught nowhere. */
  on(event: HostEvent, listener: (cause: unknown) => void): void;
}

export function createProcessHost(): Host {
  ignoreBrokenPipe(process.stdout);
  ignoreBrokenPipe(process.stderr);
  return {
    print: (text) => void process.stdout.write(text),
    printError: (text) => void process.stderr.write(text),
    exit: (code) => process.exit(code),
    now: () => performance.now(),
    after: (delayMs, callback) => void setTimeout(callback, delayMs).unref(),
    on: listen,
  };
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

/** A reader such as `head` that goes away is no reason to end the node. */
function ignoreBrokenPipe(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}
