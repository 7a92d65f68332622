/** Which node a command asks, and how it is allowed to. */

import { choice, type ExitNote, flag, text } from "../command.ts";
import { CONFIG_VARIABLE } from "../config-file.ts";
import type { CommandContext } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { type ApiClient, createApiClient } from "./api-client.ts";
import {
  CLIENT_TIMEOUT_MS,
  type ClientFlags,
  COLORS,
  clientSettings,
  clientVariable,
  DEFAULT_URL,
} from "./settings.ts";

/** What every command that asks a node takes. */
export const CLIENT_OPTIONS = {
  url: text("--url <url>", "the node's API", { defaultNote: DEFAULT_URL, variable: clientVariable("url") }),
  token: text("--token <token>", "the token of a node beyond loopback", { variable: clientVariable("token") }),
  tokenFile: text("--token-file <path>", "file with that token, such as api-token in the node's data directory", {
    variable: clientVariable("tokenFile"),
  }),
  timeoutMs: text("--timeout-ms <ms>", "longest silence of the node", {
    defaultNote: String(CLIENT_TIMEOUT_MS),
    variable: clientVariable("timeoutMs"),
  }),
  color: choice("--color <when>", "colours, which auto leaves to the terminal", COLORS, {
    defaultNote: "auto",
    variable: clientVariable("color"),
  }),
  config: text("--config <path>", "JSON file with any of these settings", { variable: CONFIG_VARIABLE }),
  json: flag("--json", "as one JSON document, for programs"),
};

/** How such a command may end. */
export const CLIENT_EXITS: readonly ExitNote[] = [
  [EXIT.ok, "done"],
  [EXIT.usage, "wrong flag, argument or file"],
  [EXIT.unreachable, "no node answers at that address"],
  [EXIT.refused, "the node answered with an error"],
];

interface Preferences {
  /** Where nobody named one. */
  readonly url?: string;
  /** Longest silence, where nobody set one. */
  readonly timeoutMs?: number;
}

/** @throws CodedError `INVALID_CONFIG` */
export function clientOf(flags: ClientFlags, context: CommandContext, preferred: Preferences = {}): ApiClient {
  const { isUrlGiven, url, token, timeoutMs = preferred.timeoutMs } = clientSettings(flags, context);
  return createApiClient({
    url: isUrlGiven ? url : (preferred.url ?? url),
    ...(token !== undefined && { token }),
    ...(timeoutMs !== undefined && { requestMs: timeoutMs }),
  });
}
