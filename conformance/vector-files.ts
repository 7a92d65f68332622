/** Reading the JSON files of a suite. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { type Hex, hexToBytes, utf8ToBytes } from "@counterpart/core/base/bytes";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export interface Vector {
  /** Path of its file below the suite's folder. */
  readonly file: string;
  /** `file: name`. */
  readonly id: string;
  readonly content: Json;
}

/** Every named case of every JSON file below `folder`, in the order of their paths. */
export function* readVectors(folder: string): Generator<Vector> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const path of paths) {
    const file = relative(folder, path);
    const cases = JSON.parse(readFileSync(path, "utf8")) as Json;
    if (!isObject(cases)) throw new Error(`${file} is not an object of cases`);
    for (const [name, content] of Object.entries(cases)) yield { file, id: `${file}: ${name}`, content };
  }
}

/** Bytes of hex text with or without its prefix. */
export const hexOf = (text: string): Uint8Array => hexToBytes(text.startsWith("0x") ? text : `0x${text}`);

/** The convention of the official vectors: text with 0x is hexadecimal, any other is meant literally. */
export const bytesOfText = (text: string): Uint8Array =>
  text.startsWith("0x") ? hexToBytes(text as Hex) : utf8ToBytes(text);
