/** Flags of the commands that work on a node's files rather than by its API. */

import { readFileSync } from "node:fs";
import { DEFAULTS, defaultDataDir, settingNames } from "../config-defaults.ts";
import { type ExitNote, text, withoutUndefined } from "./command.ts";
import { CONFIG_VARIABLE } from "./config-file.ts";
import type { CommandContext } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import type { Flags, Places, SettingSources } from "./resolve-config.ts";

export const dataDirOptions = (description = "the node's folder") => ({
  dataDir: text("--data-dir <path>", description, {
    variable: settingNames("dataDir").variable,
    defaultNote: defaultDataDir(DEFAULTS.p2pPort),
  }),
  config: text("--config <path>", "JSON file with a node's settings", { variable: CONFIG_VARIABLE }),
});

export const GENESIS_OPTION = text(
  "--genesis <path>",
  "genesis file (genesis.json beside the database when not given, else the development network)",
  { variable: settingNames("genesis").variable },
);

interface PlaceFlags {
  readonly dataDir: string | undefined;
  readonly config: string | undefined;
  readonly genesis?: string | undefined;
}

const sourcesOf = (flags: Flags, { environment, workingDir }: CommandContext): SettingSources => ({
  ...{ flags, environment, workingDir },
  readFile: (path) => readFileSync(path, "utf8"),
});

/** Where `start` would look, so that a command finds the files of the node that it stands beside. */
export async function dataDirOf({ dataDir, config }: PlaceFlags, context: CommandContext): Promise<string> {
  const { resolveDataDir } = await import("./resolve-config.ts");
  return resolveDataDir(sourcesOf(withoutUndefined({ dataDir, config }), context));
}

/** The same, and which genesis file. */
export async function placesOf({ dataDir, config, genesis }: PlaceFlags, context: CommandContext): Promise<Places> {
  const { resolvePlaces } = await import("./resolve-config.ts");
  return resolvePlaces(sourcesOf(withoutUndefined({ dataDir, config, genesis }), context));
}

export const DATA_DIR_EXIT: ExitNote = [
  EXIT.dataDir,
  "the data directory is in use, unusable, damaged or of another version",
];

export const DATA_DIR_EXITS: readonly ExitNote[] = [[EXIT.usage, "wrong flag or genesis"], DATA_DIR_EXIT];

/** Of commands that make a folder: it is there when they are done, or not at all. */
export const WHOLE_OR_NOTHING_EXITS: readonly ExitNote[] = [
  [EXIT.interrupted, "stopped by Ctrl-C; nothing is left"],
  [EXIT.terminated, "stopped by SIGTERM; nothing is left"],
];
