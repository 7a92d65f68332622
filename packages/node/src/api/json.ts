/**
 * JSON in and out. A JSON number's source text is kept beside its rounded value, because amounts are exact to the unit
 * at any size; text is bounded in depth and in number of values before it is parsed.
 */

import { bytesToHex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { parseIntegerText, parseNumberSource } from "../contracts/exact-integer.ts";
import type { ArgumentValue, ExactNumber } from "../contracts/types.ts";

export interface JsonLimits {
  /** Nesting of arrays and objects; the outermost is depth 1. */
  readonly depthMax: number;
  /** Values of all arrays and objects together. */
  readonly valuesMax: number;
}

export const JSON_LIMITS: JsonLimits = { depthMax: 32, valuesMax: 100_000 };

/** What `JSON.parse` tells a reviver of a primitive (ECMAScript: source text access). */
interface SourceContext {
  readonly source?: string;
}

/** A number with its source text. A class, so that a caller's own `{"source": "1"}` is never taken for one. */
class SourceNumber implements ExactNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

const malformed = (reason: string): CodedError => new CodedError("MALFORMED_JSON", reason);

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
/** A number that is not exact as an ordinary one, or not written back as it came; or the like of one in a string. */
const ODD_NUMBER = /(?:^|[\s:,[])(?:-|\d{16}|\d+[.eE])/;

/** Index of the quote that ends the string which begins at `start`, or the length of the text. */
function endOfString(text: string, start: number): number {
  const quote = text.indexOf('"', start + 1);
  if (quote !== -1 && text.charCodeAt(quote - 1) !== BACKSLASH) return quote;
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

/** Refuses text that would nest too deep or hold too many values, in one pass and without building anything. */
function checkShape(text: string, limits: JsonLimits): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > limits.depthMax) throw malformed(`JSON nested deeper than ${limits.depthMax} levels`);
      values++;
    } else if (code === 0x5d || code === 0x7d) depth--;
    else if (code === COMMA) values++;
  }
  if (values > limits.valuesMax) throw malformed(`JSON with more than ${limits.valuesMax} values`);
}

/** Whether ordinary values say everything that the text does. */
const isPlain = (text: string): boolean =>
  !text.includes("\\") && !text.includes("__proto__") && !ODD_NUMBER.test(text);

function keepSource(key: string, value: unknown, context: SourceContext): unknown {
  if (key === "__proto__") throw malformed('the key "__proto__" is not accepted');
  return typeof value === "number" && context.source !== undefined ? new SourceNumber(context.source) : value;
}

/** `JSON.parse` as the runtime has it; the library types lag behind. */
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: SourceContext) => unknown,
) => ArgumentValue;

/** The parser's own words, without the excerpt of the text that V8 adds to some of them. */
function positionOf(error: unknown): string {
  const place = error instanceof Error ? /at position \d+|end of JSON input/i.exec(error.message) : null;
  return place === null ? "the body is not valid JSON" : `the body is not valid JSON (${place[0]})`;
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw malformed(positionOf(error));
  }
}

/**
 * Parses JSON text; every number becomes an `ExactNumber`.
 * @throws CodedError `MALFORMED_JSON`
 */
export function parseExactJson(text: string, limits: JsonLimits = JSON_LIMITS): ArgumentValue {
  checkShape(text, limits);
  return parsed(() => parseWithSource(text, keepSource));
}

/** A plain JSON value: what `JSON.parse` without reviver gives. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** A JSON value in which a number may be of either kind. */
export type ParsedJson =
  | string
  | number
  | boolean
  | null
  | ExactNumber
  | readonly ParsedJson[]
  | { readonly [key: string]: ParsedJson };

/**
 * Parses JSON text; numbers are ordinary ones where all are exact as such, as in most requests, which takes less time.
 * @throws CodedError `MALFORMED_JSON`
 */
export function parseJson(text: string, limits: JsonLimits = JSON_LIMITS): ParsedJson {
  checkShape(text, limits);
  return parsed(() => (isPlain(text) ? (JSON.parse(text) as JsonValue) : parseWithSource(text, keepSource)));
}

/** The same value with ordinary, rounded numbers. */
export function toPlainJson(value: ArgumentValue): JsonValue {
  if (value instanceof SourceNumber) return Number(value.source);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item: ArgumentValue) => toPlainJson(item));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlainJson(item)]));
}

/** The same value with ordinary numbers, but for integers beyond 2^53: these become text, with all their digits. */
export function toSafeJson(value: ParsedJson): JsonValue {
  if (value instanceof SourceNumber) {
    const number = Number(value.source);
    return /^-?\d+$/.test(value.source) && !Number.isSafeInteger(number) ? value.source : number;
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item: ParsedJson) => toSafeJson(item));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toSafeJson(item)]));
}

export const isExactNumber = (value: unknown): value is ExactNumber => value instanceof SourceNumber;

/** The integer that a request gave as text or as an exact number; undefined when it is none. */
function integerOf(value: ArgumentValue): bigint | undefined {
  if (typeof value !== "string" && !isExactNumber(value)) return undefined;
  const parsed = typeof value === "string" ? parseIntegerText(value) : parseNumberSource(value.source);
  return "value" in parsed ? parsed.value : undefined;
}

/** Whether two amounts mean the same number: `"1000"`, `1000` and `1e3` do. */
export function sameAmount(a: ArgumentValue, b: ArgumentValue): boolean {
  const amount = integerOf(a);
  return amount !== undefined && amount === integerOf(b);
}

/**
 * Decimal digits of an amount in a request.
 * @throws CodedError `INVALID_REQUEST` naming the field
 */
export function amountText(value: ArgumentValue, field: string): string {
  const amount = integerOf(value);
  if (amount !== undefined && amount >= 0n) return amount.toString();
  throw new CodedError("INVALID_REQUEST", `${field} must be an unsigned integer`, { field });
}

/** `JSON.stringify` for what comes from other layers: integers become decimal strings and bytes hexadecimal ones. */
export function toJsonText(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === "bigint") return item.toString();
    return item instanceof Uint8Array ? bytesToHex(item) : item;
  });
}

/** A copy of a value of another layer that JSON can hold. */
export function toJson(value: unknown): JsonValue {
  return value === undefined ? null : (JSON.parse(toJsonText(value)) as JsonValue);
}

/** JSON that is text already, to be sent as it is. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Items of a list, or members of an object, that are made into text at a stretch. */
const STRETCH = 128;
/** Lists in lists are done in steps down to here; what is below is small, or bounded with the whole. */
const STEPPED_DEPTH = 4;

async function stepsOf(value: unknown, pause: () => Promise<void>, depth: number): Promise<string> {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return toJsonText(value);
  if (depth === STEPPED_DEPTH) return toJsonText(value);
  const parts: string[] = [];
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue;
    if (parts.length % STRETCH === STRETCH - 1) await pause();
    const text = typeof item === "object" ? await stepsOf(item, pause, depth + 1) : toJsonText(item);
    parts.push(Array.isArray(value) ? text : `${JSON.stringify(name)}:${text}`);
  }
  return Array.isArray(value) ? `[${parts.join(",")}]` : `{${parts.join(",")}}`;
}

/** A large value as JSON, with pauses in which others have the thread. */
export const toJsonInSteps = async (value: unknown, pause: () => Promise<void>): Promise<JsonText> =>
  new JsonText(await stepsOf(value, pause, 0));
