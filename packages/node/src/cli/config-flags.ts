/** The flags of the commands that look at a node's whole configuration: one for each of its settings. */

import { readFileSync } from "node:fs";
import { CONFIG_DEFAULTS, CONFIG_OPTIONS, type ConfigOption } from "../config.ts";
import { genesisIn } from "../store/data-dir-genesis.ts";
import { type ClientFlags, inspectClient } from "./client/settings.ts";
import type { OptionSpec } from "./command.ts";
import { CONFIG_VARIABLE } from "./config-file.ts";
import type { CommandContext } from "./context.ts";
import { type Flags, type Inspection, inspectConfig } from "./resolve-config.ts";

function toFlag(option: ConfigOption): OptionSpec<Flags[keyof Flags]> {
  const { flag, placeholder, description, kind } = option;
  const note = defaultNoteOf(option);
  return {
    flags: placeholder === undefined ? flag : `${flag} <${placeholder}>`,
    description,
    ...(kind === "list" && { isList: true }),
    ...(note !== undefined && { defaultNote: note }),
  };
}

/** A default as text; undefined where there is none to speak of. */
function defaultNoteOf({ key }: ConfigOption): string | undefined {
  if (key === "dataDir") return "data/p2p-<p2p-port>";
  const value = Object.entries(CONFIG_DEFAULTS).find(([name]) => name === key)?.[1];
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

export const CONFIG_FLAGS: Readonly<Record<string, OptionSpec<Flags[keyof Flags]>>> = {
  config: { flags: "--config <path>", description: "JSON file with any of these settings", variable: CONFIG_VARIABLE },
  ...Object.fromEntries(CONFIG_OPTIONS.map((option) => [option.key, toFlag(option)])),
};

/** Those that were given. */
export const flagsOf = (options: Readonly<Record<string, Flags[keyof Flags] | undefined>>): Flags =>
  Object.fromEntries(
    Object.keys(CONFIG_FLAGS).flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
  );

/** A node's settings and then those of the commands that ask one. What is wrong with both is told once. */
export function inspectOptions(options: Readonly<Record<string, unknown>>, context: CommandContext): Inspection {
  const node = inspectConfig({
    flags: flagsOf(options as Parameters<typeof flagsOf>[0]),
    environment: context.environment,
    workingDir: context.workingDir,
    readFile: (path) => readFileSync(path, "utf8"),
    genesisIn,
  });
  const client = inspectClient(options as ClientFlags, context);
  const more = client.problems.filter(({ message }) => !node.problems.some((known) => known.message === message));
  return { ...node, settings: [...node.settings, ...client.settings], problems: [...node.problems, ...more] };
}
