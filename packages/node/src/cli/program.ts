/** The command line's grammar and help. */

import { CodedError } from "@counterpart/core/base/errors";
import { Command, CommanderError, Option } from "commander";
import { CONFIG_DEFAULTS, CONFIG_OPTIONS, type ConfigOption, defaultDataDir } from "../config.ts";
import { VERSION } from "../version.ts";
import type { BackupOptions, ResetOptions, RestoreOptions, VerifyOptions } from "./db.ts";
import type { ExportOptions } from "./export.ts";
import type { ImportOptions } from "./import.ts";
import { CONFIG_VARIABLE, type Flags } from "./resolve-config.ts";
import type { StatusOptions } from "./status.ts";

/** What the arguments ask for; `shown` when commander has already answered with help or the version. */
export type Request =
  | { readonly kind: "start"; readonly flags: Flags }
  | { readonly kind: "verify"; readonly options: VerifyOptions }
  | { readonly kind: "backup"; readonly options: BackupOptions }
  | { readonly kind: "restore"; readonly options: RestoreOptions }
  | { readonly kind: "reset"; readonly options: ResetOptions }
  | { readonly kind: "status"; readonly options: StatusOptions }
  | { readonly kind: "import"; readonly options: ImportOptions }
  | { readonly kind: "export"; readonly options: ExportOptions }
  | { readonly kind: "shown" };

export interface Output {
  write(text: string): void;
  writeError(text: string): void;
}

const HELP = `
Every flag can also be given as an environment variable (--api-port as COUNTERPART_API_PORT) and as a key of the JSON
file that --config names ("api_port"). A flag wins over the environment, which wins over the file.

Examples:
  counterpart start
  counterpart start --api-port 8081 --p2p-port 5001 --peer 127.0.0.1:5000
  counterpart start --dev --log-level debug
  COUNTERPART_LOG_FORMAT=json counterpart start --data-dir /var/lib/counterpart

Exit codes:
  0 stopped as asked   1 unexpected failure   2 wrong flag, variable, configuration or genesis
  3 a port is taken    4 the data directory is in use or unusable, or a key is damaged
  6 stopped as asked, by a node that had diverged
`;

const STATUS_HELP = `
Examples:
  counterpart status
  counterpart status --watch --url http://127.0.0.1:8081
  counterpart status --json | jq .sync.lag_blocks

Exit codes:
  0 shown   2 wrong flag   5 no node answers at that address
`;

const IMPORT_HELP = `
The data directory must be empty, or hold what an earlier import of the same chain left: then it goes on from there. Every
block is executed and checked; one that is refused leaves those before it. A node started on the directory serves the
chain, read-only.

Examples:
  counterpart import genesis.json chain.rlp --data-dir data/mainnet-part
  counterpart import genesis.json chain.rlp.gz --json | jq .blocks_per_second
  counterpart start --data-dir data/mainnet-part

Exit codes:
  0 all of the file is imported   2 wrong flag or genesis   4 the data directory is in use or unusable
  7 the file is malformed, or a block of it breaks a rule   130, 143 stopped; the same command goes on
`;

const EXPORT_HELP = `
Blocks are written one after the other, as other clients export and import them; a node may use the directory meanwhile.

Examples:
  counterpart export chain.rlp
  counterpart export --data-dir data/p2p-5001 --from 100 --to 200 part.rlp
`;

/**
 * @param args arguments after the program's name
 * @throws CodedError `INVALID_CONFIG` when they are not understood
 */
export function parseArguments(args: readonly string[], output: Output): Request {
  let request: Request = { kind: "shown" };
  const program = createProgram(output, (asked) => {
    request = asked;
  });
  try {
    program.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw new CodedError("INVALID_CONFIG", usageMessage(error));
  }
  return request;
}

function usageMessage(error: CommanderError): string {
  if (error.code === "commander.help") return "a command is missing; counterpart --help shows them";
  return error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
}

function createProgram(output: Output, ask: (request: Request) => void): Command {
  const program = new Command("counterpart")
    .description("A node of an EVM network that synchronises smart contracts between peers")
    .version(VERSION, "-V, --version", "show the version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.write(text),
      writeErr: (text) => output.writeError(text),
      outputError: () => {},
    });
  const command = program
    .command("start")
    .description("run a node until it is told to stop (Ctrl-C or SIGTERM)")
    .version(VERSION, "-V, --version", "show the version")
    .addOption(configOption())
    .addHelpText("after", HELP)
    .action((flags: Flags) => ask({ kind: "start", flags }));
  for (const option of CONFIG_OPTIONS) command.addOption(toFlag(option));
  program
    .command("status")
    .description("show where a running node stands: head, lag, what is fetched, peers")
    .option("--url <url>", "the node's API", `http://${CONFIG_DEFAULTS.apiHost}:${CONFIG_DEFAULTS.apiPort}`)
    .option("--watch", "again every second, until Ctrl-C")
    .option("--json", "as JSON, a line each time")
    .addHelpText("after", STATUS_HELP)
    .action((options: StatusOptions) => ask({ kind: "status", options: { ...options, url: urlOf(options.url) } }));
  addChainCommands(program, ask);
  addDatabaseCommands(program.command("db").description("check, copy and restore a node's database"), ask);
  return program;
}

/** @throws CodedError `INVALID_CONFIG` */
function urlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ["http:", "https:"].includes(url.protocol)) return url.origin;
  throw new CodedError("INVALID_CONFIG", `--url ${text} is no address such as http://127.0.0.1:8080`);
}

const DATA_DIR_DEFAULT = defaultDataDir(CONFIG_DEFAULTS.p2pPort);

/** @throws CodedError `INVALID_CONFIG` */
function blockNumber(flag: string): (text: string) => number {
  return (text) => {
    if (/^\d{1,15}$/.test(text)) return Number(text);
    throw new CodedError("INVALID_CONFIG", `${flag} must be the number of a block, not ${JSON.stringify(text)}`);
  };
}

function addChainCommands(program: Command, ask: (request: Request) => void): void {
  program
    .command("import")
    .description("take a chain that was sealed elsewhere into a data directory, executing and checking every block")
    .argument("<genesis>", "genesis file of other clients, with its config")
    .argument("<file>", "blocks, one RLP encoding after the other; compressed where it ends with .gz")
    .option("--data-dir <path>", "folder to make, or to go on with", DATA_DIR_DEFAULT)
    .option("--json", "progress and result as lines of JSON")
    .addHelpText("after", IMPORT_HELP)
    .action((genesis: string, file: string, options: Pick<ImportOptions, "dataDir" | "json">) =>
      ask({ kind: "import", options: { ...options, genesis, file } }),
    );
  program
    .command("export")
    .description("write blocks of the chain to a file, also while the node runs")
    .argument("<file>", "file to make")
    .option("--data-dir <path>", "the node's folder", DATA_DIR_DEFAULT)
    .addOption(new Option("--from <number>", "first block (default: 1)").argParser(blockNumber("--from")))
    .addOption(new Option("--to <number>", "last block (default: the head)").argParser(blockNumber("--to")))
    .addHelpText("after", EXPORT_HELP)
    .action((file: string, options: Omit<ExportOptions, "file">) =>
      ask({ kind: "export", options: { ...options, file } }),
    );
}

function addDatabaseCommands(db: Command, ask: (request: Request) => void): void {
  const dataDir = ["--data-dir <path>", "the node's folder", DATA_DIR_DEFAULT] as const;
  const genesis = ["--genesis <path>", "genesis file (the development network when not given)"] as const;
  db.command("verify")
    .description("check everything that is stored; the node must not run")
    .option(...dataDir)
    .option(...genesis)
    .action((options: VerifyOptions) => ask({ kind: "verify", options }));
  db.command("backup")
    .description("copy database and keys to a new folder, also while the node runs")
    .option(...dataDir)
    .requiredOption("--to <path>", "folder to make")
    .option("--no-keys", "leave the keys out")
    .action((options: BackupOptions) => ask({ kind: "backup", options }));
  db.command("restore")
    .description("check a backup and make it a data directory")
    .requiredOption("--from <path>", "folder that backup made")
    .option(...dataDir)
    .option(...genesis)
    .action((options: RestoreOptions) => ask({ kind: "restore", options }));
  db.command("reset")
    .description("give up a chain that development methods have changed, keeping the keys; the node must not run")
    .option(...dataDir)
    .action((options: ResetOptions) => ask({ kind: "reset", options }));
}

function configOption(): Option {
  return new Option("--config <path>", `JSON file with any of these settings [env ${CONFIG_VARIABLE}]`);
}

function toFlag(option: ConfigOption): Option {
  const value = option.placeholder === undefined ? "" : ` <${option.placeholder}>`;
  const flag = new Option(`${option.flag}${value}`, `${option.description}${defaultNote(option)}`);
  if (option.kind === "list") flag.argParser((text: string, before: readonly string[] = []) => [...before, text]);
  return flag;
}

function defaultNote({ key }: ConfigOption): string {
  if (key === "dataDir") return " (default: data/p2p-<p2p-port>)";
  const value = Object.entries(CONFIG_DEFAULTS).find(([name]) => name === key)?.[1];
  return typeof value === "string" || typeof value === "number" ? ` (default: ${value})` : "";
}
