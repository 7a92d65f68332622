/** Clock, timers, randomness, logging: what core and driver may not reach for themselves. Types only. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Calls back once after `delayMs`; the returned function cancels. With 0 it calls back as soon as what has already
   * arrived is handled.
   */
  setTimer(delayMs: number, callback: () => void): () => void;
}

export interface Random {
  bytes(size: number): Uint8Array;
  /** Uniform in [0, 1). */
  fraction(): number;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logging: a stable message, then its values. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}
