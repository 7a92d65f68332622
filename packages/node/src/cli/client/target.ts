/** Which node a command asks, and how it is allowed to. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { CodedError } from "@counterpart/core/base/errors";
import { DEFAULTS } from "../../config-defaults.ts";
import { type ExitNote, flag, text } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { type ApiClient, createApiClient } from "./api-client.ts";

export const DEFAULT_URL = `http://${DEFAULTS.apiHost}:${DEFAULTS.apiPort}`;
const TOKEN_CHARACTERS_MAX = 4_096;

/** What every command that asks a node takes. */
export const CLIENT_OPTIONS = {
  url: text("--url <url>", "the node's API", { defaultNote: DEFAULT_URL, variable: "COUNTERPART_URL" }),
  token: text("--token <token>", "the token of a node beyond loopback", { variable: "COUNTERPART_TOKEN" }),
  tokenFile: text("--token-file <path>", "file with that token, such as api-token in the node's data directory", {
    variable: "COUNTERPART_TOKEN_FILE",
  }),
  json: flag("--json", "as one JSON document, for programs"),
};

/** How such a command may end. */
export const CLIENT_EXITS: readonly ExitNote[] = [
  [EXIT.ok, "done"],
  [EXIT.usage, "wrong flag, argument or file"],
  [EXIT.unreachable, "no node answers at that address"],
  [EXIT.refused, "the node answered with an error"],
];

export interface Target {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
}

/** What was given, by flag or else by environment, and under which name. An empty variable counts as not set. */
function setting(flagName: string, value: string | undefined, variable: string, { environment }: CommandContext) {
  if (value !== undefined) return { value, origin: flagName };
  const fallback = environment[variable];
  return fallback === undefined || fallback === "" ? undefined : { value: fallback, origin: variable };
}

/** @throws CodedError `INVALID_CONFIG` */
export function urlOf({ url }: Target, context: CommandContext): string {
  const given = setting("--url", url, CLIENT_OPTIONS.url.variable, context);
  if (given === undefined) return DEFAULT_URL;
  const parsed = URL.canParse(given.value) ? new URL(given.value) : undefined;
  if (parsed !== undefined && ["http:", "https:"].includes(parsed.protocol)) return parsed.origin;
  throw new CodedError("INVALID_CONFIG", `${given.origin} ${given.value} is no address such as ${DEFAULT_URL}`);
}

function readToken(path: string, origin: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new CodedError("INVALID_CONFIG", `${origin}: the token cannot be read: ${String(error)}`);
  }
}

/** @throws CodedError `INVALID_CONFIG` */
export function tokenOf({ token, tokenFile }: Target, context: CommandContext): string | undefined {
  const byFlag =
    token ?? (tokenFile === undefined ? undefined : readToken(resolve(context.workingDir, tokenFile), "--token-file"));
  const { COUNTERPART_TOKEN: direct, COUNTERPART_TOKEN_FILE: file } = context.environment;
  const byFile = (): string | undefined =>
    file === undefined || file === ""
      ? undefined
      : readToken(resolve(context.workingDir, file), "COUNTERPART_TOKEN_FILE");
  const found = byFlag ?? (direct === undefined || direct === "" ? byFile() : direct);
  if (found === undefined) return undefined;
  if (/^[\x21-\x7e]+$/.test(found) && found.length <= TOKEN_CHARACTERS_MAX) return found;
  throw new CodedError("INVALID_CONFIG", "the token must be printable ASCII characters without spaces");
}

/** @throws CodedError `INVALID_CONFIG` */
export function clientOf(target: Target, context: CommandContext): ApiClient {
  const token = tokenOf(target, context);
  return createApiClient({ url: urlOf(target, context), ...(token !== undefined && { token }) });
}
