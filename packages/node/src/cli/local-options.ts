/** Flags of the commands that work on a node's files rather than by its API. */

import { DEFAULTS, defaultDataDir } from "../config-defaults.ts";
import { type ExitNote, text } from "./command.ts";
import { EXIT } from "./exit-code.ts";

const DATA_DIR = defaultDataDir(DEFAULTS.p2pPort);

export const dataDirOption = (description = "the node's folder") =>
  text("--data-dir <path>", description, { default: DATA_DIR });

export const GENESIS_OPTION = text(
  "--genesis <path>",
  "genesis file (genesis.json beside the database when not given, else the development network)",
);

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
