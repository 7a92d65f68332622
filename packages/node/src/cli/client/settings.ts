/**
 * Settings of the commands that ask a node, stated once: flags, environment variables and keys of the configuration file
 * follow from this table, named as a node's own are. Without the library of that schema, which takes longer to load than
 * most of these commands need.
 */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type CodedError, isCodedError, reasonOf } from "@counterpart/core/base/errors";
import { DEFAULTS, settingNames } from "../../config-defaults.ts";
import { type ConfigFile, fileOrigin, readConfigFile } from "../config-file.ts";
import type { CommandContext } from "../context.ts";
import { invalidConfig } from "../invalid-config.ts";

export const DEFAULT_URL = `http://${DEFAULTS.apiHost}:${DEFAULTS.apiPort}`;
export const CLIENT_TIMEOUT_MS = 30_000;
const TIMEOUT_MS_MAX = 3_600_000;
const TOKEN_CHARACTERS_MAX = 4_096;
export const COLORS = ["auto", "always", "never"] as const;

/** As flags, variables and files give them. @returns undefined for what does not fit */
const readers = {
  url(value: unknown): string | undefined {
    const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
    const isTaken = url !== undefined && ["http:", "https:"].includes(url.protocol);
    // Below a path, where a server in front of the node has it there; what a node prints ends in that of its API.
    return isTaken ? `${url.origin}${url.pathname.replace(/(\/api\/v1)?\/*$/, "")}` : undefined;
  },
  token(value: unknown): string | undefined {
    const isToken = typeof value === "string" && /^[\x21-\x7e]+$/.test(value) && value.length <= TOKEN_CHARACTERS_MAX;
    return isToken ? value : undefined;
  },
  tokenFile: (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined),
  timeoutMs(value: unknown): number | undefined {
    const ms = typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value;
    return typeof ms === "number" && Number.isInteger(ms) && ms >= 1 && ms <= TIMEOUT_MS_MAX ? ms : undefined;
  },
  color: (value: unknown): (typeof COLORS)[number] | undefined => COLORS.find((color) => color === value),
};

type Readers = typeof readers;
export type ClientKey = keyof Readers;
type Values = { readonly [K in ClientKey]?: NonNullable<ReturnType<Readers[K]>> };

interface ClientSetting {
  /** Completes "… must be". */
  readonly expected: string;
  readonly fallback?: string | number;
  /** Not to be shown. */
  readonly isSecret?: boolean;
}

const SETTINGS: Readonly<Record<ClientKey, ClientSetting>> = {
  url: { expected: `an address such as ${DEFAULT_URL}`, fallback: DEFAULT_URL },
  token: { expected: "printable ASCII characters without spaces", isSecret: true },
  tokenFile: { expected: "a path" },
  timeoutMs: { expected: `a number from 1 to ${TIMEOUT_MS_MAX}`, fallback: CLIENT_TIMEOUT_MS },
  color: { expected: "auto, always or never", fallback: "auto" },
};
const KEYS = Object.keys(SETTINGS) as readonly ClientKey[];

export const CLIENT_FILE_KEYS: readonly string[] = KEYS.map((key) => settingNames(key).fileKey);
export const clientVariable = (key: ClientKey): string => settingNames(key).variable;
export const CLIENT_VARIABLES: readonly string[] = KEYS.map(clientVariable);

/** What was given on the command line. */
export type ClientFlags = Readonly<Partial<Record<ClientKey | "config", unknown>>>;

/** Where a value came from; earlier ones win. */
const SOURCES = ["flag", "environment", "file"] as const;
type Source = (typeof SOURCES)[number];

interface Given {
  readonly value: unknown;
  readonly source: Source;
  readonly origin: string;
  readonly baseDir: string;
}

/** An empty variable counts as not set. */
function givenOf(key: ClientKey, flags: ClientFlags, file: ConfigFile | undefined, context: CommandContext) {
  const { flag, variable, fileKey } = settingNames(key);
  const baseDir = context.workingDir;
  if (flags[key] !== undefined) return { value: flags[key], source: "flag", origin: flag, baseDir } as const;
  const text = context.environment[variable];
  if (text !== undefined && text !== "") {
    return { value: text, source: "environment", origin: variable, baseDir } as const;
  }
  if (file === undefined || !Object.hasOwn(file.content, fileKey)) return undefined;
  const origin = fileOrigin(fileKey, file);
  return { value: file.content[fileKey], source: "file", origin, baseDir: resolve(file.path, "..") } as const;
}

export interface InspectedSetting {
  readonly option: { readonly fileKey: string; readonly isSecret?: boolean };
  /** As it was given where it is refused. */
  readonly value: unknown;
  readonly source: Source | "default";
  readonly origin: string;
}

export interface ClientInspection {
  readonly settings: readonly InspectedSetting[];
  /** A sentence each, which names the source. */
  readonly problems: readonly CodedError[];
  readonly values: Values;
  readonly given: ReadonlyMap<ClientKey, Given>;
}

function fileOf(flags: ClientFlags, { environment, workingDir }: CommandContext, problems: CodedError[]) {
  try {
    return readConfigFile(flags.config, { environment, workingDir, readFile: (path) => readFileSync(path, "utf8") });
  } catch (error) {
    if (!isCodedError(error)) throw error;
    problems.push(error);
    return undefined;
  }
}

/** Every setting with its source, and everything that is wrong with them. */
export function inspectClient(flags: ClientFlags, context: CommandContext): ClientInspection {
  const problems: CodedError[] = [];
  const file = fileOf(flags, context, problems);
  const values: Partial<Record<ClientKey, unknown>> = {};
  const given = new Map<ClientKey, Given>();
  const settings = KEYS.map((key): InspectedSetting => {
    const { expected, fallback, isSecret = false } = SETTINGS[key];
    const option = { fileKey: settingNames(key).fileKey, isSecret };
    const found = givenOf(key, flags, file, context);
    if (found === undefined) return { option, value: fallback, source: "default", origin: "default" };
    given.set(key, found);
    const { value, source, origin, baseDir } = found;
    const read = readers[key](value);
    if (read === undefined) {
      const shown = isSecret ? "" : `, not ${JSON.stringify(value)}`;
      problems.push(invalidConfig(`${origin} must be ${expected}${shown}`));
    } else values[key] = key === "tokenFile" ? resolve(baseDir, String(read)) : read;
    return { option, value: values[key] ?? value, source, origin };
  });
  return { settings, problems, values: values as Values, given };
}

export interface ClientSettings {
  /** Whether somebody named it. */
  readonly isUrlGiven: boolean;
  readonly url: string;
  readonly token?: string;
  /** Longest silence of the node; absent where nobody set it. */
  readonly timeoutMs?: number;
  readonly color: (typeof COLORS)[number];
}

function readToken(path: string, origin: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    const reason = reasonOf(error);
    const advice = "a node that listens beyond loopback keeps it as api-token in its data directory";
    throw invalidConfig(`${origin}: the token cannot be read: ${reason}; ${advice}`);
  }
  const token = readers.token(text);
  if (token !== undefined) return token;
  throw invalidConfig(`${origin}: ${path} must hold ${SETTINGS.token.expected}`);
}

/** The one from the earlier source; the token itself where both are from the same. */
function tokenOf({ values, given }: ClientInspection): string | undefined {
  const rank = (key: ClientKey): number => SOURCES.indexOf(given.get(key)?.source ?? "file");
  const { token, tokenFile } = values;
  if (tokenFile === undefined || (token !== undefined && rank("token") <= rank("tokenFile"))) return token;
  return readToken(tokenFile, given.get("tokenFile")?.origin ?? "");
}

/** What is wrong with the file that the token would be read from. */
export function tokenProblems(flags: ClientFlags, context: CommandContext): readonly CodedError[] {
  try {
    tokenOf(inspectClient(flags, context));
    return [];
  } catch (error) {
    if (isCodedError(error)) return [error];
    throw error;
  }
}

/** @throws CodedError `INVALID_CONFIG` that names the source of what is wrong */
export function clientSettings(flags: ClientFlags, context: CommandContext): ClientSettings {
  const inspection = inspectClient(flags, context);
  const [problem] = inspection.problems;
  if (problem !== undefined) throw problem;
  const { url, timeoutMs, color = "auto" } = inspection.values;
  const token = tokenOf(inspection);
  return {
    isUrlGiven: url !== undefined,
    url: url ?? DEFAULT_URL,
    color,
    ...(token !== undefined && { token }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
}
