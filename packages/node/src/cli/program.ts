/** From arguments to a command and what it was given; help and the version are answered here. */

import { CodedError } from "@counterpart/core/base/errors";
import { Argument, CommanderError, Option, Command as Parser } from "commander";
import { VERSION } from "../version.ts";
import type { ArgumentSpec, Command, Given, OptionSpec } from "./command.ts";
import { type CommandEntry, type CommandGroup, isGroup, type NamedEntry } from "./command-nodes.ts";
import { COMMANDS } from "./command-tree.ts";
import { helpText } from "./help.ts";

export interface Output {
  write(text: string): void;
  writeError(text: string): void;
}

export interface Request {
  /** Such as `["contracts", "list"]`. */
  readonly path: readonly string[];
  readonly command: Command;
  readonly given: Given;
}

type Ask = (request: Request) => void;

/** `help contracts list` is `contracts list --help`. */
const normalized = (args: readonly string[]): readonly string[] =>
  args[0] === "help" ? [...args.slice(1), "--help"] : args;

/** The command that the first arguments name, if they do. */
function findEntry(args: readonly string[]): NamedEntry | undefined {
  const node = COMMANDS.find(({ name }) => name === args[0]);
  if (node === undefined) return undefined;
  if (!isGroup(node)) return { path: [node.name], entry: node };
  const entry = node.entries.find(({ name }) => name === args[1]);
  return entry === undefined ? undefined : { path: [node.name, entry.name], entry };
}

/**
 * @param args arguments after the program's name
 * @returns undefined when help or the version was asked for, and shown
 * @throws CodedError `INVALID_CONFIG` when they are not understood
 */
export async function parseArguments(args: readonly string[], output: Output): Promise<Request | undefined> {
  const asked = normalized(args);
  const found = findEntry(asked);
  const command = await found?.entry.load();
  let request: Request | undefined;
  const program = createProgram(output, found, command, (made) => {
    request = made;
  });
  try {
    program.parse([...asked], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) {
      throw new CodedError("INVALID_CONFIG", usageMessage(error, asked, found), adviceFor(error, command));
    }
  }
  return request;
}

/** What is wrong, with where to read on. */
function usageMessage(error: CommanderError, args: readonly string[], found: NamedEntry | undefined): string {
  const group = COMMANDS.find((node) => isGroup(node) && node.name === args[0]);
  const path = found?.path ?? (group === undefined ? [] : [group.name]);
  const help = ["counterpart", ...path, "--help"].join(" ");
  if (error.code === "commander.help") return `a command is missing; ${help} shows them`;
  const message = error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
  const reworded = REWORDED.find(([pattern]) => pattern.test(message));
  return `${reworded === undefined ? message : message.replace(...reworded)}; ${help} shows what there is`;
}

/** What the parser says in words of its own, as everything else here is said. */
const REWORDED: readonly (readonly [RegExp, string])[] = [
  [/^missing required argument '(.*)'$/, "<$1> is missing"],
  [/^required option '(.*)' not specified$/, "$1 is missing"],
  [/^option '(.*)' argument missing$/, "$1 needs a value"],
  [/^too many arguments for '(.*)'\. Expected (\d+) arguments? but got (\d+)\.$/, "$1 takes $2 arguments, not $3"],
  [
    /^command-argument value '(.*)' is invalid for argument '(.*)'\. Allowed choices are (.*)\.$/,
    "$2 must be one of $3, not $1",
  ],
  [/^option '(\S+) .*' argument '(.*)' is invalid\. Allowed choices are (.*)\.$/, "$1 must be one of $3, not $2"],
];

/** An example says more than the name of what is wrong; of a flag that there is not, the parser suggests another. */
function adviceFor({ code }: CommanderError, command: Command | undefined): { readonly advice?: string } {
  const example = command?.examples[0];
  return example === undefined || code === "commander.unknownOption" ? {} : { advice: `such as: ${example}` };
}

function createProgram(output: Output, found: NamedEntry | undefined, command: Command | undefined, ask: Ask): Parser {
  const program = new Parser("counterpart")
    .description("A node of an EVM network that synchronises smart contracts between peers")
    .version(VERSION, "-V, --version", "show the version")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.write(text),
      writeErr: (text) => output.writeError(text),
      outputError: () => {},
    })
    .addHelpText("after", "\ncounterpart <command> --help shows flags, examples and exit codes.\n");
  const addEntry = (parent: Parser, path: readonly string[], entry: CommandEntry): void => {
    const parser = parent.command(entry.name).description(entry.summary);
    if (entry === found?.entry && command !== undefined) addGrammar(parser, path, command, ask);
  };
  for (const node of COMMANDS) {
    if (isGroup(node)) addGroup(program, node, addEntry);
    else addEntry(program, [node.name], node);
  }
  return program;
}

function addGroup(
  program: Parser,
  { name, summary, entries }: CommandGroup,
  addEntry: (parent: Parser, path: readonly string[], entry: CommandEntry) => void,
): void {
  const parser = program.command(name).description(summary).helpCommand(false);
  for (const entry of entries) addEntry(parser, [name, entry.name], entry);
}

function toOption(spec: OptionSpec): Option {
  const { flags, parse, choices, isList, isRequired } = spec;
  const option = new Option(flags, describeOption(spec));
  if (choices !== undefined) option.choices([...choices]);
  if (isList === true) option.argParser((text: string, before: readonly string[] = []) => [...before, text]);
  else if (parse !== undefined) option.argParser(parse);
  return isRequired === true ? option.makeOptionMandatory() : option;
}

/** The description with everything that is known of the default. Commander's own notes would come in another order. */
export function describeOption({ description, default: value, defaultNote, variable }: OptionSpec): string {
  const shown = defaultNote ?? (value === undefined ? undefined : String(value));
  const notes = [
    ...(variable === undefined ? [] : [`env: ${variable}`]),
    ...(shown === undefined ? [] : [`default: ${shown}`]),
  ];
  return notes.length === 0 ? description : `${description} (${notes.join(", ")})`;
}

function toArgument(name: string, { description, isRequired, isVariadic, choices }: ArgumentSpec): Argument {
  const argument = new Argument(usageOf(name, { description, isRequired, isVariadic }), description);
  return choices === undefined ? argument : argument.choices([...choices]);
}

/** `<address>`, `[template]`, `[arguments...]`. */
export function usageOf(name: string, { isRequired, isVariadic }: ArgumentSpec): string {
  const word = `${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}${isVariadic ? "..." : ""}`;
  return isRequired ? `<${word}>` : `[${word}]`;
}

function addGrammar(parser: Parser, path: readonly string[], command: Command, ask: Ask): void {
  const options = Object.entries(command.options).map(([key, spec]) => ({ key, spec, option: toOption(spec) }));
  for (const [name, spec] of Object.entries(command.args)) parser.addArgument(toArgument(name, spec));
  for (const { option } of options) parser.addOption(option);
  parser
    .version(VERSION, "-V, --version", "show the version")
    .addHelpText("after", helpText(command))
    .action((...values: unknown[]) => {
      const given = parser.opts<Record<string, unknown>>();
      const args = Object.keys(command.args).map((name, at) => [name, values[at]] as const);
      const chosen = options.map(
        ({ key, spec, option }) => [key, given[option.attributeName()] ?? spec.default] as const,
      );
      ask({ path, command, given: { args: Object.fromEntries(args), options: Object.fromEntries(chosen) } });
    });
}
