/** The Logger port on pino: one line an event, either for people or as JSON. */

import { bytesToHex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { LogFields, Logger } from "@counterpart/core/ports/runtime";
import { type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";
import { prettyFactory } from "pino-pretty";
import { createLineOutput, type LogSink } from "./standard-output.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
export type LogFormat = "pretty" | "json";

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
  /** Text for people, between the lines. */
  print(text: string): void;
  /** Returns when all that was logged is written, or cannot be; call it before the process exits. */
  flush(): void;
}

/**
 * Values of fields may be anything: an Error becomes its code and message (with its stack in JSON), a bigint its
 * decimal digits, bytes their hexadecimal text.
 */
export function createLogger(options: LoggerOptions): FlushableLogger {
  // Whatever the level.
  const onDropped = (lines: number): void =>
    target.child({}, { level: "warn" }).warn({ lines }, "lines of the log could not be written, and are missing here");
  const sink = options.sink ?? createLineOutput({ onDropped });
  const target: PinoLogger = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.format === "json" ? sink : createPrettySink(sink, options.color),
  );
  return {
    ...wrap(target, options.format),
    print: (text) => sink.write(text),
    flush: () => sink.flush(),
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
