/** The configuration file, which a node and the commands that ask one share. */

import { resolve } from "node:path";
import { reasonOf } from "@counterpart/core/base/errors";
import { invalidConfig } from "./invalid-config.ts";

export const CONFIG_VARIABLE = "COUNTERPART_CONFIG";
const FILE_CHARACTERS_MAX = 1_000_000;
/** With which some editors begin a file. */
const BYTE_ORDER_MARK = /^\uFEFF/;

export interface FileSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absolute folder that relative paths start from; those in a file start from the file's folder. */
  readonly workingDir: string;
  /** @throws when there is no such file */
  readFile(path: string): string;
}

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** @returns undefined when none is named. @throws CodedError `INVALID_CONFIG` when it cannot be read */
export function readConfigFile(flag: unknown, sources: FileSources): ConfigFile | undefined {
  const named = flag ?? sources.environment[CONFIG_VARIABLE];
  if (typeof named !== "string" || named === "") return undefined;
  const path = resolve(sources.workingDir, named);
  let text: string;
  try {
    text = sources.readFile(path);
  } catch (error) {
    throw invalidConfig(`the configuration file ${path} cannot be read: ${reasonOf(error)}`);
  }
  if (text.length > FILE_CHARACTERS_MAX) throw invalidConfig(`the configuration file ${path} is too large`);
  return { path, content: parsed(text, path) };
}

function parsed(text: string, path: string): ConfigFile["content"] {
  let content: unknown;
  try {
    content = JSON.parse(text.replace(BYTE_ORDER_MARK, ""));
  } catch (error) {
    // Not the rest of the reason, which quotes the file: it may hold a token.
    const place = / \(line \d+ column \d+\)/.exec(reasonOf(error))?.[0] ?? "";
    throw invalidConfig(`the configuration file ${path} is not valid JSON${place}`);
  }
  if (typeof content === "object" && content !== null && !Array.isArray(content)) return { ...content };
  throw invalidConfig(`the configuration file ${path} must hold a JSON object`);
}

/** For messages. */
export const fileOrigin = (key: string, { path }: ConfigFile): string => `"${key}" in ${path}`;
