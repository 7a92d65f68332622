/** The Logger port on pino: one line an event, either for people or as JSON. */

import { writeSync } from "node:fs";
import { bytesToHex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { LogFields, Logger } from "@counterpart/core/ports/runtime";
import { type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";
import { prettyFactory } from "pino-pretty";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
export type LogFormat = "pretty" | "json";

/** Takes whole lines, each ending in a line break. */
export interface LogSink {
  write(line: string): void;
  flush(): void;
}

export interface LoggerOptions {
  /** The least severe level that is written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Standard output when absent. */
  readonly sink?: LogSink;
  /** Colours in the pretty format; by default when standard output is a terminal. */
  readonly color?: boolean;
}

export interface FlushableLogger extends Logger {
  /** Returns when all that was logged is written; call it before the process exits. */
  flush(): void;
}

/**
 * Values of fields may be anything: an Error becomes its code and message (with its stack in JSON), a bigint its
 * decimal digits, bytes their hexadecimal text.
 */
export function createLogger(options: LoggerOptions): FlushableLogger {
  const sink = options.sink ?? createStandardOutput();
  const target = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.format === "json" ? sink : createPrettySink(sink, options.color),
  );
  return { ...wrap(target, options.format), flush: () => sink.flush() };
}

const STANDARD_OUTPUT = 1;
/** For so long a line waits for a reader that is slow. */
const READER_MS_MAX = 1_000;
const RETRY_MS = 10;

const isBusy = (error: unknown): boolean => ["EAGAIN", "EBUSY", "EINTR"].includes((error as { code: string }).code);

/** @returns how many bytes were written: all of them, unless the reader has gone or does not read, or the disk is full */
function writeWaiting(bytes: Uint8Array): number {
  let at = 0;
  for (let waitedMs = 0; at < bytes.length; ) {
    try {
      at += writeSync(STANDARD_OUTPUT, bytes, at);
    } catch (error) {
      if (!isBusy(error) || waitedMs >= READER_MS_MAX) break;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      waitedMs += RETRY_MS;
    }
  }
  return at;
}

/** Writes at once, and drops what cannot be written: a log is no reason for a node to end, nor to stand still. */
function createStandardOutput(): LogSink {
  let isCut = false;
  return {
    write(line) {
      const bytes = Buffer.from(isCut ? `\n${line}` : line);
      const written = writeWaiting(bytes);
      if (written > 0) isCut = written < bytes.length;
    },
    flush() {},
  };
}

function createPrettySink(sink: LogSink, color = process.stdout.isTTY === true): Pick<LogSink, "write"> {
  const pretty = prettyFactory({
    colorize: color,
    singleLine: true,
    translateTime: "SYS:HH:MM:ss.l",
    errorLikeObjectKeys: [],
  });
  return { write: (line) => sink.write(pretty(line)) };
}

function wrap(target: PinoLogger, format: LogFormat): Logger {
  const write = (level: "debug" | "info" | "warn" | "error") => (message: string, fields?: LogFields) => {
    if (target.isLevelEnabled(level)) target[level](printable(fields, format), message);
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (fields) => wrap(target.child(printable(fields, format)), format),
  };
}

function printable(fields: LogFields | undefined, format: LogFormat): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields ?? {}).map(([key, value]) => [key, printableValue(value, format)]));
}

function printableValue(value: unknown, format: LogFormat): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return bytesToHex(value);
  if (!(value instanceof Error)) return value;
  const name = value instanceof CodedError ? value.code : value.name;
  return format === "pretty" ? `${name}: ${value.message}` : { name, message: value.message, stack: value.stack };
}
