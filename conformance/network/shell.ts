/** The terminals of a tour: one that answers command by command, and others in which a program runs until it is stopped. */

import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";

/** Longer than any command of a tour takes, shorter than a test may. */
const COMMANDS_SECONDS_MAX = 60;
const END = "-- these commands have ended --";

export interface ShellOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Collects what a process prints, and tells who waits for it. */
class Output {
  text = "";
  #waiting = new Set<() => void>();

  constructor(child: ChildProcessWithoutNullStreams) {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        this.text += part;
        this.#wake();
      });
    }
    child.on("close", () => this.#wake());
  }

  /** Resolves with the first thing that `pick` finds; rejects when the process has ended, or the time is up. */
  async until<T>(child: ChildProcessWithoutNullStreams, pick: (text: string) => T | undefined): Promise<T> {
    const deadline = AbortSignal.timeout(COMMANDS_SECONDS_MAX * 1_000);
    const onDeadline = (): void => this.#wake();
    deadline.addEventListener("abort", onDeadline);
    try {
      for (;;) {
        const found = pick(this.text);
        if (found !== undefined) return found;
        const { exitCode, signalCode } = child;
        assert.ok(exitCode === null && signalCode === null, `it ended (${exitCode ?? signalCode}):\n${this.text}`);
        assert.ok(!deadline.aborted, `it took more than ${COMMANDS_SECONDS_MAX} s:\n${this.text}`);
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      deadline.removeEventListener("abort", onDeadline);
    }
  }

  #wake(): void {
    for (const proceed of this.#waiting) proceed();
    this.#waiting.clear();
  }
}

function open({ cwd, env }: ShellOptions, args: readonly string[]): ChildProcessWithoutNullStreams {
  return spawn("bash", args, { cwd, env, detached: true, stdio: "pipe" });
}

/** As Ctrl-C in a terminal: every process in it gets the signal. */
function signal(child: ChildProcessWithoutNullStreams, name: "SIGINT" | "SIGKILL"): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, name);
  } catch (error) {
    // nothing of it is left
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** A terminal in which one program runs. */
export class Terminal implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #output: Output;
  readonly #closed: Promise<void>;

  constructor(commands: string, options: ShellOptions) {
    this.#child = open(options, ["-c", commands]);
    this.#output = new Output(this.#child);
    this.#closed = new Promise((resolve) => this.#child.once("close", () => resolve()));
  }

  /** What it has printed when `isComplete` says so. */
  printed(isComplete: (text: string) => boolean): Promise<string> {
    return this.#output.until(this.#child, (text) => (isComplete(text) ? text : undefined));
  }

  /** Ctrl-C, and everything in it has ended. */
  async interrupt(): Promise<void> {
    signal(this.#child, "SIGINT");
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    signal(this.#child, "SIGKILL");
    await this.#closed;
  }
}

/** The terminal that a reader types in: variables and functions stay. */
export class Shell implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #output: Output;

  constructor(options: ShellOptions) {
    this.#child = open(options, ["--noprofile", "--norc"]);
    this.#output = new Output(this.#child);
    // whoever runs commands hears that the shell has ended, and what it said
    this.#child.stdin.on("error", () => {});
    this.#child.stdin.write("set -euo pipefail\n");
  }

  /** Runs commands; resolves with what they print, rejects when one of them fails. */
  async run(commands: string): Promise<string> {
    const start = this.#output.text.length;
    this.#child.stdin.write(`${commands}\nprintf '\\n%s\\n' '${END}'\n`);
    return this.#output.until(this.#child, (text) => {
      const end = text.indexOf(`\n${END}\n`, start);
      return end === -1 ? undefined : text.slice(start, end);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#child.once("close", () => resolve()));
    const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
    signal(this.#child, "SIGKILL");
    if (!hasEnded) await closed;
  }
}
