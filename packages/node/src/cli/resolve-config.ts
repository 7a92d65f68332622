/**
 * A node's configuration from its four sources: flags, then environment, then file, then defaults. Where none names a
 * genesis file, the one in the data directory counts.
 */

import { resolve } from "node:path";
import { type CodedError, isCodedError } from "@counterpart/core/base/errors";
import { suggestionOf } from "@counterpart/core/base/similar";
import { Value } from "typebox/value";
import {
  CONFIG_DEFAULTS,
  CONFIG_OPTIONS,
  CONFIG_SCHEMA,
  type ConfigKey,
  type ConfigOption,
  type NodeConfig,
} from "../config.ts";
import { defaultDataDir } from "../config-defaults.ts";
import { CLIENT_FILE_KEYS } from "./client/settings.ts";
import { type FileSources, fileOrigin, readConfigFile } from "./config-file.ts";
import { invalidConfig } from "./invalid-config.ts";

/** As the command line gives them: text, or a list of texts for a repeatable flag; true for a flag without value. */
export type Flags = Readonly<Partial<Record<ConfigKey | "config", string | readonly string[] | boolean>>>;

export interface SettingSources extends FileSources {
  readonly flags: Flags;
}

export interface ConfigSources extends SettingSources {
  /** Path of the genesis file in a data directory; undefined where there is none. */
  genesisIn(dataDir: string): string | undefined;
}

/** Where a value came from; earlier ones win. Only a genesis file comes from the data directory. */
export type SettingSource = "flag" | "environment" | "file" | "data-dir" | "default";

/** A value somebody set, and where. */
interface Setting {
  readonly value: unknown;
  readonly source: SettingSource;
  /** For messages: `--api-port`, `COUNTERPART_API_PORT`, `"api_port" in /etc/node.json`. */
  readonly origin: string;
  readonly baseDir: string;
}

/** One setting as a node would be started with it. */
export interface ResolvedSetting {
  readonly option: Pick<ConfigOption, "fileKey" | "isSecret">;
  /** As the node would take it; as it was given where it is refused; undefined where there is none. */
  readonly value: unknown;
  readonly source: SettingSource;
  /** Which flag, variable or key it was; "default" where nobody set it. */
  readonly origin: string;
}

export interface Inspection {
  /** Every one, in the order of the schema. */
  readonly settings: readonly ResolvedSetting[];
  /** What is wrong, a sentence each that names the source; in the order in which it was found. */
  readonly problems: readonly CodedError[];
  /** Absent when there are problems. */
  readonly config?: NodeConfig;
  /** What can be looked at further all the same: defaults stand in for settings that are not known. */
  readonly draft: NodeConfig;
  /** Refused, or to come from a file that cannot be read. */
  readonly unknown: ReadonlySet<ConfigKey>;
}

const PATHS: ReadonlySet<ConfigKey> = new Set([
  "dataDir",
  "genesis",
  "keystorePasswordFile",
  "networkKey",
  "allowPeersFile",
]);

/** @throws CodedError `INVALID_CONFIG`, its message being one sentence that names the source */
export function resolveConfig(sources: ConfigSources): NodeConfig {
  const { config, problems } = inspectConfig(sources);
  if (config !== undefined) return config;
  throw problems[0] ?? invalidConfig("the configuration is incomplete");
}

/** Every setting with its source, and everything that is wrong with them. */
export function inspectConfig(sources: ConfigSources): Inspection {
  const problems: CodedError[] = [];
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!isCodedError(error)) throw error;
      problems.push(error);
      return undefined;
    }
  };
  const file = attempt(() => readFileSettings(sources, problems));
  const given: Partial<Record<ConfigKey, unknown>> = {};
  const found = new Map<ConfigKey, Setting>();
  for (const option of CONFIG_OPTIONS) {
    const setting = settingOf(option, sources, file ?? new Map());
    if (setting === undefined) continue;
    found.set(option.key, setting);
    const value = attempt(() => checkedValue(option, setting));
    if (value !== undefined) given[option.key] = value;
  }
  const isKnown = (key: ConfigKey): boolean => key in given || (file !== undefined && !found.has(key));
  const unknown = new Set(CONFIG_OPTIONS.map(({ key }) => key).filter((key) => !isKnown(key)));
  const ports = { ...CONFIG_DEFAULTS, ...given };
  const dataDir = resolve(sources.workingDir, defaultDataDir(Number(ports.p2pPort)));
  const isPlaceKnown = "dataDir" in given || !(unknown.has("dataDir") || unknown.has("p2pPort"));
  if (!isPlaceKnown && !found.has("genesis")) unknown.add("genesis");
  else if (!found.has("genesis")) {
    const path = sources.genesisIn(String(given.dataDir ?? dataDir));
    if (path !== undefined) {
      found.set("genesis", { value: path, source: "data-dir", origin: path, baseDir: sources.workingDir });
      given.genesis = path;
    }
  }
  const config = { ...CONFIG_DEFAULTS, dataDir, ...given };
  const held: Partial<Record<ConfigKey, unknown>> = config;
  const settings = CONFIG_OPTIONS.map((option): ResolvedSetting => {
    const { value, source = "default", origin = "default" } = found.get(option.key) ?? {};
    const isRefused = source !== "default" && !(option.key in given);
    return { option, value: isRefused ? value : held[option.key], source, origin };
  });
  if (!Value.Check(CONFIG_SCHEMA, config)) throw invalidConfig("the configuration is incomplete");
  problems.push(...portProblems(config, unknown));
  return { settings, problems, draft: config, unknown, ...(problems.length === 0 && { config }) };
}

/** Where a node of these settings has its files, whatever is wrong with the others. */
export interface Places {
  /** Absolute, as is the other. */
  readonly dataDir: string;
  /** Absent where nobody named one. */
  readonly genesis?: string;
}

/** A place by its key. A file that the environment names is read only where nothing else says it. */
function createPlaced(sources: SettingSources): (key: ConfigKey) => unknown {
  let file = sources.flags.config === undefined ? undefined : readFileSettings(sources, []);
  const fromFile = (key: ConfigKey): Setting | undefined => {
    file ??= readFileSettings(sources, []);
    return file.get(key);
  };
  return (key) => {
    const option = CONFIG_OPTIONS.find((known) => known.key === key) as ConfigOption;
    const setting = flagSetting(option, sources) ?? environmentSetting(option, sources) ?? fromFile(key);
    return setting === undefined ? undefined : checkedValue(option, setting);
  };
}

/** @throws CodedError `INVALID_CONFIG`, its message being one sentence that names the source */
export function resolveDataDir(sources: SettingSources, placed = createPlaced(sources)): string {
  const dataDir = placed("dataDir") ?? defaultDataDir(Number(placed("p2pPort") ?? CONFIG_DEFAULTS.p2pPort));
  return resolve(sources.workingDir, String(dataDir));
}

/** @throws CodedError as `resolveDataDir` */
export function resolvePlaces(sources: SettingSources): Places {
  const placed = createPlaced(sources);
  const genesis = placed("genesis");
  return {
    dataDir: resolveDataDir(sources, placed),
    ...(genesis !== undefined && { genesis: String(genesis) }),
  };
}

const settingOf = (
  option: ConfigOption,
  sources: SettingSources,
  file: ReadonlyMap<ConfigKey, Setting>,
): Setting | undefined => flagSetting(option, sources) ?? environmentSetting(option, sources) ?? file.get(option.key);

function flagSetting(option: ConfigOption, { flags, workingDir }: SettingSources): Setting | undefined {
  const value = flags[option.key];
  if (value === undefined) return undefined;
  return {
    value: parseFlag(option, value),
    source: "flag",
    origin: option.flag,
    baseDir: workingDir,
  };
}

/** An empty variable counts as not set. */
function environmentSetting(option: ConfigOption, sources: SettingSources): Setting | undefined {
  const text = sources.environment[option.variable];
  if (text === undefined || text === "") return undefined;
  return {
    value: parseText(option, text),
    source: "environment",
    origin: option.variable,
    baseDir: sources.workingDir,
  };
}

/** A list's flag may be repeated, and each hold several. */
function parseFlag(option: ConfigOption, value: NonNullable<Flags[ConfigKey]>): unknown {
  if (typeof value === "string") return parseText(option, value);
  return typeof value === "boolean" ? value : value.flatMap((text) => parseText(option, text));
}

/** Text that does not fit stays as it is, so that the check refuses it. */
function parseText(option: ConfigOption, text: string): unknown {
  if (option.kind === "integer") return /^\d{1,9}$/.test(text) ? Number(text) : text;
  if (option.kind === "boolean") return BOOLEANS.get(text.toLowerCase()) ?? text;
  if (option.kind === "list") return text.split(",").map((part) => part.trim());
  return text;
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

/** Unknown keys are added to the problems; a file that cannot be read at all throws. */
function readFileSettings(sources: SettingSources, problems: CodedError[]): Map<ConfigKey, Setting> {
  const settings = new Map<ConfigKey, Setting>();
  const file = readConfigFile(sources.flags.config, sources);
  if (file === undefined) return settings;
  for (const [fileKey, value] of Object.entries(file.content)) {
    const option = CONFIG_OPTIONS.find((known) => known.fileKey === fileKey);
    if (option !== undefined) {
      const origin = fileOrigin(fileKey, file);
      settings.set(option.key, { value, source: "file", origin, baseDir: resolve(file.path, "..") });
    } else if (!CLIENT_FILE_KEYS.includes(fileKey)) problems.push(unknownKey(fileKey, file.path));
  }
  return settings;
}

function unknownKey(key: string, path: string): CodedError {
  const known = [...CONFIG_OPTIONS.map((option) => option.fileKey), ...CLIENT_FILE_KEYS];
  const advice = suggestionOf(key, known) || `; the known keys are ${known.join(", ")}`;
  return invalidConfig(`unknown key ${JSON.stringify(key)} in ${path}${advice}`);
}

function checkedValue(option: ConfigOption, { value, origin, baseDir }: Setting): unknown {
  if (!Value.Check(CONFIG_SCHEMA.properties[option.key], value)) {
    throw invalidConfig(`${origin} must be ${option.expected}, not ${JSON.stringify(value)}`);
  }
  return typeof value === "string" && PATHS.has(option.key) ? resolve(baseDir, value) : value;
}

/** Two servers of one node at one address would only fail later, with a message about "another process". */
function portProblems(config: NodeConfig, unknown: ReadonlySet<ConfigKey>): readonly CodedError[] {
  const api = { what: "--api-port", hostKey: "apiHost", portKey: "apiPort" } as const;
  const p2p = { what: "--p2p-port", hostKey: "p2pHost", portKey: "p2pPort" } as const;
  const ws = { what: "--ws-port", hostKey: "p2pHost", portKey: "wsPort" } as const;
  const pairs = [[api, p2p] as const, [api, ws] as const, [p2p, ws] as const];
  return pairs.flatMap(([one, other]) => {
    const port = config[one.portKey];
    const isSame = port === config[other.portKey] && config[one.hostKey] === config[other.hostKey];
    const isGuess = [one, other].some(({ hostKey, portKey }) => unknown.has(hostKey) || unknown.has(portKey));
    if (port === 0 || !isSame || isGuess) return [];
    return [invalidConfig(`${one.what} and ${other.what} must be different ports, not both ${port}`)];
  });
}
