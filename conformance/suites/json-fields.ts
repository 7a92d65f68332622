/** Reading the fields of vectors. Each reader ends the case, naming the field, when the field is not what it must be. */

import type { Hex } from "@counterpart/core/base/bytes";
import { check } from "../suite.ts";
import { isObject, type Json, type JsonObject } from "../vector-files.ts";

/** Marks numbers that are no 256-bit words. */
const BIG_PREFIX = "0x:bigint ";

export function textOf(value: Json | undefined, name: string): string {
  check(typeof value === "string", `${name} is no text`);
  return value;
}

export function objectOf(value: Json | undefined, name: string): JsonObject {
  check(isObject(value), `${name} is no object`);
  return value;
}

export function listOf(value: Json | undefined, name: string): readonly Json[] {
  check(Array.isArray(value), `${name} is no list`);
  return value;
}

export function numberOf(value: Json | undefined, name: string): bigint {
  check(typeof value === "string" && value !== "", `${name} is no number`);
  return BigInt(value.startsWith(BIG_PREFIX) ? value.slice(BIG_PREFIX.length) : value);
}

/** A number as an address or a word has it: with all its leading zeros. */
export function fixedHex(value: Json | undefined, name: string, size: number): Hex {
  const digits = numberOf(value, name)
    .toString(16)
    .padStart(2 * size, "0");
  check(digits.length === 2 * size, `${name} has more than ${size} bytes`);
  return `0x${digits}`;
}
