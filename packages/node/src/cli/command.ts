/** What a command is: its grammar, what help and docs/CLI.md say of it, and what it does. */

import type { CommandContext } from "./context.ts";
import { invalidConfig } from "./invalid-config.ts";

/** `T` is what a command finds where the option was given. */
export interface OptionSpec<T = unknown> {
  /** As commander writes them: `--limit <count>`, `--json`, `--no-keys`. */
  readonly flags: string;
  readonly description: string;
  /** For a value that is not just text. Throws CodedError `INVALID_CONFIG`. */
  readonly parse?: (text: string) => T;
  /** Taken where the option is not given. */
  readonly default?: T;
  /** What is said to be the default, where no value is. */
  readonly defaultNote?: string;
  /** Environment variable that stands in for the option. */
  readonly variable?: string;
  /** Values that there are; also for completion. */
  readonly choices?: readonly string[];
  /** Whether it may be given several times, or with several values. */
  readonly isList?: boolean;
  readonly isRequired?: boolean;
}

export interface ArgumentSpec<T = unknown> {
  readonly description: string;
  readonly isRequired: boolean;
  readonly isVariadic: boolean;
  readonly choices?: readonly string[];
  /** Never set: it carries the type of the value. */
  readonly valueType?: T;
}

export type Options = Readonly<Record<string, OptionSpec>>;
export type Arguments = Readonly<Record<string, ArgumentSpec>>;

type OptionValues<O extends Options> = {
  readonly [K in keyof O]: O[K] extends OptionSpec<infer T> ? (O[K] extends { default: T } ? T : T | undefined) : never;
};
type ArgumentValues<A extends Arguments> = {
  readonly [K in keyof A]: A[K] extends ArgumentSpec<infer T> ? T : never;
};

/** What was given on the command line. */
export interface Given<A extends Arguments = Arguments, O extends Options = Options> {
  readonly args: ArgumentValues<A>;
  readonly options: OptionValues<O>;
}

/** An exit code and when a command ends with it. */
export type ExitNote = readonly [code: number, meaning: string];

export interface CommandGrammar<A extends Arguments = Arguments, O extends Options = Options> {
  /** Positional, in this order. */
  readonly args: A;
  readonly options: O;
  /** Paragraphs of help, each on one line. */
  readonly details?: readonly string[];
  readonly examples: readonly string[];
  readonly exits: readonly ExitNote[];
}

export interface Command extends CommandGrammar {
  /**
   * @returns the exit code, 0 when it gives none
   * @throws CodedError and NodeRefusal, from which the exit code follows
   */
  run(given: Given, context: CommandContext): Promise<number | undefined>;
}

interface TypedCommand<A extends Arguments, O extends Options> extends CommandGrammar<A, O> {
  run(given: Given<A, O>, context: CommandContext): Promise<number | undefined>;
}

/** The parser gives each command what its own grammar says, which the types of a mixed list cannot tell. */
export function defineCommand<A extends Arguments, O extends Options>(command: TypedCommand<A, O>): Command {
  return command as unknown as Command;
}

export const required = (description: string): ArgumentSpec<string> => ({
  description,
  isRequired: true,
  isVariadic: false,
});
export const optional = (description: string, choices?: readonly string[]): ArgumentSpec<string | undefined> => ({
  description,
  isRequired: false,
  isVariadic: false,
  ...(choices !== undefined && { choices }),
});
export const choiceArgument = (description: string, choices: readonly string[]): ArgumentSpec<string> => ({
  ...required(description),
  choices,
});
export const variadic = (description: string): ArgumentSpec<readonly string[]> => ({
  description,
  isRequired: false,
  isVariadic: true,
});

type Extra<T> = Pick<OptionSpec<T>, "default" | "defaultNote" | "variable" | "isRequired">;

export const flag = (flags: string, description: string): OptionSpec<boolean> => ({ flags, description });

export function text<E extends Extra<string>>(flags: string, description: string, extra?: E): OptionSpec<string> & E {
  return { flags, description, ...(extra as E) };
}

export const list = (
  flags: string,
  description: string,
  extra: Extra<readonly string[]> = {},
): OptionSpec<readonly string[]> => ({ flags, description, isList: true, ...extra });

export function choice<E extends Extra<string>>(
  flags: string,
  description: string,
  choices: readonly string[],
  extra?: E,
): OptionSpec<string> & E {
  return { flags, description, choices, ...(extra as E) };
}

/** An option's name as it is written: `--limit` of `--limit <count>`. */
export const longFlagOf = ({ flags }: OptionSpec): string => /--[a-z0-9-]+/.exec(flags)?.[0] ?? flags;

/** @param max inclusive */
export function integer<E extends Extra<number>>(
  flags: string,
  description: string,
  min: number,
  max: number,
  extra?: E,
): OptionSpec<number> & E {
  const name = longFlagOf({ flags, description });
  const parse = (given: string): number => {
    const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw invalidConfig(`${name} must be a number from ${min} to ${max}, not ${JSON.stringify(given)}`);
  };
  return { flags, description, parse, ...(extra as E) };
}

type WithoutUndefined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** The object without its undefined members: as options go into functions and into the bodies of requests. */
export function withoutUndefined<T extends object>(value: T): WithoutUndefined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as WithoutUndefined<T>;
}
